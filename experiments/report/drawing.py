"""A report's pictures as plain numbers that a template places by percent. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from common.charts import Chart, Limit, Line, Mark, apart, draw, round_ticks
from common.counts import counted
from experiments.metrics import Unit
from experiments.report import words
from experiments.report.model import Balance, Point, Row

EARLY: Final = 0.2
"""The part of the time so far in which intervals may reach beyond the axis: the first ones say next to nothing."""

FIRST_DAYS: Final = 3
LABEL_HEIGHT: Final = 7.5
LABEL_ROOM: Final = 25.0
"""Per cent of the width that a label needs."""

DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Forest:
    """An interval on a scale of its own, no effect in the middle: per cent from the left. shade: left and width of the
    part in which harm is beyond the margin."""

    left: float
    width: float
    dot: float
    target: float | None
    limit: float | None
    shade: tuple[float, float] | None
    text: str


@dataclass(frozen=True, slots=True)
class Area:
    """An interval over time, in a box of 100 x 100. bands: polygons. to_come: where the time to come begins.

    rows: the same numbers, each a look, its moment, the difference and its interval.
    """

    bands: tuple[str, ...]
    lines: tuple[str, ...]
    dot: tuple[float, float] | None
    zero: float
    target: float | None
    to_come: float
    labels: tuple[Mark, ...]
    ys: tuple[Mark, ...]
    xs: tuple[Mark, ...]
    rows: tuple[tuple[str, str, str, str], ...]
    sentence: str
    is_clipped: bool

    @property
    def later(self) -> float:
        """How wide the time to come is."""
        return round(100 - self.to_come, 2)

    @property
    def labels_right(self) -> bool:
        """Whether labels have room in the time to come."""
        return self.later > LABEL_ROOM


def forest(row: Row, target: float | None) -> Forest | None:
    """Return a row's interval, None where there is no estimate; target: of the primary metric alone."""
    one, limit = row.estimate, row.guard.limit if row.guard else None
    if one is None:
        return None
    reach = 1.12 * max(abs(part) for part in (one.low, one.high, target or 0.0, limit or 0.0))

    def place(found: float) -> float:
        return round(50 + 50 * found / reach, 2)

    left, right = place(one.low), place(one.high)
    at = None if limit is None else place(limit)
    is_up = not row.metric.higher_is_better
    shade = None if at is None else (at, round(100 - at, 2)) if is_up else (0.0, at)
    return Forest(
        left=left,
        width=round(max(right - left, 0.5), 2),
        dot=place(one.difference),
        target=None if target is None else place(target),
        limit=at,
        shade=shade,
        text=_forest_text(row, target),
    )


def _forest_text(row: Row, target: float | None) -> str:
    one, unit = row.estimate, row.metric.unit
    assert one is not None
    metric, difference = row.metric.title, words.difference(unit, one.difference)
    low, high = words.difference(unit, one.low), words.difference(unit, one.high)
    if target is not None:
        goal = words.difference(unit, target)
        return f"{metric}: difference {difference}, interval from {low} to {high}; target {goal}"
    if row.guard is not None:
        margin = words.margin(unit, row.guard.margin, relative=row.guard.relative)
        return f"{metric}: difference {difference}, interval from {low} to {high}; margin {margin}"
    return f"{metric}: difference {difference}, interval from {low} to {high}"


def area(row: Row, course: Sequence[Point], start: datetime, end: datetime | None, target: float | None) -> Area | None:
    """Return the primary metric's interval over time, None where no look had one."""
    known = [one for one in course if one.low is not None]
    if not known:
        return None
    last = course[-1].as_of
    whole = max((end or last), last) - start
    unit = row.metric.unit
    steps = round_ticks(_shown(known, course[-1].day, target), None, None)
    low, high = steps[0], steps[-1]

    def x(moment: datetime) -> float:
        return round(100 * ((moment - start) / whole), 2)

    def y(found: float) -> float:
        return round(100 - 100 * (min(max(found, low), high) - low) / (high - low), 2)

    parts = _parts(course)
    newest = course[-1]
    to_come = max(whole - (last - start), timedelta(0))
    return Area(
        bands=tuple(_polygon([(x(o.as_of), y(o.low or 0.0), y(o.high or 0.0)) for o in part]) for part in parts),
        lines=tuple(" ".join(f"{x(o.as_of)},{y(o.difference or 0.0)}" for o in part) for part in parts),
        dot=None if newest.difference is None else (x(newest.as_of), y(newest.difference)),
        zero=y(0.0),
        target=None if target is None else y(target),
        to_come=x(last),
        labels=_labels(y, unit, target, round(to_come / DAY)),
        ys=tuple(Mark(y(found), words.tick(unit, found)) for found in steps),
        xs=_days(start, last, start + whole),
        rows=tuple(_numbers(row, one) for one in course),
        sentence=_area_text(row, newest, target),
        is_clipped=any((one.low or 0) < low or (one.high or 0) > high for one in known),
    )


def _labels(y: Callable[[float], float], unit: Unit, target: float | None, days: int) -> tuple[Mark, ...]:
    """Name the lines, and how much time there is to come, none over another."""
    found = [Mark(y(0.0), "no effect")]
    if target is not None:
        found.append(Mark(y(target), f"target {words.difference(unit, target)}", "target"))
    if days:
        time = counted(days, "day", "days")
        found.append(Mark(6.0, f"{time} to come"))
    places = apart([one.at for one in found], LABEL_HEIGHT)
    return tuple(Mark(at, one.text, one.kind) for at, one in zip(places, found, strict=True))


def _shown(known: Sequence[Point], day: int, target: float | None) -> list[float]:
    """Return what the axis must hold: the intervals without those of the first days, no effect and the target."""
    late = [one for one in known if one.day > max(FIRST_DAYS, EARLY * day)] or known[-1:]
    ends = [end for one in late for end in (one.low, one.high) if end is not None]
    return [*ends, 0.0, *([target] if target is not None else [])]


def _parts(course: Sequence[Point]) -> list[list[Point]]:
    """Split where there is no estimate, so that nothing is drawn over a gap."""
    found: list[list[Point]] = [[]]
    for one in course:
        if one.low is None:
            found.append([])
        else:
            found[-1].append(one)
    return [part for part in found if part]


def _polygon(points: Sequence[tuple[float, float, float]]) -> str:
    if len(points) == 1:
        [(x, low, high)] = points
        points = [(x - 0.3, low, high), (x + 0.3, low, high)]
    upper = [f"{x},{high}" for x, _, high in points]
    lower = [f"{x},{low}" for x, low, _ in reversed(points)]
    return " ".join(upper + lower)


def _days(start: datetime, last: datetime, end: datetime) -> tuple[Mark, ...]:
    whole, today = (end - start) / DAY, (last - start) / DAY
    marks = [Mark(0, "day 0", "first")]
    if 12 < 100 * today / whole < 88:
        marks.append(Mark(round(100 * today / whole, 2), f"{today:.0f}"))
    return (*marks, Mark(100, f"{whole:.0f}", "last"))


def _numbers(row: Row, one: Point) -> tuple[str, str, str, str]:
    unit = row.metric.unit
    if one.difference is None or one.low is None or one.high is None:
        return str(one.number), words.moment(one.as_of), words.NOTHING, "not identified"
    between = words.span(unit, one.low, one.high)
    return str(one.number), words.moment(one.as_of), words.difference(unit, one.difference), between


def _area_text(row: Row, newest: Point, target: float | None) -> str:
    number, at, difference, between = _numbers(row, newest)
    metric = row.metric.title
    if target is None:
        return f"{metric} over time: at look {number}, {at} UTC, difference {difference}, interval {between}"
    goal = words.difference(row.metric.unit, target)
    return f"{metric} over time: at look {number}, {at} UTC, difference {difference}, interval {between}; target {goal}"


def evidence(balance: Balance) -> Chart:
    """Return the logarithm of the e-value by day, with what alarms."""
    limit = math.log(balance.alarm_at)
    return draw(
        "When it began",
        [Line("ln e", "new", [one.log_e for one in balance.series])],
        [f"day {one.day}" for one in balance.series],
        [Limit(limit, True, f"alarm at e ≥ {words.e_value(balance.alarm_at)}")],
        text=lambda found: words.NOTHING if found is None else f"{found:.1f}".replace("-", words.MINUS),
        tick=lambda found: f"{found:g}".replace("-", words.MINUS),
        note="ln(e), all subjects",
    )
