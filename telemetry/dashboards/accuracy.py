"""Predicted against raced, by the grade of the model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from scipy.special import stdtrit

from telemetry.dashboards.asked import Asked
from telemetry.dashboards.marts import ARM, REACHED, SPORT, WEEKS, Marts
from telemetry.dashboards.numbers import NOTHING, WITHHELD, Number, guarded

GRADES: Final = ("calibrated", "provisional", "population")
LEVEL: Final = 0.95
_SUMS: Final = (
    "SELECT {group} AS name, sum(races) AS races, sum(error_percent_sum) AS errors,"
    " sum(absolute_error_percent_sum) AS absolute, sum(squared_error_percent_sum) AS squared,"
    " bool_or(is_synthetic) AS is_synthetic FROM read_parquet($mart_accuracy)"
    f" WHERE {WEEKS} AND {REACHED} AND {ARM} AND {SPORT} GROUP BY ALL"
)
_PEOPLE: Final = (
    "SELECT {group} AS name, count(DISTINCT athlete) AS people FROM read_parquet($fct_races)"
    f" WHERE {WEEKS} AND error_percent IS NOT NULL AND {REACHED} AND {ARM} AND ($sport = '' OR athlete IN"
    " (SELECT athlete FROM read_parquet($dim_athletes) WHERE sport = $sport)) GROUP BY ALL"
)
_GROUPS: Final = {
    "grade": "coalesce(grade, '')",
    "race": "race",
    "pipeline": "coalesce(pipeline, '')",
    "variant": "coalesce(experiment_arm, '')",
}


@dataclass(frozen=True)
class Accuracy:
    """Errors of some races, in percent of the result: mean absolute error with a 95 % interval, and the mean error.

    bias: positive where predictions are above results. low, high: None below two races.
    """

    name: str
    error: Number
    low: float | None
    high: float | None
    bias: Number

    @property
    def races(self) -> int:
        return int(self.error.n)


@dataclass(frozen=True)
class Accuracies:
    """By grade, by race, by pipeline and by variant."""

    by: Mapping[str, tuple[Accuracy, ...]]
    is_synthetic: bool


def accuracies(marts: Marts, asked: Asked) -> Accuracies:
    """Return how far predictions were from races that were run in the weeks asked for."""
    by, is_synthetic = {}, False
    for title, group in _GROUPS.items():
        rows = marts.rows(_SUMS.format(group=group), asked)
        people: dict[str, int] = {}
        if marts.reach.is_pseudonymous:
            people = {row["name"]: row["people"] for row in marts.rows(_PEOPLE.format(group=group), asked)}
        found = [_accuracy(row, people.get(row["name"], 0) if people else None, marts.reach.least) for row in rows]
        left = guarded({one.name: one.error for one in found})
        found = [one if one.error == left[one.name] else _withheld(one.name) for one in found]
        by[title] = tuple(sorted(found, key=lambda one: _order(one.name)))
        is_synthetic |= any(row["is_synthetic"] for row in rows)
    return Accuracies(by, is_synthetic)


def interval(n: int, total: float, squares: float) -> tuple[float, float] | None:
    """Return the 95 % interval of a mean, by Student's t with each race as one observation; None below two.

    Args:
        n: observations; total, squares: the sums of them and of their squares.
    """
    if n < 2:
        return None
    mean = total / n
    variance = max(squares - n * mean * mean, 0.0) / (n - 1)
    reach = float(stdtrit(n - 1, (1 + LEVEL) / 2)) * math.sqrt(variance / n)
    return mean - reach, mean + reach


def _accuracy(row: Mapping[str, Any], people: int | None, least: int) -> Accuracy:
    races = int(row["races"])
    if not races:
        return Accuracy(row["name"], NOTHING, None, None, NOTHING)
    if people is not None and people < least:
        return _withheld(row["name"])
    low, high = interval(races, row["absolute"], row["squared"]) or (None, None)
    error, bias = Number(row["absolute"] / races, races), Number(row["errors"] / races, races)
    return Accuracy(row["name"], error, None if low is None else max(low, 0.0), high, bias)


def _withheld(name: str) -> Accuracy:
    return Accuracy(name, WITHHELD, None, None, WITHHELD)


def _order(name: str) -> tuple[int, str]:
    return (GRADES.index(name), "") if name in GRADES else (len(GRADES), name)
