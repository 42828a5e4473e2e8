"""A mergeable histogram with a bounded relative error (Masson, Rim & Lee 2019, "DDSketch", PVLDB 12(12))."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

ACCURACY: Final = 0.01
_GAMMA: Final = (1 + ACCURACY) / (1 - ACCURACY)
_LOG_GAMMA: Final = math.log(_GAMMA)
SMALLEST: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts by bucket; bucket i holds (gamma^(i-1), gamma^i], so a quantile is exact within 1 %."""

    counts: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, *values: float) -> Histogram:
        """Count values; what is below 0.001 counts as 0.001.

        Raises:
            ValueError: a value is not a finite number.
        """
        counts: dict[int, int] = {}
        for value in values:
            index = _bucket(value)
            counts[index] = counts.get(index, 0) + 1
        return cls(counts)

    @property
    def n(self) -> int:
        return sum(self.counts.values())

    def __add__(self, other: Histogram) -> Histogram:
        return Histogram.total([self, other])

    @classmethod
    def total(cls, histograms: Iterable[Histogram]) -> Histogram:
        """Return the sum of histograms."""
        merged: dict[int, int] = {}
        for each in histograms:
            for index, count in each.counts.items():
                merged[index] = merged.get(index, 0) + count
        return cls(merged)

    def quantile(self, share: float) -> float | None:
        """Return the value below which a share (0 to 1) of the counts lies; None of nothing."""
        rank, seen = share * (self.n - 1), 0
        for index in sorted(self.counts):
            seen += self.counts[index]
            if seen > rank:
                return 2 * _GAMMA**index / (_GAMMA + 1)
        return None

    def above(self, value: float) -> int:
        """Return how many lie above a value; those in the value's own bucket count as not above."""
        edge = _bucket(value)
        return sum(count for index, count in self.counts.items() if index > edge)

    def as_json(self) -> dict[str, int]:
        return {str(index): count for index, count in sorted(self.counts.items())}

    @classmethod
    def from_json(cls, found: Mapping[str, int]) -> Histogram:
        return cls({int(index): count for index, count in found.items()})


def _bucket(value: float) -> int:
    if not math.isfinite(value):
        raise ValueError("a histogram counts finite numbers")
    return math.ceil(math.log(max(value, SMALLEST)) / _LOG_GAMMA)
