"""`rollout list`, `status`, `report`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from common.context import unit_of_work
from common.database_time import database_now
from common.errors import WrongState
from common.management.base import MesocycleCommand
from rollout.commands.standing import arm_table, flag_words, gate_table, headline, is_killed, next_words, standing
from rollout.commands.verb import Row, Verb, newest_run, reader
from rollout.lifecycle import ENDED, State
from rollout.messages import render
from rollout.models import Flag, Rollout
from rollout.policy.model import Policy
from rollout.runs import policy_of
from rollout.services.updates import ended_run
from rollout.status import status_of, verdicts_of


class List(Verb):
    """All flags, with the run that moves each or moved it last."""

    name = "list"
    help = "list flags and their rollouts: state, stage, percent, what comes next"

    def run(self, command: MesocycleCommand, **options: Any) -> int | None:
        """Print a row a flag."""
        with unit_of_work(reader(options), read_only=True):
            newest: dict[Any, Rollout] = {}
            for run in Rollout.objects.select_related("flag").order_by("-id"):
                newest.setdefault(run.flag_id, run)
            rows = [_listed(flag, newest.get(flag.pk)) for flag in Flag.objects.order_by("name")]
        if command.as_json:
            command.emit(rows)
        else:
            shown = ("flag", "state", "stage", "percent", "policy", "next")
            command.table(rows, columns=shown)
        return None


def _listed(flag: Flag, run: Rollout | None) -> Row:
    state = run.state.replace("_", " ") if run else "no rollout"
    if is_killed(flag):
        state = f"killed ({state})"
    policy = policy_of(run) if run else None
    over = run is None or State(run.state) in ENDED
    return {
        "flag": flag.name,
        "state": f"retired ({state})" if flag.metadata.get("retired_at") else state,
        "stage": f"{run.stage + 1} of {len(policy.stages)}" if run and policy else None,
        "percent": flag.rollout_thousandths / 1000,
        "policy": run.policy_name if run else None,
        "next": next_words(run, policy, database_now()) if run and policy else None,
        "run": run.pk if run else None,
        "live": not over,
        "killed": bool(is_killed(flag)),
        "synthetic": bool(run and run.synthetic),
    }


class Status(Verb):
    """Everything the page shows."""

    name = "status"
    help = "show a run: stage, time left, gates, arms, what it waits for, the processes that observed it"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add which."""
        parser.add_argument("target", metavar="FLAG|ID", help="a flag's live or newest run, or a run's id")

    def run(self, command: MesocycleCommand, **options: Any) -> int | None:
        """Print it."""
        with unit_of_work(reader(options), read_only=True):
            run = newest_run(options["target"])
            found, policy = standing(run), policy_of(run)
            words = flag_words(run.flag)
        if command.as_json:
            command.emit(found)
            return None
        command.stdout.write("\n".join([*headline(found), words]))
        show_gates(command, run, policy)
        command.table(arm_table(found["arms"]), title="Since the stage's evidence counts")
        if found["processes"]:
            command.table(found["processes"], title="Processes seen lately")
        else:
            command.stdout.write("processes: none has reported lately")
        for wish in found["open_wishes"]:
            command.stdout.write(f"waits for a second person: {wish['kind']}, wish {wish['id']} ({wish['reason']})")
        for role, who in found["contacts"].items():
            command.stdout.write(f"contact {role}: {who}")
        return None


def show_gates(command: MesocycleCommand, run: Rollout, policy: Policy) -> None:
    """Print the gates as the last tick saw them."""
    verdicts = verdicts_of(run.verdicts_json)
    if verdicts:
        command.table(gate_table(verdicts, policy), title="Gates, as the last tick saw them")
    else:
        command.stdout.write("gates: not judged yet (`rollout check` judges them now)")


class Report(Verb):
    """A status or post-rollout report to send on."""

    name = "report"
    help = "print the status or post-rollout report of a run as text"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add which run, and which report."""
        parser.add_argument("target", metavar="FLAG|ID")
        parser.add_argument("--kind", choices=["status", "post"], help="default: post where the run is over")

    def run(self, command: MesocycleCommand, **options: Any) -> int | None:
        """Render it from the record."""
        with unit_of_work(reader(options), read_only=True):
            run = newest_run(options["target"])
            over = State(run.state) in ENDED
            kind = options["kind"] or ("post" if over else "status")
            if kind == "post" and not over:
                raise WrongState(
                    f"This run is {run.state.replace('_', ' ')}; a post-rollout report comes when it ended."
                )
            text = (
                render.post_rollout_report(ended_run(run))
                if kind == "post"
                else render.daily_status(status_of(run, database_now()))
            )
        if command.as_json:
            command.emit({"run": run.pk, "kind": kind, "subject": text.subject, "body": text.body})
        else:
            command.stdout.write(f"{text.subject}\n\n{text.body}")
        return None
