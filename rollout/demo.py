"""A run at a middle stage and one that was rolled back, with made-up outcomes, for a demonstration.

The rows are as the engine would have left them, and say that they are synthetic. The audit log is told of what was
really done, the flag that was added: not of steps that nobody took.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import numpy as np

from accounts.models import User
from common import clock
from common.actors import actor_id
from common.context import service, unit_of_work
from common.ids import uuid7
from common.stats.histogram import Histogram
from common.stats.streak import Streak
from rollout.gates.evidence import Arm, Outcome, Seen, Tally, Window
from rollout.gates.look import look
from rollout.lifecycle import Command, State
from rollout.models import (
    Flag,
    Incident,
    IncidentEntry,
    IncidentStatus,
    OutcomeMinute,
    Rollout,
    RolloutCheck,
    RolloutStep,
)
from rollout.policy.model import GateKind, Policy
from rollout.runs import WHOLE, known_policies
from rollout.services.steps import ENGINE
from rollout.services.writing import record_change, write_flag

KEY: Final = "plan.taper_by_model"
POLICY: Final = "ten-step-canary"
EVERY: Final = timedelta(minutes=5)
ANSWERS_A_DAY: Final = 3_200
ATHLETES: Final = 12_400
SEED: Final = 20
EXTENSIONS: Final = {"canary-5": 2, "canary-15": 2, "canary-35": 1}
REACHED: Final = "canary-35"
RUNNING_FOR: Final = timedelta(days=14)
FAILED_AT: Final = "canary-5"
BETWEEN: Final = timedelta(days=6)


@dataclass(frozen=True, slots=True)
class Rates:
    """How an arm behaves; latency is log-normal with this median."""

    failed: float = 0.011
    fallback: float = 0.006
    invalid: float = 0.009
    median_ms: float = 1180.0
    accepted: float = 0.872
    rating: float = 4.35


NEW: Final = Rates(failed=0.007, invalid=0.007, median_ms=1090.0, accepted=0.894, rating=4.46)
BROKEN: Final = Rates(failed=0.15, fallback=0.12, invalid=0.04, median_ms=1850.0)


@dataclass(frozen=True, slots=True)
class Stay:
    """A stage of the run: when it was entered and, where it is over, left."""

    stage: int
    start: datetime
    end: datetime


def rhythm_of(at: datetime) -> float:
    """Return how much is asked at a time of day, against the day's average."""
    return float(1 + 0.8 * np.sin((at.hour - 10 + at.minute / 60) / 24 * 2 * np.pi))


def make_rollout_demo(*, asked_by: User, approved_by: User) -> UUID | None:
    """Add the flag with its two runs; None where it is there already.

    Raises:
        NotPermitted: never of the two people: the rows say who asked, the demo's own identity writes them.
    """
    policy, now = known_policies()[POLICY], clock.now().replace(second=0, microsecond=0)
    with unit_of_work(service("demo")):
        if Flag.objects.filter(name=KEY).exists():
            return None
        what = "The taper follows the athlete’s own model (demonstration)"
        flag = Flag(name=KEY, enabled=True, guarded=True, description=what)
        flag.save()
        record_change(flag, {"enabled": [None, True]}, "demonstration")
        maker = _Maker(flag, policy, asked_by, approved_by)
        maker.rolled_back_run(now - RUNNING_FOR - BETWEEN)
        run = maker.running_run(now)
        stage = policy.stages[run.stage]
        changes = {"rollout_thousandths": stage.thousandths, "groups": sorted(stage.groups)}
        write_flag(flag, {**changes, "rollout_id": run.pk, "rollout_stage": run.stage}, "demonstration")
        return run.pk


class _Maker:
    """Writes runs of one flag and policy."""

    def __init__(self, flag: Flag, policy: Policy, asked_by: User, approved_by: User) -> None:
        self.flag, self.policy, self.asked_by, self.approved_by = flag, policy, asked_by, approved_by
        self.random = np.random.default_rng(SEED)

    def running_run(self, now: datetime) -> Rollout:
        """Two weeks of a healthy run, of which the present stage still lacks a check and a day."""
        reached = self.policy.index_of(REACHED)
        stays = list(self._stays(now - RUNNING_FOR, reached, now))
        run = self._run(stays[0].start, stage=reached, state=State.RUNNING)
        run.stage_entered_at = run.fresh_from = stays[-1].start
        run.extensions, run.last_tick = EXTENSIONS[REACHED], now
        run.save()
        seen = self._lived(run, stays, NEW, leave_open=True)
        run.verdicts_json = [asdict(verdict) for verdict in seen.verdicts]
        run.waits_for = ""
        run.version = self._steps(run, stays)
        run.save()
        return run

    def rolled_back_run(self, ended: datetime) -> Rollout:
        """A run whose errors a guardrail found at 5 %, with its incident, closed."""
        failed = self.policy.index_of(FAILED_AT)
        before = sum((stage.duration for stage in self.policy.stages[: failed + 1]), timedelta())
        stays = list(self._stays(ended - before, failed, ended, extended=False))
        run = self._run(stays[0].start, stage=failed, state=State.ROLLED_BACK)
        run.stage_entered_at = run.fresh_from = stays[-1].start
        run.save()
        seen = self._lived(run, stays, BROKEN, until_failed=True)
        ended = seen.newest or ended
        run.ended_at, run.cool_down_until, run.last_tick = ended, ended + self.policy.cool_down, ended
        verdicts = [asdict(verdict) for verdict in seen.verdicts]
        why = "; ".join(verdict.why for verdict in seen.verdicts if verdict.outcome is Outcome.FAIL)
        run.verdicts_json = verdicts
        number = self._steps(run, stays)
        for offset, command, states in (
            (1, Command.ROLLBACK, (State.RUNNING, State.ROLLING_BACK)),
            (2, Command.CONFIRM, (State.ROLLING_BACK, State.ROLLED_BACK)),
        ):
            self._step(
                run, number + offset, ended, command, why, states=states, stages=(failed, failed), found=verdicts
            )
        run.version = number + 2
        run.save()
        self._incident(run, why, verdicts, ended)
        return run

    def _run(self, starts_at: datetime, *, stage: int, state: State) -> Rollout:
        return Rollout(
            flag=self.flag,
            policy_name=self.policy.name,
            policy_text=self.policy.text,
            policy_sha256=self.policy.sha256,
            state=state.value,
            stage=stage,
            reason="The taper follows the athlete’s own model",
            requested_by_id=self.asked_by.pk,
            starts_at=starts_at,
            created_at=starts_at - timedelta(hours=3),
            synthetic=True,
        )

    def _stays(self, start: datetime, reached: int, now: datetime, *, extended: bool = True) -> Iterator[Stay]:
        """Yield the stages one after the other; the last lasts until now."""
        for index, stage in enumerate(self.policy.stages[: reached + 1]):
            more = EXTENSIONS.get(stage.name, 0) if extended else 0
            end = now if index == reached else start + stage.duration + more * stage.extend
            yield Stay(index, start, end)
            start = end

    def _lived(
        self, run: Rollout, stays: Sequence[Stay], new: Rates, *, leave_open: bool = False, until_failed: bool = False
    ) -> Seen:
        """Write each stage's checks and minutes; returns what is seen of the last one.

        leave_open: its checks are not recorded. until_failed: it ends with the first gate that fails.
        """
        for stay in stays:
            checks = [g for g in self.policy.gates_of(self.policy.stages[stay.stage]) if g.kind is GateKind.CHECK]
            recorded = [] if leave_open and stay is stays[-1] else checks
            RolloutCheck.objects.bulk_create(
                RolloutCheck(
                    rollout=run,
                    stage=stay.stage,
                    gate=gate.name,
                    passed=True,
                    evidence="Made up for the demonstration.",
                    recorded_by_id=self.asked_by.pk,
                    created_at=stay.start + timedelta(minutes=40),
                )
                for gate in recorded
            )
            windows = list(self._minutes(stay, new))
            if until_failed and stay is stays[-1]:
                windows = self._until_failed(stay, windows)
            OutcomeMinute.objects.bulk_create(
                [
                    OutcomeMinute(
                        rollout=run,
                        stage=stay.stage,
                        minute=window.start,
                        new_json=window.of(Arm.NEW).as_json(),
                        control_json=window.of(Arm.CONTROL).as_json(),
                    )
                    for window in windows
                ],
                batch_size=500,
            )
        passed = {gate.name: True for gate in recorded}
        last = stays[-1]
        at = windows[-1].start + EVERY if until_failed else last.end
        return look(self.policy, last.stage, windows, fresh_from=last.start, at=at, checks=passed)

    def _until_failed(self, stay: Stay, windows: list[Window]) -> list[Window]:
        """Return the windows up to the first full hour after which the engine would have rolled back."""
        for number in range(24, len(windows), 12):
            at = windows[number - 1].start + EVERY
            seen = look(self.policy, stay.stage, windows[:number], fresh_from=stay.start, at=at, checks={})
            if any(verdict.outcome is Outcome.FAIL for verdict in seen.verdicts):
                return windows[:number]
        return windows

    def _minutes(self, stay: Stay, new: Rates) -> Iterator[Window]:
        """Yield a stage's outcomes, every five minutes, with more of them by day than by night."""
        stage = self.policy.stages[stay.stage]
        if not stage.has_traffic:
            return
        share = (stage.thousandths or 1000) / WHOLE
        answered, at = 0, stay.start
        while at < stay.end:
            expected = ANSWERS_A_DAY * rhythm_of(at) * (EVERY / timedelta(days=1))
            first_seen = 0.7 * float(np.exp(-answered / ATHLETES))
            arms = {
                Arm.NEW: self._tally(expected * share, first_seen, new),
                Arm.CONTROL: self._tally(expected * (1 - share), first_seen, Rates()),
            }
            answered += sum(tally.answered for tally in arms.values())
            yield Window(at, arms)
            at += EVERY

    def _tally(self, expected: float, first_seen: float, rates: Rates) -> Tally:
        draw = self.random
        n = int(draw.poisson(expected))
        if not n:
            return Tally()
        bad = draw.random(n) < rates.failed
        failed, decided, rated = int(bad.sum()), int(draw.binomial(n, 0.3)), int(draw.binomial(n, 0.12))
        ratings = np.clip(np.round(draw.normal(rates.rating, 0.7, rated)), 1, 5)
        return Tally(
            answered=n,
            subjects=int(draw.binomial(n, first_seen)),
            failed=failed,
            fallback=int(draw.binomial(failed, rates.fallback / rates.failed)),
            invalid=int(draw.binomial(n, rates.invalid)),
            decided=decided,
            accepted=int(draw.binomial(decided, rates.accepted)),
            rated=rated,
            rating_sum=float(ratings.sum()),
            rating_squares=float((ratings**2).sum()),
            reports=(reports := int(draw.binomial(n, 0.0015))),
            reporters=reports,
            cost_seconds=round(float(0.4 * n * draw.uniform(0.9, 1.1)), 3),
            latency=Histogram.of(*draw.lognormal(np.log(rates.median_ms), 0.38, n)),
            streak=Streak.of(bool(one) for one in bad),
        )

    def _steps(self, run: Rollout, stays: Sequence[Stay]) -> int:
        """Write the steps from the approval to the present stage; returns the number of the last."""
        begun = (State.SCHEDULED, State.RUNNING)
        self._step(run, 1, stays[0].start - timedelta(hours=1), Command.APPROVE, run.reason, who=self.approved_by,
                   states=(State.DRAFT, State.SCHEDULED), stages=(0, 0))  # fmt: skip
        self._step(run, 2, stays[0].start, Command.START, "its time has come", states=begun, stages=(0, 0))
        number = 2
        for before, stay in zip([None, *stays], stays, strict=False):
            if before is not None:
                number += 1
                why = "the stage's time is over and every criterion is met"
                self._step(run, number, stay.start, Command.ADVANCE, why, stages=(before.stage, stay.stage))
            stage = self.policy.stages[stay.stage]
            for extension in range(EXTENSIONS.get(stage.name, 0)):
                at = stay.start + stage.duration + extension * stage.extend
                if at < stay.end:
                    number += 1
                    self._step(run, number, at, "extend", "too few answers yet", stages=(stay.stage, stay.stage))
        return number

    def _step(
        self,
        run: Rollout,
        number: int,
        at: datetime,
        command: str,
        why: str,
        *,
        stages: tuple[int, int],
        states: tuple[State, State] = (State.RUNNING, State.RUNNING),
        who: User | None = None,
        found: Sequence[dict[str, Any]] = (),
    ) -> None:
        RolloutStep.objects.create(
            rollout=run,
            number=number,
            at=at,
            command=str(command),
            from_state=states[0].value,
            to_state=states[1].value,
            from_stage=stages[0],
            to_stage=stages[1],
            actor_id=who.pk if who else actor_id(ENGINE),
            actor=who.role if who else str(ENGINE),
            why=why,
            verdicts_json=list(found),
        )

    def _incident(self, run: Rollout, why: str, verdicts: list[dict[str, Any]], at: datetime) -> None:
        stage = self.policy.stages[run.stage]
        incident = Incident.objects.create(
            id=uuid7(),
            flag=self.flag,
            rollout=run,
            title=f"{self.flag.name} was rolled back at {stage.title}",
            automatic=True,
            status=IncidentStatus.CLOSED,
            created_at=at,
            evidence_json={
                "why": why,
                "policy": self.policy.name,
                "stage": stage.name,
                "flag_before": {"rollout_thousandths": stage.thousandths},
                "verdicts": verdicts,
            },
            cause="Athletes without a test in the last year got a taper of length zero, which the guard refused.",
            follow_up="The taper falls back to ten days without a recent test; a test covers it.",
            acknowledged_by_id=self.asked_by.pk,
            acknowledged_at=at + timedelta(minutes=14),
            closed_at=at + timedelta(hours=26),
        )
        people: tuple[tuple[timedelta, str, User | None], ...] = (
            (timedelta(), incident.title, None),
            (timedelta(seconds=2), "Every process was seen with the flag at zero", None),
            (timedelta(minutes=14), f"Acknowledged: {incident.cause}", self.asked_by),
            (timedelta(hours=26), f"Closed. Follow-up: {incident.follow_up}", self.asked_by),
        )
        for after, text, who in people:
            IncidentEntry.objects.create(
                incident=incident,
                at=at + after,
                actor_id=who.pk if who else actor_id(ENGINE),
                actor=who.role if who else str(ENGINE),
                text=text,
            )
