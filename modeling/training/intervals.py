"""Intervals by a bootstrap of whole athletes (or coaches): their cases stand or fall together. Pure.

Clusters are drawn with replacement (Davison & Hinkley 1997, ch. 3), the standard deviation of the replicates is widened
by Student's quantile and √(c/(c − 1)) for few clusters, and the interval is put symmetrically around the estimate, so
that a reader can turn it into one of another level (`at_level`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Vector = NDArray[np.float64]
Whole = NDArray[np.int64]

REPLICATES: Final = 1000
CHUNK: Final = 100
LEAST: Final = 2
"""With fewer clusters there is no interval."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % interval, None where there are too few clusters; units: how many clusters."""

    value: float
    low: float | None
    high: float | None
    units: int


def numbered(names: Sequence[Any] | NDArray[Any]) -> Whole:
    """Return the number of each case's cluster, from 0."""
    return np.asarray(np.unique(np.asarray(names), return_inverse=True)[1], dtype=np.int64)


def clustered(
    columns: Vector, clusters: Whole, statistic: Callable[[Vector], Vector], *, seed: int = 0
) -> Interval | None:
    """Return a statistic of column sums with its interval, None without a case.

    Args:
        columns: (n, p), a row a case. clusters: (n,), from 0 without holes. statistic: sums (b, p) → values (b,).
    """
    if not len(columns):
        return None
    count = int(clusters.max()) + 1
    sums = np.stack([np.bincount(clusters, weights=column, minlength=count) for column in columns.T], axis=1)
    value = float(statistic(sums.sum(axis=0)[None, :])[0])
    if count < LEAST:
        return Interval(value, None, None, count)
    rng = np.random.default_rng(seed)
    shares = np.full(count, 1.0 / count)
    replicates = [
        statistic(rng.multinomial(count, shares, size=CHUNK).astype(np.float64) @ sums)
        for _ in range(REPLICATES // CHUNK)
    ]
    spread = float(np.std(np.concatenate(replicates))) * np.sqrt(count / (count - 1.0))
    half = float(stdtrit(count - 1, 0.975)) * spread
    return Interval(value, value - half, value + half, count)


def mean_difference(ours: Vector, theirs: Vector, clusters: Whole, *, seed: int = 0) -> Interval | None:
    """Return the mean of ours minus theirs over the cases."""
    columns = np.column_stack([ours - theirs, np.ones(len(ours))])
    return clustered(columns, clusters, lambda sums: sums[:, 0] / sums[:, 1], seed=seed)


def at_level(value: float, high: float, units: int, alpha: float) -> float:
    """Return how far an interval of one-sided level `alpha` reaches, from the 95 % interval's upper end."""
    if units < LEAST:
        return float("inf")
    half = high - value
    return half * float(stdtrit(units - 1, 1.0 - alpha) / stdtrit(units - 1, 0.975))
