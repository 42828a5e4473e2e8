"""What is measured, from one file: `warehouse/metrics.yml`. dbt, experiments and dashboards all read it here. Pure.

A metric's value is the sum of its numerator over the sum of its denominator: weeks, coaches and variants add up.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

FILE: Final = Path(__file__).parent / "warehouse" / "metrics.yml"
UNITS: Final = frozenset({"share", "hours", "of 5", "number", "percent", "ms", "days"})
_REQUIRED: Final = frozenset(
    {"title", "describes", "unit", "direction", "grain", "facts", "numerator", "denominator", "formula", "requirements"}
)
_OPTIONAL: Final = frozenset({"n", "where", "target"})
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Target:
    """What is aimed at, over the last `weeks`: at least or at most `value`, in the metric's unit."""

    value: float
    at_least: bool
    weeks: int

    def is_met(self, value: float) -> bool:
        """Return whether a value meets it."""
        return value >= self.value if self.at_least else value <= self.value


@dataclass(frozen=True, slots=True)
class Definition:
    """One metric.

    grain: what a row of the facts is. numerator, denominator, n, where: SQL over the columns of `facts`.
    requirements: ids of the rows of the requirements that ask for it.
    """

    name: str
    title: str
    describes: str
    unit: str
    higher_is_better: bool
    grain: str
    facts: str
    numerator: str
    denominator: str
    n: str
    where: str | None
    formula: str
    target: Target | None
    requirements: tuple[str, ...]


@functools.cache
def definitions() -> Mapping[str, Definition]:
    """Return the metrics by name, in the file's order; read once a process.

    Raises:
        ValueError: the file says something that no metric can mean.
    """
    return read(FILE.read_text())


def read(text: str) -> dict[str, Definition]:
    """Read definitions.

    Raises:
        ValueError: as `definitions`; names the metric and the word.
    """
    return {name: _definition(name, told) for name, told in yaml.safe_load(text).items()}


def for_dbt() -> dict[str, dict[str, Any]]:
    """Return what the models of the warehouse loop over."""
    return {
        one.name: {
            "facts": one.facts,
            "numerator": one.numerator,
            "denominator": one.denominator,
            "n": one.n,
            "where": one.where,
            "target": one.target and {
                "at_least" if one.target.at_least else "at_most": one.target.value,
                "weeks": one.target.weeks,
            },
        }
        for one in definitions().values()
    }  # fmt: skip


def _definition(name: str, told: Mapping[str, Any]) -> Definition:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name}: a metric's name is lower case with underscores")
    if wrong := (_REQUIRED - told.keys()) | (told.keys() - _REQUIRED - _OPTIONAL):
        raise ValueError(f"{name}: missing or unknown: {', '.join(sorted(wrong))}")
    if told["unit"] not in UNITS:
        raise ValueError(f"{name}: unit is one of {', '.join(sorted(UNITS))}")
    if told["direction"] not in ("up", "down"):
        raise ValueError(f"{name}: direction is up or down")
    kept = {key: told[key] for key in ("title", "describes", "unit", "grain", "facts", "numerator", "formula")}
    return Definition(
        name=name,
        **kept,
        denominator=str(told["denominator"]),
        higher_is_better=told["direction"] == "up",
        n=str(told.get("n", "1")),
        where=told.get("where"),
        target=_target(name, told.get("target"), higher=told["direction"] == "up"),
        requirements=tuple(told["requirements"]),
    )


def _target(name: str, told: Mapping[str, Any] | None, *, higher: bool) -> Target | None:
    if told is None:
        return None
    word = "at_least" if higher else "at_most"
    if told.keys() != {word, "weeks"} or told["weeks"] < 1:
        raise ValueError(f"{name}: its target says {word} and weeks")
    return Target(float(told[word]), higher, int(told["weeks"]))
