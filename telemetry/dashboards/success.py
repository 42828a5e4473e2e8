"""Metrics that have a target: where they stand, and how they came there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from telemetry.dashboards.asked import WEEK, Asked
from telemetry.dashboards.marts import ARM, REACHED, SPORT, Marts
from telemetry.dashboards.numbers import NOTHING, Number, number
from telemetry.dashboards.people import is_about_people, people_in_windows
from telemetry.metric_definitions import Definition, Target, definitions

HEADLINES: Final = ("adoption_elite", "plan_completion", "satisfaction", "prediction_error")
_PUBLISHED: Final = (
    "SELECT metric, week, numerator, denominator, n, is_synthetic FROM read_parquet($mart_success)"
    " WHERE week >= $start AND week < $until AND list_contains($metrics, metric)"
)
_WEEKLY: Final = (
    "SELECT metric, week, sum(numerator) AS numerator, sum(denominator) AS denominator, sum(n) AS n,"
    " bool_or(is_synthetic) AS is_synthetic FROM read_parquet($mart_metrics_weekly)"
    f" WHERE week >= $earliest AND week < $until AND list_contains($metrics, metric) AND {REACHED} AND {ARM}"
    f" AND {SPORT} GROUP BY ALL"
)


@dataclass(frozen=True)
class Standing:
    """A metric against its target, over the weeks that the target speaks of, up to the end of `week`.

    trend: the same at the end of each week asked for; None where there is nothing to show.
    """

    definition: Definition
    target: Target
    week: date | None
    now: Number
    trend: tuple[Number, ...]
    is_synthetic: bool

    @property
    def is_met(self) -> bool | None:
        """Return whether the target is met, None where there is no number."""
        return None if self.now.value is None else self.target.is_met(self.now.value)


@dataclass(frozen=True, slots=True)
class _Sums:
    week: date
    numerator: float
    denominator: float
    n: float
    is_synthetic: bool


def standings(marts: Marts, asked: Asked, names: Iterable[str] | None = None) -> list[Standing]:
    """Return where metrics stand: those named, or all that have a target, in the order of the definitions."""
    chosen = definitions() if names is None else {name: definitions()[name] for name in names}
    wanted = {name: one for name, one in chosen.items() if one.target}
    windows = _windows(marts, asked, wanted)
    return [_standing(marts, asked, one, windows.get(name, [])) for name, one in wanted.items()]


def _windows(marts: Marts, asked: Asked, wanted: Mapping[str, Definition]) -> Mapping[str, list[_Sums]]:
    """Return the sums over each target's weeks: as published, or added up anew for a part of the whole."""
    found: dict[str, list[_Sums]] = defaultdict(list)
    is_whole = marts.reach.coaches is None and not asked.arm and not asked.sport
    if is_whole:
        rows = marts.rows(_PUBLISHED, asked, metrics=list(wanted))
    else:
        longest = max((one.target.weeks for one in wanted.values() if one.target), default=1)
        rows = marts.rows(_WEEKLY, asked, metrics=list(wanted), earliest=asked.start - WEEK * (longest - 1))
    for row in sorted(rows, key=lambda row: row["week"]):
        found[row.pop("metric")].append(_Sums(**row))
    return found if is_whole else {name: _rolled(weekly, wanted[name], asked) for name, weekly in found.items()}


def _rolled(weekly: Sequence[_Sums], definition: Definition, asked: Asked) -> list[_Sums]:
    assert definition.target is not None
    span = timedelta(weeks=definition.target.weeks)
    return [
        _sum(last.week, [one for one in weekly if last.week - span < one.week <= last.week])
        for last in weekly
        if last.week >= asked.start
    ]


def _sum(week: date, rows: Sequence[_Sums]) -> _Sums:
    def total(name: str) -> Any:
        return sum(getattr(one, name) or 0.0 for one in rows)  # a week whose facts are all unknown adds nothing

    is_synthetic = any(one.is_synthetic for one in rows)
    return _Sums(week, total("numerator"), total("denominator"), total("n"), is_synthetic)


def _standing(marts: Marts, asked: Asked, definition: Definition, windows: Sequence[_Sums]) -> Standing:
    assert definition.target is not None
    people: Mapping[date, int] | None = None
    if marts.reach.is_pseudonymous and is_about_people(definition):
        people = people_in_windows(marts, asked, definition, [one.week for one in windows], definition.target.weeks)
    by_week = {
        one.week: number(
            one.numerator, one.denominator, one.n, None if people is None else people[one.week], marts.reach.least
        )
        for one in windows
    }
    last = windows[-1].week if windows else None
    return Standing(
        definition,
        definition.target,
        last,
        by_week[last] if last else NOTHING,
        tuple(by_week.get(week, NOTHING) for week in asked.weeks),
        any(one.is_synthetic for one in windows),
    )
