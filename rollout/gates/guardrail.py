"""The guardrail: is the new arm worse than the control at the same time? Sequential, so that it is never too early."""

from __future__ import annotations

import math
from typing import Final

from common.stats.eprocess import EProcess
from rollout.gates.counting import PER_SUBJECT, SHARES, bad_of, counted, metric_of
from rollout.gates.evidence import Arm, Outcome, Verdict, Window
from rollout.policy.model import Gate

BLOCK: Final = 40
"""Answers of both arms that are compared at once: a window of five often has one arm alone, which tells nothing. The
share of what the test could learn that is lost is one in so many."""


class Guardrail:
    """The e-process of one metric over a stage (`common.stats.eprocess`).

    It fails when the evidence against "the odds of bad are at most `margin` times the control's" ever reached
    1 / alpha, at whatever n: its chance of a false alarm is at most alpha over the whole stage. It passes when it has
    not failed and both arms have `min_n`.

    Raises:
        ValueError: the metric is no share and no count per subject, or alpha is not between 0 and 1.
    """

    compares = True

    def __init__(self, gate: Gate) -> None:
        self._per_subject = metric_of(gate, SHARES | PER_SUBJECT) in PER_SUBJECT
        if not 0 < gate.alpha < 1:
            raise ValueError(f"gate {gate.name}: alpha lies between 0 and 1")
        self._gate = gate
        self._process = EProcess(gate.margin)
        self._block = [(0, 0), (0, 0)]  # bad, n of either arm
        self._total = {Arm.NEW: 0.0, Arm.CONTROL: 0.0}
        self._n = {Arm.NEW: 0, Arm.CONTROL: 0}

    def observe(self, window: Window) -> None:
        totals, ns = {}, {}
        for arm in Arm:
            totals[arm], ns[arm] = counted(window.of(arm), self._gate)
            self._total[arm] += totals[arm]
            self._n[arm] += ns[arm]
        if self._per_subject:
            exposed = self._n[Arm.NEW], self._n[Arm.CONTROL]
            self._process.observe_events(int(totals[Arm.NEW]), exposed[0], int(totals[Arm.CONTROL]), exposed[1])
        else:
            self._pool([(bad_of(totals[arm], ns[arm], self._gate.worse), ns[arm]) for arm in (Arm.NEW, Arm.CONTROL)])

    def _pool(self, counts: list[tuple[int, int]]) -> None:
        """Add bad and n of both arms; compare once `BLOCK` answers are there, a rule that knows nothing of the bad."""
        new, control = (
            (bad + more_bad, n + more) for (bad, n), (more_bad, more) in zip(self._block, counts, strict=True)
        )
        if new[1] and control[1] and new[1] + control[1] >= BLOCK:
            self._process.observe_shares(*new, *control)
            new = control = (0, 0)
        self._block = [new, control]

    def verdict(self) -> Verdict:
        outcome, why = self._answer()
        return Verdict(
            self._gate.name,
            outcome,
            n=self._n[Arm.NEW],
            n_control=self._n[Arm.CONTROL],
            observed=self._share(Arm.NEW),
            control=self._share(Arm.CONTROL),
            statistic=self._process.highest,
            why=why,
        )

    def _answer(self) -> tuple[Outcome, str]:
        gate, least = self._gate, min(self._n.values())
        evidence = f"evidence {self._process.highest:.3g} of {1 / gate.alpha:.3g}"
        if not any(self._n.values()):
            return Outcome.NO_DATA, "nothing counted in either arm"
        if self._process.highest_log_e >= -math.log(gate.alpha):
            return Outcome.FAIL, f"worse than the control: {evidence}"
        if least < max(gate.min_n, 1):
            arm = "new arm" if self._n[Arm.NEW] == least else "control"
            return Outcome.INCONCLUSIVE, f"{least} of {max(gate.min_n, 1)} in the {arm}"
        return Outcome.PASS, evidence

    def _share(self, arm: Arm) -> float | None:
        return self._total[arm] / self._n[arm] if self._n[arm] else None
