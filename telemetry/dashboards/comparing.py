"""Variants, or pipelines, beside each other: adherence by week, and every metric in the last full week."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from telemetry.dashboards.asked import WEEK, Asked
from telemetry.dashboards.marts import ARM, REACHED, SPORT, WEEKS, Marts
from telemetry.dashboards.numbers import NOTHING, Number, guarded, number
from telemetry.dashboards.people import GROUPS, is_about_people, people_by_week
from telemetry.metric_definitions import Definition, definitions

ADHERENCE: Final = "adherence"
CONTROLS: Final = {"variant": "control", "pipeline": "simplified"}
"""What the others are compared with: drawn grey, and last."""
_SUMS: Final = (
    "SELECT metric, week, {group} AS name, sum(numerator) AS numerator, sum(denominator) AS denominator, sum(n) AS n,"
    " bool_or(is_synthetic) AS is_synthetic FROM read_parquet($mart_metrics_weekly)"
    f" WHERE {WEEKS} AND list_contains($metrics, metric) AND {REACHED} AND {ARM} AND {SPORT} GROUP BY ALL"
)


@dataclass(frozen=True, slots=True)
class Side:
    """A variant or pipeline: its name in the marts, blank for what is outside all of them, and as it is shown."""

    name: str
    label: str
    is_control: bool


@dataclass(frozen=True)
class Weekly:
    """A metric week by week; `values` by the name of a side, one for each week that was asked for."""

    sides: tuple[Side, ...]
    values: Mapping[str, tuple[Number, ...]]
    is_synthetic: bool


@dataclass(frozen=True)
class Row:
    """A metric in a week: for everybody, by side, and by side in the week before. People outside are in `whole`."""

    definition: Definition
    whole: Number
    values: tuple[Number, ...]
    before: tuple[Number, ...]


@dataclass(frozen=True)
class Table:
    """All metrics of a week."""

    week: date
    sides: tuple[Side, ...]
    rows: tuple[Row, ...]
    is_synthetic: bool


def weekly(marts: Marts, asked: Asked, metric: str = ADHERENCE) -> Weekly:
    """Return a metric by week and side."""
    definition = definitions()[metric]
    found = _numbers(marts, asked, [definition], asked.by)
    sides = sides_of({name for _, _, name in found.by}, asked.by, keep_outside=True)
    values = {one.name: tuple(found.by.get((metric, week, one.name), NOTHING) for week in asked.weeks) for one in sides}
    return Weekly(sides, values, found.is_synthetic)


def last_week(marts: Marts, asked: Asked) -> Table:
    """Return every metric of people in the last full week of what was asked for."""
    wanted = [one for one in definitions().values() if is_about_people(one)]
    two = replace(asked, start=asked.until - 2 * WEEK)
    split, whole = _numbers(marts, two, wanted, asked.by), _numbers(marts, two, wanted, "all")
    sides = sides_of({name for _, _, name in split.by}, asked.by, keep_outside=False)
    last, before = asked.last_week, asked.last_week - WEEK
    rows = tuple(
        Row(
            one,
            whole.by.get((one.name, last, ""), NOTHING),
            tuple(split.by.get((one.name, last, side.name), NOTHING) for side in sides),
            tuple(split.by.get((one.name, before, side.name), NOTHING) for side in sides),
        )
        for one in wanted
    )
    return Table(last, sides, rows, whole.is_synthetic)


def sides_of(names: set[str], by: str, *, keep_outside: bool) -> tuple[Side, ...]:
    """Return sides in the order in which they are shown: the control after the others, the outside last.

    A variant is shown without its experiment's key where there is one experiment.
    """
    experiments = {name.partition(":")[0] for name in names if ":" in name}
    found = []
    for name in sorted(names - {""}):
        key, _, variant = name.rpartition(":")
        label = (variant if len(experiments) < 2 else f"{key}: {variant}") or name
        found.append(Side(name, label, variant == CONTROLS[by]))
    found.sort(key=lambda side: side.is_control)
    if "" in names and (keep_outside or not found):
        found.append(Side("", "Outside experiments" if by == "variant" else "No pipeline", is_control=not found))
    return tuple(found)


@dataclass(frozen=True)
class _Found:
    by: Mapping[tuple[str, date, str], Number]
    is_synthetic: bool


def _numbers(marts: Marts, asked: Asked, wanted: Sequence[Definition], by: str) -> _Found:
    rows = marts.rows(_SUMS.format(group=GROUPS[by]), asked, metrics=[one.name for one in wanted])
    people: dict[str, Mapping[tuple[date, str], int]] = {}
    if marts.reach.is_pseudonymous:
        people = {one.name: people_by_week(marts, asked, one, by) for one in wanted}

    def shown(row: Mapping[str, Any]) -> Number:
        behind = people[row["metric"]].get((row["week"], row["name"]), 0) if people else None
        return number(row["numerator"], row["denominator"], row["n"], behind, marts.reach.least)

    wholes: dict[tuple[str, date], dict[str, Number]] = defaultdict(dict)
    for row in rows:
        wholes[row["metric"], row["week"]][row["name"]] = shown(row)
    by_side = {(*whole, name): one for whole, parts in wholes.items() for name, one in guarded(parts).items()}
    return _Found(by_side, any(row["is_synthetic"] for row in rows))
