"""`rollout check`, `advance`, `hold`, `resume`, `tick`: steering a run from stage to stage."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from common.context import unit_of_work
from common.database_time import database_now
from common.errors import InvalidInput
from common.management.base import OK, MesocycleCommand
from rollout.commands.standing import gate_row, gate_table
from rollout.commands.telling import tell_asked, tell_changed
from rollout.commands.verb import (
    FAILED,
    OPEN,
    Actor,
    Row,
    Verb,
    add_expected,
    add_reason,
    add_wait,
    live_run,
    newest_run,
    person,
    reader,
)
from rollout.engine import Step, next_step
from rollout.gates.evidence import Outcome, Seen
from rollout.models import Approval, Rollout
from rollout.policy.model import Policy
from rollout.runs import policy_of, seen_of, view_of
from rollout.services import rollouts
from rollout.services.tick import tick


class Check(Verb):
    """Judge the gates now, or record what no counter answers."""

    name = "check"
    help = "judge the gates of a run now (exit code 0: all pass, 6: not decided, 7: one fails), or record a check"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the run, and the evidence."""
        parser.add_argument("target", metavar="FLAG|ID")
        parser.add_argument("gate", nargs="?", metavar="GATE", help="record evidence for this check")
        answer = parser.add_mutually_exclusive_group()
        answer.add_argument("--passed", action="store_true", help="it passed")
        answer.add_argument("--failed", action="store_true", help="it failed")
        parser.add_argument("--evidence", default="", metavar="TEXT", help="what was looked at, and where to read it")

    def run(self, command: MesocycleCommand, **options: Any) -> int | None:
        """Record where a gate is named, and judge; nothing is decided by looking."""
        recorded = _record(options) if options["gate"] else None
        if recorded is None and (options["passed"] or options["failed"]):
            raise InvalidInput("say which GATE passed or failed", pointer="/gate")
        with unit_of_work(reader(options), read_only=True):
            run = newest_run(options["target"])
            policy, at = policy_of(run), database_now()
            seen = seen_of(run, policy, at)
            step = next_step(policy, view_of(run), seen, at)
        _show_gates(command, run, policy, seen, step, recorded)
        return OK if recorded else _code(seen)


def _record(options: Row) -> Row:
    if options["passed"] == options["failed"]:
        raise InvalidInput("say --passed or --failed", pointer="/passed")
    acting_user = person(options)
    with unit_of_work(acting_user, read_only=True):
        run_id = live_run(options["target"]).pk
    check = rollouts.record_check(
        rollout_id=run_id,
        gate=options["gate"],
        passed=options["passed"],
        evidence=options["evidence"],
        acting_user=acting_user,
    )
    return {"id": check.pk, "gate": check.gate, "passed": check.passed, "stage": check.stage, "text": check.evidence}


def _code(seen: Seen) -> int:
    outcomes = {verdict.outcome for verdict in seen.verdicts}
    if Outcome.FAIL in outcomes:
        return FAILED
    return OPEN if outcomes - {Outcome.PASS} else OK


def _show_gates(
    command: MesocycleCommand, run: Rollout, policy: Policy, seen: Seen, step: Step, recorded: Row | None
) -> None:
    gates = {gate.name: gate for gate in policy.gates}
    would = (str(step.command) if step.command else "wait").replace("_", " ")
    if command.as_json:
        command.emit(
            {
                "run": run.pk,
                "stage": policy.stages[run.stage].name,
                "recorded": recorded,
                "gates": [gate_row(verdict, gates.get(verdict.gate)) for verdict in seen.verdicts],
                "newest": seen.newest,
                "would": would,
                "why": step.why,
            }
        )
        return
    if recorded:
        command.stdout.write(f"Recorded: {recorded['gate']} {'passed' if recorded['passed'] else 'failed'}.")
    stage = policy.stages[run.stage].title
    if seen.verdicts:
        command.table(gate_table(seen.verdicts, policy), title=f"{run.flag.name} at {stage}, judged now")
    else:
        command.stdout.write(f"{stage} has no gates")
    command.stdout.write(f"The engine would {would}: {step.why}")


class Advance(Verb):
    """On to the next stage."""

    name = "advance"
    help = "move a run to its next stage; without conclusive evidence a second person is asked (exit code 5)"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the run."""
        _add_run(parser)

    def run(self, command: MesocycleCommand, **options: Any) -> int | None:
        """Advance or ask."""
        acting_user = person(options)
        run_id = _run_id(options, acting_user)
        done = rollouts.advance(
            rollout_id=run_id, expected=options["expected"], reason=options["reason"], acting_user=acting_user
        )
        if isinstance(done, Approval):
            return tell_asked(command, done, acting_user)
        return _tell(command, run_id, options)


class Hold(Verb):
    """Stay at this stage."""

    name = "hold"
    help = "keep a run at its stage until somebody resumes it; its gates go on watching"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the run."""
        _add_run(parser)

    def run(self, command: MesocycleCommand, **options: Any) -> int | None:
        """Pause."""
        acting_user = options["acting_user"]
        run_id = _run_id(options, acting_user)
        rollouts.pause(
            rollout_id=run_id, expected=options["expected"], reason=options["reason"], acting_user=acting_user
        )
        return _tell(command, run_id, options)


class Resume(Verb):
    """Let a held run go on."""

    name = "resume"
    help = "let a run on hold go on (a killed flag: `unkill`)"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the run."""
        _add_run(parser)

    def run(self, command: MesocycleCommand, **options: Any) -> int | None:
        """Resume."""
        acting_user = person(options)
        run_id = _run_id(options, acting_user)
        rollouts.resume(
            rollout_id=run_id, expected=options["expected"], reason=options["reason"], acting_user=acting_user
        )
        return _tell(command, run_id, options)


class Tick(Verb):
    """One look of the scheduler, for operators without beat."""

    name = "tick"
    help = "look at every live run now and take the step that is due (beat and `run_scheduled` do this each minute)"

    def run(self, command: MesocycleCommand, **options: Any) -> int | None:
        """Look, and print what came of it."""
        reader(options)
        rows = [
            {"run": found.rollout_id, "did": ", ".join(found.commands) or "nothing", "why": found.why}
            for found in tick()
        ]
        if command.as_json:
            command.emit(rows)
        elif rows:
            command.table(rows)
        else:
            command.stdout.write("no run is live")
        return OK


def _add_run(parser: CommandParser) -> None:
    parser.add_argument("target", metavar="FLAG|ID")
    add_reason(parser)
    add_expected(parser)
    add_wait(parser)


def _run_id(options: Row, acting_user: Actor) -> Any:
    reader(options)
    with unit_of_work(acting_user, read_only=True):
        return live_run(options["target"]).pk


def _tell(command: MesocycleCommand, run_id: Any, options: Row) -> int:
    run = Rollout.objects.select_related("flag").get(pk=run_id)
    tell_changed(command, run.flag.name, run_id=run_id, wait=options["wait"])
    return OK
