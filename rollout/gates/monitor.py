"""All gates of a stage, fed window by window: what a live tick and a simulation both know."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from common.stats.srm import ALPHA, ShareProcess
from rollout.gates.breaker import Breaker
from rollout.gates.check import verdict_of
from rollout.gates.evidence import Arm, Outcome, Seen, Verdict, Window
from rollout.gates.guardrail import Guardrail
from rollout.gates.slo import Slo
from rollout.policy.model import Gate, GateKind, Policy

Watcher = Breaker | Guardrail | Slo
QUIET: Final = timedelta(days=1)
_FADES: Final = frozenset({Outcome.PASS, Outcome.INCONCLUSIVE})


class Monitor:
    """The evidence of one stage since `fresh_from`; memory is bounded by the longest window of a gate.

    A sample-ratio mismatch voids every verdict that compares the arms, failures too: what broke the split may have
    caused them. Breakers and limits of the new arm alone stand.

    The same windows in the same order give the same answers. `checks`, the evidence for gates that no counter answers,
    is looked up when asked: it may grow.

    Raises:
        ValueError: a gate asks for what its kind cannot judge.
    """

    def __init__(
        self, policy: Policy, stage_index: int, *, fresh_from: datetime, checks: Mapping[str, bool] | None = None
    ) -> None:
        self._width, self._stale_after = policy.window, policy.stale_after
        self._fresh_from = fresh_from
        self._checks = {} if checks is None else checks
        self._gates = policy.gates_of(policy.stages[stage_index])
        self._watchers = {
            gate.name: _watcher(gate, policy.window) for gate in self._gates if gate.kind is not GateKind.CHECK
        }
        self._shares = ShareProcess()
        self._newest: datetime | None = None
        self._answered: datetime | None = None
        quarter = min(policy.stages[stage_index].duration / 4, QUIET)
        self._patience = max(quarter, policy.stale_after * policy.window)
        self._gap = False

    def observe(self, window: Window) -> None:
        """Add the next window.

        Raises:
            ValueError: it does not follow the last one, or began before `fresh_from`.
        """
        due = self._newest or self._fresh_from
        if window.start < due:
            raise ValueError("windows come in the order of time, each once, none from before the stage's evidence")
        self._gap = self._gap or (window.start - due) // self._width > self._stale_after
        self._newest = window.start + self._width
        new, control = window.of(Arm.NEW), window.of(Arm.CONTROL)
        if new.answered:
            self._answered = self._newest
        self._shares.observe(new.subjects - new.invited, control.subjects, window.expected_share)
        for watcher in self._watchers.values():
            watcher.observe(window)

    def seen(self, at: datetime) -> Seen:
        """Return what is known at a moment.

        Where no window has come for longer than the policy's `stale_after`, or no answer of the new arm for a quarter
        of the stage (a day at most), what was good or open is "no data"; a failure stands.
        """
        verdicts = [self._verdict(gate) for gate in self._gates]
        old = self._out_of_date(at)
        if old:
            verdicts = [
                replace(v, outcome=Outcome.NO_DATA, why=old) if v.gate in self._watchers and v.outcome in _FADES else v
                for v in verdicts
            ]
        return Seen(verdicts, self._newest, self._gap)

    def _out_of_date(self, at: datetime) -> str:
        """Return why what was seen says nothing of now; blank where it does."""
        if self._newest is not None and at - self._newest > self._stale_after * self._width:
            return f"no report since {self._newest:%Y-%m-%d %H:%M} UTC"
        if self._answered is not None and at - self._answered > self._patience:
            return f"no answer of the new arm since {self._answered:%Y-%m-%d %H:%M} UTC"
        return ""

    def _verdict(self, gate: Gate) -> Verdict:
        watcher = self._watchers.get(gate.name)
        if watcher is None:
            return verdict_of(gate, self._checks)
        verdict = watcher.verdict()
        if watcher.compares and verdict.outcome is not Outcome.NO_DATA and self._shares.mismatch():
            evidence = math.exp(min(self._shares.highest_log_e, 700.0))
            why = f"sample ratio mismatch: evidence {evidence:.3g} of {1 / ALPHA:.0f}"
            return replace(verdict, outcome=Outcome.INCONCLUSIVE, why=why)
        return verdict


def _watcher(gate: Gate, width: timedelta) -> Watcher:
    if gate.kind is GateKind.BREAKER:
        return Breaker(gate)
    return Guardrail(gate) if gate.kind is GateKind.GUARDRAIL else Slo(gate, width)
