"""A recorded run as what it rested on, so that its decisions can be taken again from nothing else."""

from __future__ import annotations

from datetime import datetime

from rollout.gates.look import MINUTE
from rollout.lifecycle import Command
from rollout.models import OutcomeMinute, Rollout, RolloutStep
from rollout.runs import minutes_of, policy_of
from rollout.services.steps import ENGINE
from rollout.simulation.run import replay
from rollout.simulation.scenario import Act, Check
from rollout.simulation.trace import Trace


def retrace(run: Rollout) -> Trace:
    """Return the decisions that the engine takes again on the recorded minutes, checks and people's acts.

    Raises:
        ValueError: the run has not begun.
    """
    begun = run.steps.filter(command=Command.START).first()
    if begun is None:
        raise ValueError("this run has not begun")
    policy = policy_of(run)
    windows = sorted(
        (minute for index in range(len(policy.stages)) for minute in minutes_of(run, policy.stages[index], index)),
        key=lambda minute: minute.start,
    )
    looks = OutcomeMinute.objects.filter(rollout=run, watched_at__gt=begun.at).values_list("watched_at", flat=True)
    later = run.steps.filter(at__gt=begun.at)
    by_engine = later.filter(actor=str(ENGINE)).values_list("at", flat=True)
    return replay(
        policy,
        windows,
        [Check(check.created_at, check.gate, check.passed) for check in run.checks.order_by("id")],
        [_act(step) for step in later.exclude(actor=str(ENGINE))],
        started=begun.at,
        ticks=sorted({at for at in [*looks, *by_engine] if at is not None}),
        width=MINUTE,
        killed=_killed_at(run),
    )


def _killed_at(run: Rollout) -> set[datetime]:
    """Return the looks at which the flag was killed."""
    killed = OutcomeMinute.objects.filter(rollout=run, killed=True).values_list("watched_at", flat=True)
    return {at for at in killed if at is not None}


def _act(step: RolloutStep) -> Act:
    to_stage = step.to_stage if step.command == Command.STEP_BACK else None
    return Act(step.at, Command(step.command), to_stage)
