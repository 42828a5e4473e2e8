"""Reading runs: their policy, where they stand, what was seen of their stage."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from pathlib import Path

from django.conf import settings

from rollout.engine import RunView
from rollout.gates.evidence import Arm, Seen, Tally, Window
from rollout.gates.look import look
from rollout.lifecycle import State
from rollout.models import Flag, OutcomeMinute, Rollout, RolloutCheck
from rollout.policy.load import PolicyError, all_policies, parse_policy
from rollout.policy.model import Policy, Stage

WHOLE = 100_000

# Told of a plan weeks after the stage that made it: they count for the stage the run has reached.
SLOW = (
    *("decided", "accepted", "rated", "rating_sum", "rating_squares"),
    *("reports", "critical", "reporters", "critical_reporters", "unsafe"),
)


def known_policies() -> dict[str, Policy]:
    """Return the policies that ship and those of `ROLLOUT_POLICY_DIR`, by name.

    Raises:
        PolicyError: one of them cannot be read.
    """
    return all_policies(Path(settings.ROLLOUT_POLICY_DIR) if settings.ROLLOUT_POLICY_DIR else None)


def policy_of(run: Rollout) -> Policy:
    """Return the policy as it was when the run was asked for."""
    return parse_policy(run.policy_text, source_name=run.policy_name)


def reads(run: Rollout) -> bool:
    """Return whether the run's policy still reads; the scheduler raises an alert where it does not."""
    try:
        policy_of(run)
    except PolicyError:
        return False
    return True


def view_of(run: Rollout) -> RunView:
    """Return where a run stands, as the engine reads it; a run that has not begun is fresh from its schedule."""
    return RunView(
        State(run.state),
        run.stage,
        run.fresh_from or run.starts_at,
        run.extensions,
        run.last_tick,
        killed=is_killed(run.flag),
        was_killed=run.was_killed,
    )


def is_killed(flag: Flag) -> bool:
    """Return whether a flag is off above everything, by its row or by the environment."""
    return flag.killed_at is not None or flag.name in settings.FLAGS_KILLED


def seen_of(run: Rollout, policy: Policy, at: datetime) -> Seen:
    """Return what is known of the run's present stage at a moment."""
    fresh_from = run.fresh_from or run.starts_at
    minutes = minutes_of(run, policy.stages[run.stage], run.stage, since=fresh_from)
    checks = dict(RolloutCheck.objects.filter(rollout=run, stage=run.stage).values_list("gate", "passed"))
    return look(policy, run.stage, minutes, fresh_from=fresh_from, at=at, checks=checks)


def minutes_of(run: Rollout, stage: Stage, index: int, *, since: datetime | None = None) -> Iterator[Window]:
    """Yield the minutes of a stage in order of time, with what was told in the same minute of earlier stages' answers.

    since: leaves out what ended before; None for all.
    """
    rows = OutcomeMinute.objects.filter(rollout=run, stage__lte=index).order_by("minute", "stage")
    if since is not None:
        rows = rows.filter(minute__gte=since.replace(second=0, microsecond=0))
    share = stage.thousandths / WHOLE if stage.has_control else 0.0
    columns = rows.values_list("minute", "stage", "new_json", "control_json")
    for minute, found in groupby(columns.iterator(), key=lambda row: row[0]):
        arms: dict[Arm, list[Tally]] = {Arm.NEW: [], Arm.CONTROL: []}
        number = -1
        for _, number, *told in found:
            for tallies, stored in zip(arms.values(), told, strict=True):
                tally = Tally.from_json(stored)
                tallies.append(tally if number == index else _slow(tally))
        if number == index:
            yield Window(minute, {arm: Tally.total(tallies) for arm, tallies in arms.items()}, share)


def _slow(tally: Tally) -> Tally:
    return Tally(**{name: getattr(tally, name) for name in SLOW})
