"""Policies for the gates' tests, in code; every gate that may roll back is in it."""

from __future__ import annotations

from datetime import timedelta

from rollout.policy.model import Gate, GateKind, Metric, Policy, Purpose, Stage, Worse

_BREAKER, _GUARDRAIL, _SLO = GateKind.BREAKER, GateKind.GUARDRAIL, GateKind.SLO
_BACK = Purpose.ROLLBACK

GATES = (
    Gate("unsafe", _BREAKER, Purpose.KILL, metric=Metric.UNSAFE, in_a_row=1),
    Gate("in-a-row", _BREAKER, _BACK, metric=Metric.ERROR, in_a_row=8),
    Gate("errors", _GUARDRAIL, _BACK, metric=Metric.ERROR, alpha=0.012, min_n=100),
    Gate("invalid", _GUARDRAIL, _BACK, metric=Metric.INVALID, alpha=0.001, min_n=100),
    Gate("slower", _GUARDRAIL, _BACK, metric=Metric.SLOWER, above_ms=200, margin=1.2, alpha=0.001, min_n=100),
    Gate("accepted", _GUARDRAIL, _BACK, metric=Metric.ACCEPTED, worse=Worse.BELOW, alpha=0.001, min_n=100),
    Gate("critical", _GUARDRAIL, _BACK, metric=Metric.CRITICAL, alpha=0.004, min_n=50),
    Gate("errors-2", _SLO, _BACK, metric=Metric.ERROR, limit=0.02, window=timedelta(hours=24), min_n=250),
    Gate("errors-5", _SLO, _BACK, metric=Metric.ERROR, limit=0.05, holds_for=timedelta(minutes=5), min_n=50),
    Gate("rating", _SLO, _BACK, metric=Metric.RATING, worse=Worse.BELOW, limit=4.0, min_n=20),
    Gate("complaints", _SLO, _BACK, metric=Metric.REPORTS, limit=0.02, min_n=100),
)


def policy_of(*gates: Gate, thousandths: int = 50_000, days: float = 7, window_minutes: int = 5) -> Policy:
    """Return a policy of one stage."""
    stage = Stage("only", "Only", timedelta(days=days), thousandths=thousandths)
    window = timedelta(minutes=window_minutes)
    return Policy("test", "Test", "", "ours", (stage,), gates or GATES, "0" * 64, window=window)
