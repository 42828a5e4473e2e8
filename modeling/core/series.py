"""Daily loads and performance tests, checked once, so that everything behind them may trust its inputs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal, cast

import numpy as np
from numpy.typing import NDArray

from modeling.core.errors import FitError

Vector = NDArray[np.float64]
TestKindName = Literal["lab", "race", "field"]

MAX_DAILY_LOAD: Final = 2000.0
GAP_DAYS: Final = 21
KINDS: Final = ("lab", "race", "field")


@dataclass(frozen=True)
class LoadSeries:
    """One athlete's loads, a day an entry.

    loads: (n,) float64, load a day; 0 is a rest day. known: (n,) False within a gap of more than 21 days without any
    record:
    such days are unknown, not rest. unit: "TSS", or another one; units are never mixed.
    """

    start: date
    loads: Vector
    known: NDArray[np.bool_]
    unit: str = "TSS"

    @classmethod
    def from_daily(
        cls,
        daily: Mapping[date, float],
        *,
        start: date | None = None,
        until: date | None = None,
        unit: str = "TSS",
        gap_days: int = GAP_DAYS,
    ) -> LoadSeries:
        """Return the series of a day → load mapping, from `start` to `until` (inclusive; by default the days given).

        Raises:
            FitError: no day, a load that is NaN, negative or above 2,000, or an end before the start.
        """
        if not daily and (start is None or until is None):
            raise FitError("there is no load at all", field="loads")
        first, last = start or min(daily), until or max(daily)
        n = (last - first).days + 1
        if n < 1:
            raise FitError(f"the window ends ({last}) before it starts ({first})", field="window")
        loads = np.zeros(n)
        for day, load in daily.items():
            if not math.isfinite(load) or not 0 <= load <= MAX_DAILY_LOAD:
                raise FitError(f"a load of {load:g} on {day} is not possible", field="loads")
            index = (day - first).days
            if 0 <= index < n:
                loads[index] += load
        recorded = np.array(sorted(i for i in ((day - first).days for day in daily) if 0 <= i < n), dtype=np.int64)
        return cls(first, loads, known_days(recorded, n, gap_days), unit)

    @property
    def end(self) -> date:
        """Return the last day."""
        return self.start + timedelta(days=len(self.loads) - 1)

    def index(self, day: date) -> int:
        """Return a day's number; days before the start are negative."""
        return (day - self.start).days

    def upto(self, n_days: int) -> LoadSeries:
        """Return the first `n_days` days."""
        return LoadSeries(self.start, self.loads[:n_days], self.known[:n_days], self.unit)


@dataclass(frozen=True)
class PerformanceTest:
    """A performance on the sport's "higher is better" scale (VDOT, watts).

    Raises:
        FitError: a value that is not positive and finite, or an unknown kind.
    """

    day: date
    value: float
    kind: TestKindName = "field"

    def __post_init__(self) -> None:
        if not math.isfinite(self.value) or self.value <= 0:
            raise FitError(f"a test value of {self.value:g} on {self.day} is not possible", field="tests")
        if self.kind not in KINDS:
            raise FitError(f"{self.kind!r} is no kind of test; kinds are {', '.join(KINDS)}", field="tests")
        object.__setattr__(self, "kind", cast(TestKindName, str(self.kind)))


def known_days(recorded: NDArray[np.int64], n: int, gap_days: int) -> NDArray[np.bool_]:
    """Mark the days within gaps of more than `gap_days` between (or after) records as unknown."""
    known = np.ones(n, dtype=np.bool_)
    for before, after in zip(recorded, np.append(recorded[1:], n), strict=True):
        if after - before - 1 > gap_days:
            known[before + 1 : after] = False
    return known
