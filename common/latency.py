"""Latencies counted by bucket: quantiles of them. Pure.

A count stands under the upper edge of its bucket in milliseconds, as text; `inf` is above the last.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

BUCKETS_MS: Final = (5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
ABOVE: Final = "inf"
EDGES: Final = (*(str(edge) for edge in BUCKETS_MS), ABOVE)


def bucket(seconds: float) -> str:
    """Return the upper edge in ms of the bucket that a latency falls into, `inf` above the last."""
    index = bisect_left(BUCKETS_MS, seconds * 1000)
    return EDGES[index]


def total(latencies: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Return the sum of counts by bucket."""
    found: Counter[str] = Counter()
    for one in latencies:
        found.update(one)
    return dict(found)


def quantile(latency: Mapping[str, int], share: float) -> float | None:
    """Return the value (ms) below which a share (0 to 1) lies, evenly spread within a bucket; None of nothing.

    What lies above the last edge is at least that: the last edge is returned.
    """
    n = sum(latency.values())
    if not n:
        return None
    rank, below, low = share * n, 0.0, 0.0
    for edge in BUCKETS_MS:
        here = latency.get(str(edge), 0)
        if here and below + here >= rank:
            return low + (edge - low) * max(rank - below, 0.0) / here
        below, low = below + here, float(edge)
    return float(BUCKETS_MS[-1])
