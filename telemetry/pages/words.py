"""Days, ages and pills of the dashboards."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from common.translating.showing import day as written
from telemetry.dashboards.numbers import gap
from telemetry.dashboards.success import Standing


class Pill(NamedTuple):
    """An icon, a word and a tone of the operators' stylesheet: never colour alone."""

    icon: str
    word: str
    tone: str


NEARLY = 0.05
"""A target missed by no more than this part of itself is nearly met."""


def day(at: date) -> str:
    return written(at, "j M Y")


def days(first: date, last: date) -> str:
    """Return a range of days; the year of the first where it is another."""
    if (first.year, first.month) == (last.year, last.month):
        return f"{written(first, 'j')} – {day(last)}"
    return f"{written(first, 'j M')} – {day(last)}" if first.year == last.year else f"{day(first)} – {day(last)}"


def moment(at: datetime) -> str:
    """Return a time, UTC, to the minute."""
    return f"{written(at.astimezone(UTC), 'j M Y H:i')} UTC"


def week(monday: date) -> str:
    """Return a week as ISO 8601 numbers it."""
    return f"W{monday.isocalendar().week:02d}"


def age(length: timedelta) -> str:
    """Return a length of time: minutes below two hours, hours below two days, else days."""
    minutes = int(max(length, timedelta()) / timedelta(minutes=1))
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} d"


def seconds(length: float) -> str:
    """Return seconds as `age` says longer times."""
    return f"{length:.0f} s" if length < 120 else age(timedelta(seconds=length))


def state_of(standing: Standing) -> Pill:
    """Return whether a target is met, and if not by how much it is missed."""
    value, target = standing.now.value, standing.target
    if value is None:
        return (
            Pill("visibility_off", "Hidden", "nodata") if standing.now.is_hidden else Pill("block", "No data", "nodata")
        )
    if standing.is_met:
        return Pill("check_circle", "Met", "good")
    missed = gap(value, target.value, standing.definition.unit)
    word = f"{missed} short" if target.at_least else f"{missed} over"
    is_near = abs(value - target.value) <= NEARLY * abs(target.value)
    return Pill("warning", word, "wait") if is_near else Pill("cancel", word, "bad")
