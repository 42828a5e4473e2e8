"""What a rollout does next, pure: a live tick and a simulation ask the same function with the same evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from rollout.gates.evidence import Outcome, Seen, Verdict
from rollout.lifecycle import EXPOSING, Command, State
from rollout.policy.model import Gate, Policy, Purpose, Stage

TICKS_MISSED = 3
"""After so many windows without a tick nobody was watching: a full fresh window is asked for."""

TELLING: Final = frozenset({Purpose.ALERT, Purpose.PAGE})


@dataclass(frozen=True, slots=True)
class RunView:
    """Where a run stands; `fresh_from` is when the stage's time and evidence began to count."""

    state: State
    stage: int
    fresh_from: datetime
    extensions: int = 0
    last_tick: datetime | None = None
    killed: bool = False  # the flag is off above everything, now
    was_killed: bool = False  # at the last tick


@dataclass(frozen=True, slots=True)
class Step:
    """What to do now: a command of the life cycle, or None to wait; and whom to tell of which gates.

    `restart` asks for a fresh full window: evidence from before counts no more. `extend` puts the end off once more.
    """

    command: Command | None
    why: str
    gates: tuple[str, ...] = ()
    kill: bool = False
    restart: bool = False
    extend: bool = False
    alerts: tuple[str, ...] = ()
    needs_person: bool = False
    only_by_hand: bool = False  # every criterion is met, and the policy leaves the advance to a person


def next_step(policy: Policy, run: RunView, seen: Seen, at: datetime) -> Step:
    """Decide at a moment of database time; safety first: kill, rollback, was it watched, then time, then evidence."""
    if run.state not in EXPOSING:
        return Step(None, f"{run.state}: nothing to decide")
    gates = {gate.name: gate for gate in policy.gates_of(policy.stages[run.stage])}
    failed = [v for v in seen.verdicts if v.outcome is Outcome.FAIL]
    for purpose in (Purpose.KILL, Purpose.ROLLBACK):
        tripped = [v for v in failed if gates[v.gate].purpose is purpose]
        if tripped:
            names = tuple(v.gate for v in tripped)
            return Step(Command.ROLLBACK, tripped[0].why, names, kill=purpose is Purpose.KILL)
    alerts = tuple(v.gate for v in failed if gates[v.gate].purpose in TELLING)
    if run.killed:
        return Step(None, "the flag is killed", alerts=alerts)
    if run.state is State.PAUSED:
        return Step(None, "paused by a person", alerts=alerts)
    blind = _blind(policy, run, seen, at)
    return replace(blind or _in_time(policy, run, gates, seen.verdicts, at), alerts=alerts)


def end_of(stage: Stage, run: RunView) -> datetime:
    """Return when a stage's time is over, its extensions included."""
    return run.fresh_from + stage.duration + run.extensions * stage.extend


def time_left(policy: Policy, run: RunView, at: datetime) -> timedelta:
    """Return how long the stage still lasts at least."""
    return max(end_of(policy.stages[run.stage], run) - at, timedelta())


def _blind(policy: Policy, run: RunView, seen: Seen, at: datetime) -> Step | None:
    """Return what to do where nobody watched or nothing was reported; None where all was seen.

    What was not seen may have been bad: the stage's time begins anew.
    """
    hold = Command.HOLD if run.state is State.RUNNING else None
    release = Command.RELEASE if run.state is State.HOLDING else None
    if run.was_killed:
        return Step(release, "the kill was taken back: a fresh full window", restart=True)
    if run.fresh_from > at or (run.last_tick is not None and run.last_tick > at):
        return Step(release, "the clock went back: a fresh full window", restart=True)
    if run.last_tick is not None and at - run.last_tick > TICKS_MISSED * policy.window:
        return Step(release, "nobody watched since the last tick: a fresh full window", restart=True)
    if at - (seen.newest or run.fresh_from) > policy.stale_after * policy.window:
        return Step(hold, "no report of outcomes arrives", needs_person=True)
    if seen.gap:
        return Step(release, "reports of outcomes are missing: a fresh full window", restart=True)
    return None


def _in_time(
    policy: Policy, run: RunView, gates: Mapping[str, Gate], verdicts: Sequence[Verdict], at: datetime
) -> Step:
    """Decide by time and evidence, where nothing has tripped."""
    stage, missing = policy.stages[run.stage], _open(gates, verdicts)
    if at < end_of(stage, run):
        release = Command.RELEASE if run.state is State.HOLDING else None
        return Step(release, f"until {end_of(stage, run):%Y-%m-%d %H:%M} UTC")
    if not missing:
        return _onwards(policy, run)
    names = tuple(v.gate for v in missing)
    only_unsure = all(v.outcome in (Outcome.INCONCLUSIVE, Outcome.NO_DATA) for v in missing)
    if only_unsure and run.extensions < stage.extensions:
        return Step(None, _words(missing), names, extend=True)
    command = Command.HOLD if run.state is State.RUNNING else None
    return Step(command, _words(missing), names, needs_person=True)


def _onwards(policy: Policy, run: RunView) -> Step:
    if policy.stages[run.stage].manual:
        command = Command.HOLD if run.state is State.RUNNING else None
        return Step(command, "every criterion is met; a person advances it", needs_person=True, only_by_hand=True)
    if run.stage + 1 == len(policy.stages):
        return Step(Command.COMPLETE, "the last stage's time is over and every criterion is met")
    return Step(Command.ADVANCE, "the stage's time is over and every criterion is met")


def _open(gates: Mapping[str, Gate], verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Return what stands in the way of leaving the stage: whatever is no pass, alerts apart.

    A guard that cannot see yet has not passed either.
    """
    return [v for v in verdicts if v.outcome is not Outcome.PASS and gates[v.gate].purpose not in TELLING]


def _words(verdicts: Sequence[Verdict]) -> str:
    return "; ".join(f"{v.gate}: {v.outcome.replace('_', ' ')} ({v.why})" for v in verdicts)
