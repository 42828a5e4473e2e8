"""When an alert rule fires and clears, and what people are told of it. Pure.

A value beyond the threshold for `lasting` fires; only a value back within `clear` ends it (hysteresis: a value that
swings around the threshold is one alert). Too few cases, or no value, is "no data": it neither fires nor ends anything.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from common.alerts import News


class Comparison(StrEnum):
    """On which side of the threshold it is bad."""

    ABOVE = "above"
    AT_LEAST = "at_least"
    BELOW = "below"
    AT_MOST = "at_most"


RISING: Final = frozenset({Comparison.ABOVE, Comparison.AT_LEAST})


class Status(StrEnum):
    """What a rule says of one label."""

    OK = "ok"
    PENDING = "pending"  # beyond the threshold, not for long enough yet
    FIRING = "firing"


@dataclass(frozen=True, slots=True)
class Judged:
    """What is judged of a rule.

    clear: the value within which it is over; on the good side of `threshold`, or equal to it.
    lasting: how long a value must stay beyond the threshold before it fires.
    min_n: below so many cases there is no data.
    """

    comparison: Comparison
    threshold: float
    clear: float
    lasting: timedelta = timedelta()
    min_n: int = 1


@dataclass(frozen=True, slots=True)
class Standing:
    """How a rule stands for one label, and since when; `has_data` is of the last look."""

    status: Status = Status.OK
    since: datetime | None = None
    has_data: bool = False


def beyond(comparison: Comparison, value: float, limit: float) -> bool:
    """Return whether a value is on the bad side of a limit."""
    match comparison:
        case Comparison.ABOVE:
            return value > limit
        case Comparison.AT_LEAST:
            return value >= limit
        case Comparison.BELOW:
            return value < limit
    return value <= limit


def is_consistent(comparison: Comparison, threshold: float, clear: float) -> bool:
    """Return whether both limits are numbers, and the one that ends an alert is not beyond the one that begins it."""
    if not (math.isfinite(threshold) and math.isfinite(clear)):
        return False
    return clear <= threshold if comparison in RISING else clear >= threshold


def judge(rule: Judged, before: Standing, value: float | None, n: int, now: datetime) -> Standing:
    """Return how a rule stands after one look.

    A look without data leaves a firing alert as it is, and lets a pending one begin anew: "for five minutes" means
    that it was seen to be so all the time.
    """
    if value is None or not math.isfinite(value) or n < rule.min_n:
        kept = before if before.status is Status.FIRING else Standing(since=before.since)
        return replace(kept, has_data=False)
    if before.status is Status.FIRING:
        if beyond(rule.comparison, value, rule.clear):
            return replace(before, has_data=True)
        return Standing(Status.OK, now, has_data=True)
    if not beyond(rule.comparison, value, rule.threshold):
        since = before.since if before.status is Status.OK else now
        return Standing(Status.OK, since, has_data=True)
    since = before.since if before.status is Status.PENDING and before.since else now
    if now - since >= rule.lasting:
        return Standing(Status.FIRING, now, has_data=True)
    return Standing(Status.PENDING, since, has_data=True)


@dataclass(frozen=True, slots=True)
class Telling:
    """What was told of an incident so far, and what keeps it from being told.

    told_at: when it was last told, None where nobody was.
    remind_every: how long after telling it is told again while it lasts; None for never.
    """

    told_at: datetime | None = None
    is_over: bool = False
    is_acknowledged: bool = False
    silenced_until: datetime | None = None
    remind_every: timedelta | None = None


def news(telling: Telling, now: datetime) -> News | None:
    """Return what is to be told now, None for nothing.

    While it is silenced nothing is; an acknowledged alert is not repeated; who knew of the beginning hears the end.
    """
    if telling.silenced_until is not None and now < telling.silenced_until:
        return None
    if telling.is_over:
        return News.CLEARED if telling.told_at is not None else None
    if telling.is_acknowledged:
        return None
    if telling.told_at is None:
        return News.RAISED
    if telling.remind_every is not None and now - telling.told_at >= telling.remind_every:
        return News.REMINDED
    return None
