"""What each metric counts, and of how many."""

from __future__ import annotations

from typing import Final

from rollout.gates.evidence import Tally
from rollout.policy.model import Gate, Metric, Worse

SHARES: Final = frozenset(
    {Metric.ERROR, Metric.FALLBACK, Metric.INVALID, Metric.UNSAFE, Metric.SLOWER, Metric.ACCEPTED}
)
"""Some of n: each counted thing is bad or good."""

PER_SUBJECT: Final = frozenset({Metric.CRITICAL, Metric.REPORTS})
"""Reports come long after a subject was first seen: of all subjects exposed so far, not of the window's new ones.

Who reports counts once: somebody who tells the same thing five times is not five people whom it failed.
"""

_FIELDS: Final = {
    Metric.ERROR: ("failed", "answered"),
    Metric.FALLBACK: ("fallback", "answered"),
    Metric.INVALID: ("invalid", "answered"),
    Metric.UNSAFE: ("unsafe", "answered"),
    Metric.ACCEPTED: ("accepted", "decided"),
    Metric.RATING: ("rating_sum", "rated"),
    Metric.CRITICAL: ("critical_reporters", "subjects"),
    Metric.CRITICAL_COUNT: ("critical", "answered"),
    Metric.REPORTS: ("reporters", "subjects"),
    Metric.COST: ("cost_seconds", "answered"),
}


def metric_of(gate: Gate, allowed: frozenset[Metric] = frozenset(Metric)) -> Metric:
    """Return what a gate measures.

    Raises:
        ValueError: nothing, or nothing that its kind can judge.
    """
    if gate.metric is None or gate.metric not in allowed:
        raise ValueError(f"gate {gate.name}: a {gate.kind} cannot judge {gate.metric or 'nothing'}")
    if gate.metric is Metric.SLOWER and gate.above_ms is None:
        raise ValueError(f"gate {gate.name}: slower than what?")
    return gate.metric


def counted(tally: Tally, gate: Gate) -> tuple[float, int]:
    """Return what the gate's metric adds up in a tally, and of how many (answers whose time is known, for `slower`)."""
    metric = metric_of(gate)
    if metric is Metric.SLOWER:
        return tally.latency.above(gate.above_ms or 0.0), tally.latency.n
    total, n = _FIELDS[metric]
    return getattr(tally, total), getattr(tally, n)


def bad_of(total: float, n: int, worse: Worse) -> int:
    """Return how many of n are bad, of a metric that is a share."""
    return int(total) if worse is Worse.ABOVE else n - int(total)
