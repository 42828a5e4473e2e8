"""One run on a virtual clock: windows come in, ticks decide, persons act; the decisions go into a trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from rollout.engine import RunView, Step, next_step
from rollout.gates.evidence import Window
from rollout.gates.look import StageWatch
from rollout.lifecycle import ENDED, Command, State
from rollout.policy.model import Policy, Stage
from rollout.replay import act, apply
from rollout.simulation.trace import Decision, Trace


class Conductor:
    """Drives one run of a policy by exactly the engine, the gates and the folding of the live tick."""

    def __init__(self, policy: Policy, trace: Trace, *, stage: int = 0) -> None:
        self._policy, self.trace = policy, trace
        self.run = RunView(State.RUNNING, stage, trace.started)
        self._checks: dict[str, bool] = {}
        self._newest: datetime | None = None
        self._waiting: list[Window] = []
        self._watch = StageWatch(policy, stage, fresh_from=trace.started)
        self._alerts: frozenset[str] = frozenset()

    @property
    def stage(self) -> Stage:
        return self._policy.stages[self.run.stage]

    @property
    def ended(self) -> bool:
        return self.run.state in ENDED

    def deliver(self, window: Window) -> None:
        """Keep a window, or a part of one, for the next tick; one that was counted already is left out.

        That is what a clock that went back makes: times that were judged before.
        """
        if window.start >= self.run.fresh_from.replace(second=0, microsecond=0) and (
            self._newest is None or window.start > self._newest
        ):
            self._newest = window.start
            self._waiting.append(window)

    def record(self, checks: Mapping[str, bool]) -> None:
        """Record evidence for gates that no counter answers, in the stage that runs now."""
        self._checks.update(checks)
        self._watch.record(checks)

    def tick(self, at: datetime, *, killed: bool = False) -> None:
        """Decide at a moment by what has been delivered; `killed` is whether the flag is, then."""
        self.run = replace(self.run, killed=killed)
        if self.run.state is State.ROLLING_BACK:
            step = Step(Command.CONFIRM, "every process has been seen with the flag at zero")
        else:
            while self._waiting and self._waiting[0].start < at:
                self._watch.observe(self._waiting.pop(0))
            step = next_step(self._policy, self.run, self._watch.seen(at), at)
        before = self.run
        self.run = apply(self._policy, self.run, step, at)
        self._begin_anew(before)
        told = frozenset(step.alerts)
        if step.command or step.extend or step.restart or told != self._alerts:
            self._note(at, step)
        self._alerts = told

    def act(self, command: Command, at: datetime, *, to_stage: int | None = None, why: str = "") -> None:
        """Let a person act; in the last stage their advance completes the run.

        Raises:
            NotPossible: the life cycle has no such command now.
        """
        if command is Command.ADVANCE and self.run.stage + 1 == len(self._policy.stages):
            command = Command.COMPLETE
        before = self.run
        self.run = act(self._policy, self.run, command, at, to_stage=to_stage)
        self._begin_anew(before)
        self._decided(Decision(at, self.stage.name, self.run.state, command.value, why, by_person=True))

    def _begin_anew(self, before: RunView) -> None:
        """Forget the evidence where another stage, or the same one afresh, has begun."""
        if self.run.stage != before.stage:
            self._checks = {}
        if self.run.stage != before.stage or self.run.fresh_from != before.fresh_from:
            self._newest, self._waiting = None, []
            self._watch = StageWatch(self._policy, self.run.stage, fresh_from=self.run.fresh_from)
            self._watch.record(self._checks)

    def _note(self, at: datetime, step: Step) -> None:
        words = [step.command.value] if step.command else []
        words += ["extend"] if step.extend else []
        words += ["restart"] if step.restart else []
        self._decided(
            Decision(
                at=at,
                stage=self.stage.name,
                state=self.run.state,
                command=", ".join(words),
                why=step.why,
                gates=step.gates,
                alerts=step.alerts,
                kill=step.kill,
            )
        )

    def _decided(self, decision: Decision) -> None:
        self.trace.decisions.append(decision)
        self.trace.state, self.trace.stage, self.trace.ended = decision.state, decision.stage, decision.at
