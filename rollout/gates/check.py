"""The check: what a person or another part recorded of this stage, such as golden outputs or a load test."""

from __future__ import annotations

from collections.abc import Mapping

from rollout.gates.evidence import Outcome, Verdict
from rollout.policy.model import Gate


def verdict_of(gate: Gate, checks: Mapping[str, bool]) -> Verdict:
    """Return the newest recorded answer (`checks`: by gate name), or that there is none."""
    passed = checks.get(gate.name)
    if passed is None:
        return Verdict(gate.name, Outcome.NO_DATA, why="nothing recorded")
    return Verdict(gate.name, Outcome.PASS if passed else Outcome.FAIL, why="as recorded")
