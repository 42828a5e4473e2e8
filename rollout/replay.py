"""How a run moves, pure: the live tick and the simulation fold the same steps alike, so that they cannot differ."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from rollout.engine import RunView, Step
from rollout.lifecycle import Command, NotPossible, next_state
from rollout.policy.model import Policy


def apply(policy: Policy, run: RunView, step: Step, at: datetime) -> RunView:
    """Return the run after a tick at a moment; `step` is what `next_step` said, also where it said to wait.

    Raises:
        NotPossible: the life cycle has no such command in the run's state, or there is no further stage.
    """
    moved = replace(run, last_tick=at, was_killed=run.killed)
    if step.command is not None:
        moved = act(policy, moved, step.command, at)
    if step.restart:
        moved = replace(moved, fresh_from=at, extensions=0)
    if step.extend:
        moved = replace(moved, extensions=moved.extensions + 1)
    return moved


def act(policy: Policy, run: RunView, command: Command, at: datetime, *, to_stage: int | None = None) -> RunView:
    """Return the run after a command, a person's or a tick's; `to_stage` is where STEP_BACK goes. No tick is counted.

    Raises:
        NotPossible: the life cycle has no such command in the run's state, or there is no such stage to go to.
    """
    moved = replace(run, state=next_state(run.state, command))
    if command is Command.ADVANCE:
        if run.stage + 1 >= len(policy.stages):
            raise NotPossible(run.state, command)
        return replace(moved, stage=run.stage + 1, fresh_from=at, extensions=0)
    if command is Command.STEP_BACK:
        if to_stage is None or not 0 <= to_stage < run.stage:
            raise NotPossible(run.state, command)
        return replace(moved, stage=to_stage, fresh_from=at, extensions=0)
    if command is Command.RESUME:  # what happened meanwhile is no evidence for going on
        return replace(moved, fresh_from=at, extensions=0)
    return moved
