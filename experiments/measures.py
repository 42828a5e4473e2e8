"""From facts to a metric's table: which facts count for whom, and what they add up to. Pure.

Windows start at a subject's first exposure and hold their beginning, not their end.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, Protocol

from experiments.analysis.moments import Table

NOTHING = timedelta(0)


class Measured(NamedTuple):
    """A fact: what a metric was of the thing `id`, such as a session. The same id again is a correction.

    y: the value, or a ratio's numerator. d: a ratio's denominator; others do not read it.
    """

    id: str
    subject: str
    metric: str
    y: float
    d: float
    at: datetime
    known_at: datetime


class Shape(StrEnum):
    """What a subject's facts are together."""

    MEAN = "mean"  # the sum of y, 0 where there is no fact
    SHARE = "share"  # 1 where any y is above 0, else 0
    RATIO = "ratio"  # the sum of y over the sum of d


@dataclass(frozen=True, slots=True)
class Measure:
    """Which facts are a metric.

    Facts count from first exposure + start up to, but not at, first exposure + stop; without a stop up to the look.
    before: how long before the first exposure the pre-period is (CUPED); 0 for none. A mean or a share with a stop is
    told of subjects alone whose window is over: a look must not mix whole windows and beginnings. A ratio takes what
    there is, and who has no fact adds nothing to either sum.

    Raises:
        ValueError: start or before is negative, or stop is not after start.
    """

    metric: str
    shape: Shape
    start: timedelta = NOTHING
    stop: timedelta | None = None
    before: timedelta = NOTHING

    def __post_init__(self) -> None:
        if self.start < NOTHING or self.before < NOTHING:
            raise ValueError("a window does not start before the exposure, a pre-period not after it")
        if self.stop is not None and self.stop <= self.start:
            raise ValueError("a window ends after it starts")

    def is_over(self, exposed_at: datetime, until: datetime) -> bool:
        """Tell whether a subject's window is over, where that matters."""
        return self.shape is Shape.RATIO or self.stop is None or exposed_at + self.stop <= until


class Analysed(Protocol):
    """What is read of a member."""

    @property
    def subject(self) -> str: ...
    @property
    def variant(self) -> str: ...
    @property
    def stratum(self) -> str: ...
    @property
    def cluster(self) -> str: ...
    @property
    def exposed_at(self) -> datetime: ...


class Measurement(NamedTuple):
    """A metric of all members whose window is over; `read` are the facts that made it."""

    table: Table
    immature: int
    read: frozenset[Measured]


class _Value(NamedTuple):
    y: float
    d: float
    before: float  # NaN where unknown


def measure_members(
    measure: Measure, members: Sequence[Analysed], facts: Iterable[Measured], *, until: datetime
) -> Measurement:
    """Return a metric's table.

    Args:
        facts: those that count, one a metric and id, of any metric and subject.
        until: the look, or the experiment's end where that was earlier: windows over by then are whole.

    Raises:
        ValueError: a fact that is read is not a finite number.
    """
    own: defaultdict[str, list[Measured]] = defaultdict(list)
    for fact in facts:
        if fact.metric == measure.metric:
            own[fact.subject].append(fact)
    mature = [member for member in members if measure.is_over(member.exposed_at, until)]
    values: list[_Value] = []
    read: set[Measured] = set()
    for member in mature:
        within, earlier = _windows(measure, member.exposed_at, own[member.subject])
        values.append(_Value(*_sums(measure.shape, within), _before(measure.shape, earlier)))
        read.update(within, earlier)
    return Measurement(_table(mature, values), len(members) - len(mature), frozenset(read))


def _windows(
    measure: Measure, exposed_at: datetime, facts: Iterable[Measured]
) -> tuple[list[Measured], list[Measured]]:
    """Return facts of the window and of the pre-period."""
    start, stop = exposed_at + measure.start, None if measure.stop is None else exposed_at + measure.stop
    within, earlier = [], []
    for fact in facts:
        if exposed_at - measure.before <= fact.at < exposed_at:
            earlier.append(fact)
        elif start <= fact.at and (stop is None or fact.at < stop):
            within.append(fact)
    return within, earlier


def _sums(shape: Shape, facts: Sequence[Measured]) -> tuple[float, float]:
    """Return numerator and denominator; `fsum` rounds once, so that no order shows."""
    if not all(math.isfinite(fact.y) and math.isfinite(fact.d) for fact in facts):
        raise ValueError("facts are finite numbers")
    if shape is Shape.SHARE:
        return float(any(fact.y > 0 for fact in facts)), 1.0
    y = math.fsum(fact.y for fact in facts)
    return (y, math.fsum(fact.d for fact in facts)) if shape is Shape.RATIO else (y, 1.0)


def _before(shape: Shape, facts: Sequence[Measured]) -> float:
    y, d = _sums(shape, facts)
    return y / d if facts and d > 0 else math.nan


def _table(members: Sequence[Analysed], values: Sequence[_Value]) -> Table:
    if not members:
        return Table.of([])
    return Table.of_subjects(
        [member.variant for member in members],
        [value.y for value in values],
        denominators=[value.d for value in values],
        before=[value.before for value in values],
        stratum=[member.stratum for member in members],
        cluster=[member.cluster for member in members],
    )
