"""`rollout drill`: rehearse the automatic rollback on a demo, and time it."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final

from django.core.management.base import CommandParser

from common.context import unit_of_work
from common.database_time import database_now
from common.management.base import OK, PARTLY_FAILED, MesocycleCommand
from rollout.commands.standing import flag_row, flag_words, is_killed, run_row, see
from rollout.commands.verb import Row, Verb, add_reason, live_run, reader
from rollout.gates.look import MINUTE
from rollout.lifecycle import EXPOSING, Command, State
from rollout.models import Incident, Rollout, RolloutStep
from rollout.policy.model import Gate, Purpose
from rollout.runs import policy_of
from rollout.services.drill import Fault, inject_fault
from rollout.services.outcomes import roll_up
from rollout.services.tick import tick_run

POLL: Final = 0.5


class Drill(Verb):
    """Faults for a demo."""

    name = "drill"
    help = "inject made-up failures into a demo's run and time the automatic rollback (refuses where people are real)"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add which run, which fault and how long to watch."""
        parser.add_argument("target", metavar="FLAG|ID")
        parser.add_argument(
            "--fault", choices=[f.value for f in Fault], default=Fault.ERRORS.value, help="default: %(default)s"
        )
        parser.add_argument(
            "--tick", action="store_true", help="look now instead of waiting for the scheduler (beat, `run_scheduled`)"
        )
        parser.add_argument(
            "--for", type=float, default=180.0, dest="seconds", metavar="SECONDS", help="wait at most (%(default)g)"
        )
        add_reason(parser)

    def run(self, command: MesocycleCommand, **options: Any) -> int | None:
        """Inject, watch, print what was observed and how long it took."""
        acting_user = reader(options)
        with unit_of_work(acting_user, read_only=True):
            run = live_run(options["target"])
        begun = time.monotonic()
        gate, answers = inject_fault(
            rollout_id=run.pk, fault=Fault(options["fault"]), reason=options["reason"], acting_user=acting_user
        )
        command.note(f"{answers} made-up answers written; at the next tick {gate.name} does: {gate.purpose} …")
        if options["tick"]:
            _look(run)
        until = begun + options["seconds"]
        after = _watched(run, until)
        decided = time.monotonic() - begun
        observed = see(max(until - time.monotonic(), 0.0) if _acted(after) else 0.0)
        about = {"fault": options["fault"], "answers": answers, "gate": gate.name}
        found = _found(after, gate, decided, time.monotonic() - begun) | about | {"observed": asdict(observed)}
        if command.as_json:
            command.emit(found)
        else:
            _show(command, after, found, f"{run.flag.rollout_thousandths / 1000:g} %", observed.words)
        return OK if found["rolled_back"] else PARTLY_FAILED


def _found(run: Rollout, gate: Gate, decided: float, seen: float) -> Row:
    """Return what the rows say after the drill; both times in seconds since the answers were written."""
    step = RolloutStep.objects.filter(rollout=run, command=Command.ROLLBACK).first()
    incident = Incident.objects.filter(rollout=run).first()
    done = _acted(run) and (gate.purpose is not Purpose.KILL or bool(is_killed(run.flag)))
    allowed = policy_of(run).rollback_within.get("immediate", timedelta(minutes=1))  # I6: in under a minute
    return {
        "run": run_row(run, database_now()),
        "flag": flag_row(run.flag),
        "rolled_back": done,
        "why": step.why if step else None,
        "incident": incident.pk if incident else None,
        "decided_after_seconds": round(decided, 1) if done else None,
        "observed_after_seconds": round(seen, 1) if done else None,
        "allowed_seconds": allowed.total_seconds(),
    }


def _show(command: MesocycleCommand, run: Rollout, found: Row, before: str, observed: str) -> None:
    if not found["rolled_back"]:
        command.stdout.write(
            "No tick rolled it back in that time. Is beat or `run_scheduled` running? `rollout tick` looks now."
        )
        return
    seconds, allowed = found["observed_after_seconds"], found["allowed_seconds"]
    command.stdout.write(f"{run.flag.name}: from {before} rolled back after {found['decided_after_seconds']} s")
    command.stdout.write(f"why: {found['why']}; incident {found['incident']}")
    command.stdout.write(flag_words(run.flag))
    command.stdout.write(f"observed: {observed}")
    command.stdout.write(f"{seconds} s of {allowed:g} s allowed: {'in time' if seconds <= allowed else 'TOO LATE'}")


def _look(run: Rollout) -> None:
    """Count the answers and look at this run alone, as the scheduler does when the minute is over."""
    at = database_now() + MINUTE
    roll_up(at=at)
    tick_run(rollout_id=run.pk, at=at)


def _watched(run: Rollout, until: float) -> Rollout:
    """Return the run once it is rolled back, or as it is when the time is over."""
    while True:
        found = Rollout.objects.select_related("flag").get(pk=run.pk)
        if _acted(found) or time.monotonic() >= until:
            return found
        time.sleep(POLL)


def _acted(run: Rollout) -> bool:
    return State(run.state) not in EXPOSING
