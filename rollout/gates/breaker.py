"""The breaker: trips at once, after so many failures in a row or any single one; no statistics, no minimum n."""

from __future__ import annotations

from common.stats.streak import Streak
from rollout.gates.counting import counted, metric_of
from rollout.gates.evidence import Arm, Outcome, Verdict, Window
from rollout.policy.model import Gate, Metric


class Breaker:
    """Failures of the new arm in a row since the stage's evidence began to count; once tripped it stays tripped.

    Raises:
        ValueError: fewer than one in a row, or a run of a metric whose order is not recorded (only errors' is).
    """

    compares = False

    def __init__(self, gate: Gate) -> None:
        metric = metric_of(gate)
        if gate.in_a_row < 1 or (gate.in_a_row > 1 and metric is not Metric.ERROR):
            raise ValueError(f"gate {gate.name}: a breaker counts errors in a row, or any one of another metric")
        self._gate = gate
        self._streak = Streak()
        self._answered = 0
        self._counted = 0

    def observe(self, window: Window) -> None:
        tally = window.of(Arm.NEW)
        self._streak += tally.streak
        self._answered += tally.answered
        self._counted += int(counted(tally, self._gate)[0])

    def verdict(self) -> Verdict:
        gate = self._gate
        found = self._counted if gate.in_a_row == 1 else self._streak.longest
        if found >= gate.in_a_row:
            outcome = Outcome.FAIL
        else:
            outcome = Outcome.PASS if self._answered else Outcome.NO_DATA
        return Verdict(
            gate.name,
            outcome,
            n=self._answered,
            observed=self._counted / self._answered if self._answered else None,
            statistic=float(found),
            why=f"{found} {gate.metric}" if gate.in_a_row == 1 else f"{found} in a row of {gate.in_a_row}",
        )
