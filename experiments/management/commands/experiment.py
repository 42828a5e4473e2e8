"""Experiments, from the command line."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from django.core.management.base import CommandParser

from accounts.scope import require
from common.context import unit_of_work
from common.errors import InvalidInput, NotVisible
from common.management.base import EXIT_CODES, ActorMixin
from experiments.lifecycle import Command as Step
from experiments.lifecycle import State, possible
from experiments.management.before import add_power, show_power, show_preview
from experiments.management.results import show_results
from experiments.models import Experiment
from experiments.policies import MANAGE
from experiments.ready import READY
from experiments.selectors import moment_of, results_of
from experiments.services.assign import assign
from experiments.services.check import replay_assignment, replay_experiment
from experiments.services.looking import take_look
from experiments.services.roster import enrol_roster
from experiments.services.running import begin_phase, create_experiment, edit_experiment, step

DIFFERS: Final = 5
HIDDEN: Final = 6
CODES: Final = (
    f"{EXIT_CODES}  {DIFFERS}  `replay`: an assignment does not follow from its record\n"
    f"  {HIDDEN}  `results`: hidden, because the sample ratio alarms\n"
)
STEPS: Final = {step.value: step for step in Step}


class Command(ActorMixin):
    """One verb a run; each that changes something needs --reason."""

    help = "Write, start, pause, complete and replay experiments."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser with our exit codes at its end."""
        return super().create_parser(prog_name, subcommand, **{"epilog": CODES, **kwargs})

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the verbs."""
        super().add_arguments(parser)
        parts = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        _verb(parts, "list", "all experiments, newest first")
        _verb(parts, "ready", "experiments that ship, for create --ready")
        for name, what in (("create", "a draft"), ("edit", "changes of a draft"), ("phase", "the next phase")):
            part = _changing(parts, name, f"{what}, from a JSON document")
            number = "?" if name == "create" else None
            part.add_argument(
                "file", metavar="FILE", nargs=number, help="the fields as a JSON object; - for standard input"
            )
            if name == "create":
                part.add_argument("--ready", metavar="NAME", help="from one that ships (`ready`) instead of a FILE")
        for name in STEPS:
            _changing(parts, name, f"{name} an experiment")
        part = _verb(parts, "enrol", "rank a closed roster, where the start could not")
        part.add_argument("key", metavar="KEY")
        part = _verb(parts, "assign", "the variant of an athlete, as POST /assignments answers it")
        part.add_argument("key", metavar="KEY")
        part.add_argument("subject", metavar="ATHLETE")
        part = _verb(parts, "replay", "decide stored assignments again from their records, and compare")
        part.add_argument("what", metavar="KEY|ASSIGNMENT", help="an experiment's key, or one assignment's id")

        part = _verb(parts, "preview", "a draft on the real roster: allocation, overlap, detectable effect, blockers")
        part.add_argument("key", metavar="KEY")
        add_power(_verb(parts, "power", "power, detectable effect and subjects needed, of a draft or a design"))
        part = _verb(parts, "look", "take a look now: count what was known at the last midnight (UTC), and keep it")
        part.add_argument("key", metavar="KEY")
        part = _verb(parts, "results", "what came of it, told from stored looks")
        part.add_argument("key", metavar="KEY")
        part.add_argument("--as-of", default="", metavar="WHEN", help="the newest look at or before a day or a moment")
        part.add_argument("--csv", action="store_true", dest="as_csv", help="every look, metric and treatment as CSV")

    def run(self, **options: Any) -> int | None:
        """Run the verb."""
        verb = options["verb"]
        if verb in WITHOUT_REASON:
            return WITHOUT_REASON[verb](self, options)
        self._show(_changed(verb, options))
        return None

    def list(self, options: dict[str, Any]) -> None:
        """Print all experiments."""
        with unit_of_work(options["acting_user"], read_only=True):
            require(options["acting_user"], MANAGE)
            rows = [_row(experiment) for experiment in Experiment.objects.order_by("-id")]
        if self.as_json:
            self.emit(rows)
        elif rows:
            self.table(rows)
        else:
            self.note("There is no experiment yet: `experiment create KEY FILE --reason …` writes a draft.")

    def ready(self, options: dict[str, Any]) -> None:
        """Print the experiments that ship."""
        with unit_of_work(options["acting_user"], read_only=True):
            require(options["acting_user"], MANAGE)
        rows = [
            {"name": name, "key": one.key, "title": one.title, "what": one.describes} for name, one in READY.items()
        ]
        if self.as_json:
            self.emit([{**row, "document": one.document} for row, (_, one) in zip(rows, READY.items(), strict=True)])
        else:
            self.table(rows)

    def _show(self, experiment: Experiment) -> None:
        row = _row(experiment)
        if self.as_json:
            self.emit(row)
        else:
            self.table([row])

    def enrol(self, options: dict[str, Any]) -> None:
        """Enrol and print how many."""
        enrolled = enrol_roster(key=options["key"], acting_user=options["acting_user"])
        if self.as_json:
            self.emit({"enrolled": enrolled})
        else:
            self.note(f"{enrolled} enrolled.")

    def assign(self, options: dict[str, Any]) -> None:
        """Print an athlete's variant."""
        answer = assign(
            experiment_key=options["key"],
            subject_id=_uuid(options["subject"]),
            attributes={},
            acting_user=options["acting_user"],
        )
        if self.as_json:
            self.emit(asdict(answer))
        else:
            self.table([asdict(answer)])

    def replay(self, options: dict[str, Any]) -> int | None:
        """Print what does not follow from its record."""
        what, acting_user = options["what"], options["acting_user"]
        with unit_of_work(acting_user, read_only=True):
            known = Experiment.objects.filter(key=what).exists()
        if known:
            found = [*replay_experiment(key=what, acting_user=acting_user)]
        else:
            found = [(_uuid(what), replay_assignment(assignment_id=_uuid(what), acting_user=acting_user))]
        wrong = [
            {"assignment": key, **difference._asdict()}
            for key, replayed in found
            for difference in replayed.differences
        ]
        if self.as_json:
            self.emit({"replayed": len(found), "differences": wrong})
        else:
            self.table(wrong) if wrong else self.note(f"{len(found)} replayed, all as they were stored.")
        return DIFFERS if wrong else None

    def look(self, options: dict[str, Any]) -> None:
        """Take a look."""
        row = take_look(key=options["key"], acting_user=options["acting_user"])
        told = {"number": row.number, "as_of": row.as_of, "sha256": row.sha256}
        self.emit(told) if self.as_json else self.table([told])

    def results(self, options: dict[str, Any]) -> int | None:
        """Print results, or why they are hidden."""
        as_of = moment_of(options["as_of"])
        found = results_of(key=options["key"], as_of=as_of, acting_user=options["acting_user"])
        return show_results(self, found, as_csv=options["as_csv"], code=HIDDEN)


WITHOUT_REASON: Final[dict[str, Callable[[Command, dict[str, Any]], int | None]]] = {
    "list": Command.list,
    "ready": Command.ready,
    "enrol": Command.enrol,
    "assign": Command.assign,
    "replay": Command.replay,
    "preview": show_preview,
    "power": show_power,
    "look": Command.look,
    "results": Command.results,
}


def _changed(verb: str, options: dict[str, Any]) -> Experiment:
    given = {name: options[name] for name in ("key", "reason", "acting_user")}
    if verb == "create":
        return create_experiment(fields=_fields(options), **given)
    given["expected"] = options["expected"]
    if verb in STEPS:
        return step(command=STEPS[verb], **given)
    change = edit_experiment if verb == "edit" else begin_phase
    return change(changes=_document(options["file"]), **given)


def _verb(parts: Any, name: str, what: str) -> CommandParser:
    part: CommandParser = parts.add_parser(
        name, help=what, description=what, epilog=CODES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    # Also behind the verb, where people look for them; absent there, they keep what stood before.
    part.add_argument(
        "--json", action="store_true", dest="as_json", default=argparse.SUPPRESS, help="print one JSON document"
    )
    part.add_argument(
        "--as", dest="as_user", metavar="USER", default=argparse.SUPPRESS, help="e-mail of whom to act as"
    )
    return part


def _changing(parts: Any, name: str, what: str) -> CommandParser:
    part = _verb(parts, name, what)
    part.add_argument("key", metavar="KEY")
    part.add_argument("--reason", default="", metavar="TEXT", help="why; goes into the record (required)")
    part.add_argument(
        "--version", type=int, dest="expected", metavar="N", help="refuse (4) unless it is at this version"
    )
    return part


def _row(experiment: Experiment) -> dict[str, Any]:
    names = ("key", "name", "status", "phase", "version", "start_at", "end_at")
    weights = ", ".join(f"{name} {weight:g} %" for name, weight in sorted(experiment.variant_weights.items()))
    can = ", ".join(sorted(possible(State(experiment.status)))) or "nothing"
    return {**{name: getattr(experiment, name) for name in names}, "variants": weights, "can": can}


def _fields(options: dict[str, Any]) -> Mapping[str, Any]:
    """Return the fields of a new draft: a document, or one that ships."""
    name, path = options["ready"], options["file"]
    if (name is None) == (path is None):
        raise InvalidInput("Give either a FILE or --ready NAME.", pointer="/file")
    if name is None:
        return _document(path)
    found = READY.find(name)
    if found is None:
        raise InvalidInput(f"{name} does not ship: {', '.join(READY)} do.", pointer="/ready")
    return found.document


def _document(path: str) -> dict[str, Any]:
    try:
        text = Path("/dev/stdin" if path == "-" else path).read_text(encoding="utf-8")
        found = json.loads(text)
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{path}: no JSON document: {error}", pointer="/file") from error
    if not isinstance(found, dict):
        raise InvalidInput(f"{path}: no JSON object.", pointer="/file")
    return found


def _uuid(raw: str) -> UUID:
    try:
        return UUID(raw)
    except ValueError:
        raise NotVisible(f"There is no {raw}.") from None
