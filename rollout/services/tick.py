"""One look of the scheduler at every live run. Idempotent; each run moves by one step at most."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from common.alerts import Severity, raise_alert
from common.context import unit_of_work
from common.database_time import database_now
from rollout.engine import Step, next_step
from rollout.gates.evidence import Outcome, Seen, Verdict
from rollout.lifecycle import EXPOSING, Command, State
from rollout.models import Approval, ApprovalKind, Rollout
from rollout.policy.model import Policy, Purpose
from rollout.runs import is_killed, policy_of, seen_of, view_of
from rollout.selectors import observed, version_token
from rollout.services.incidents import nothing_in_the_way
from rollout.services.outcomes import roll_up
from rollout.services.steps import ENGINE, EXTEND, RESTART, Taking, take
from rollout.services.wishes import UNANSWERED, close

logger = logging.getLogger("mesocycle.rollout")

UNSEEN_FOR: Final = timedelta(minutes=5)
"""So long a rollback waits for a silent process before it counts as gone."""


@dataclass(frozen=True, slots=True)
class Ticked:
    """What a look at one run came to; `commands` empty where it waits."""

    rollout_id: UUID
    commands: tuple[str, ...]
    why: str


def tick(*, at: datetime | None = None) -> list[Ticked]:
    """Count the outcomes of the last minute, then look at each live run by itself.

    A run that cannot be looked at (its policy does not parse, the database refuses) is told of and stays where it is;
    the others go on.
    """
    moment = at or database_now()
    try:
        roll_up(at=moment)
    except Exception:
        _told_unwatched("outcomes cannot be counted", "every run", moment)
    with unit_of_work(ENGINE, read_only=True):
        waiting = [State.DRAFT, State.SCHEDULED, State.ROLLING_BACK, *EXPOSING]
        ids = list(Rollout.objects.filter(state__in=[s.value for s in waiting]).values_list("pk", flat=True))
    found = []
    for rollout_id in ids:
        try:
            found.append(tick_run(rollout_id=rollout_id, at=moment))
        except Exception:
            _told_unwatched("a rollout cannot be watched", str(rollout_id), moment)
    return found


def _told_unwatched(what: str, which: str, at: datetime) -> None:
    logger.exception("rollout_not_ticked", extra={"rollout_id": which})
    raise_alert(what, severity=Severity.CRITICAL, text=f"{what}: {which}", dedupe_key=f"tick:{which}:{at:%Y-%m-%dT%H}")


def tick_run(*, rollout_id: UUID, at: datetime) -> Ticked:
    """Look at one run under its lock and take the step that is due.

    Raises:
        WrongState: the step is not possible, as while the flag is killed.
    """
    with unit_of_work(ENGINE):
        run = Rollout.objects.select_for_update(of=("self",), no_key=True).get(pk=rollout_id)
        match State(run.state):
            case State.DRAFT:
                return _unanswered(run, at)
            case State.SCHEDULED if run.starts_at <= at and not is_killed(run.flag):
                nothing_in_the_way(run.flag)
                return _taken(run, Taking(Command.START, "its time has come", at))
            case State.ROLLING_BACK:
                return _confirmed(run, at)
            case state if state in EXPOSING:
                return _watched(run, at)
        return Ticked(run.pk, (), f"{run.state}: nothing to do")


def _unanswered(run: Rollout, at: datetime) -> Ticked:
    """A draft that nobody answered in time goes: it would keep its flag from any other rollout."""
    wish = Approval.objects.filter(rollout=run, kind=ApprovalKind.START, decided_at=None).first()
    if wish is None or wish.expires_at > at:
        return Ticked(run.pk, (), "waits for a second person")
    taken = _taken(run, Taking(Command.DISCARD, UNANSWERED, at))
    close(wish, now=at, approved=False, comment=UNANSWERED, decided_by=None)
    return taken


def _watched(run: Rollout, at: datetime) -> Ticked:
    policy = policy_of(run)
    seen = seen_of(run, policy, at)
    step = next_step(policy, view_of(run), seen, at)
    _alert(run, policy, seen.verdicts, at)
    _note(run, seen, step, at)
    commands: list[str] = []
    for command in _commands(step):
        taking = Taking(command, step.why, at, verdicts=seen.verdicts, kill=step.kill)
        commands.extend(_taken(run, taking).commands)
    return Ticked(run.pk, tuple(commands), step.why)


def _commands(step: Step) -> Sequence[str]:
    """Return what to write down for a step; a restart may come with a release, and is one more line."""
    extra = [EXTEND] if step.extend else [RESTART] if step.restart else []
    return [*([step.command] if step.command else []), *extra]


def _note(run: Rollout, seen: Seen, step: Step, at: datetime) -> None:
    """Keep what was seen for people who look, without a history row a minute."""
    verdicts = [asdict(verdict) for verdict in seen.verdicts]
    noted = {"last_tick": at, "verdicts_json": verdicts, "waits_for": step.why, "was_killed": is_killed(run.flag)}
    for name, value in noted.items():
        setattr(run, name, value)
    Rollout.objects.filter(pk=run.pk).update(**noted)
    if step.command is Command.HOLD:
        raise_alert(
            "rollout holds",
            severity=Severity.WARNING,
            text=f"{run.flag.name} waits for a person: {step.why}",
            dedupe_key=f"hold:{run.pk}:{run.version}",
        )


def _taken(run: Rollout, taking: Taking) -> Ticked:
    take(run, taking, ENGINE)
    return Ticked(run.pk, (taking.command,), taking.why)


def _confirmed(run: Rollout, at: datetime) -> Ticked:
    """A rollback is over when every process was seen with the flag at zero; a silent one counts as gone in time."""
    seen, total = observed(version_token())
    begun = run.ended_at or at
    if seen < total and at - begun < UNSEEN_FOR:
        return Ticked(run.pk, (), f"{seen} of {total} processes have the flag at zero")
    why = f"{seen} of {total} processes have the flag at zero" if total else "no process reports; the record says zero"
    return _taken(run, Taking(Command.CONFIRM, why, at))


def _alert(run: Rollout, policy: Policy, verdicts: Sequence[Verdict], at: datetime) -> None:
    """Tell of the gates that fail now and did not at the last look, where their policy only wants to be told."""
    severity = {Purpose.ALERT: Severity.WARNING, Purpose.PAGE: Severity.CRITICAL}
    gates = {gate.name: gate for gate in policy.gates_of(policy.stages[run.stage])}
    known = {row["gate"] for row in run.verdicts_json if row["outcome"] == Outcome.FAIL}
    for verdict in verdicts:
        gate = gates[verdict.gate]
        if verdict.outcome is Outcome.FAIL and gate.purpose in severity and gate.name not in known:
            raise_alert(
                f"gate {gate.name}",
                severity=severity[gate.purpose],
                text=f"{run.flag.name}, {policy.stages[run.stage].title}: {gate.title or gate.name}: {verdict.why}",
                dedupe_key=f"gate:{run.pk}:{gate.name}:{at:%Y-%m-%dT%H}",
            )
