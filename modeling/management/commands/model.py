"""Model versions, from the command line."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from django.core.management.base import CommandParser

from accounts.scope import require
from common.context import unit_of_work
from common.errors import NotVisible
from common.management.base import EXIT_CODES, ActorMixin
from modeling import tracking
from modeling.learned.algorithm import SHIPPED
from modeling.models import AlgorithmVersion, VersionStatus
from modeling.policies import MANAGE
from modeling.services.versions import Moved, promote_version, roll_back_version
from modeling.versions import champion_name

SHOWN: Final = 80
"""Differences that `diff` prints as a table; --json prints all."""


class Command(ActorMixin):
    """One verb a run; promote and rollback need --reason."""

    help = "Show model versions, promote a candidate, roll the champion back."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser."""
        return super().create_parser(prog_name, subcommand, **{"epilog": EXIT_CODES, **kwargs})

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the verbs."""
        super().add_arguments(parser)
        parts = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        _verb(parts, "list", "all versions, the champion first")
        part = _verb(parts, "show", "a version with its run, its gate's checks and what it learned")
        part.add_argument("name", metavar="NAME")
        part = _verb(parts, "promote", "make a candidate the champion, from the next generation on")
        part.add_argument("name", metavar="NAME")
        part.add_argument(
            "--without-experiment",
            action="store_true",
            help="although no experiment spoke for it; by somebody else than who asked for its run",
        )
        _deciding(part)
        _deciding(_verb(parts, "rollback", "give the champion's place back to the version before it"))
        part = _verb(parts, "diff", "what two versions' documents differ in")
        part.add_argument("first", metavar="A")
        part.add_argument("second", metavar="B")

    def run(self, **options: Any) -> int | None:
        """Run the verb."""
        return VERBS[options["verb"]](self, options)

    def list(self, options: dict[str, Any]) -> None:
        """Print all versions."""
        with unit_of_work(options["acting_user"], read_only=True):
            require(options["acting_user"], MANAGE)
            found = AlgorithmVersion.objects.select_related("parent", "run").defer("document").order_by("-id")
            rows = sorted((_row(one) for one in found), key=lambda row: row["status"] != VersionStatus.CHAMPION)
            is_shipped = champion_name() == SHIPPED
        copied = _aliases()
        if self.as_json:
            self.emit({"champion": SHIPPED if is_shipped else rows[0]["name"], "versions": rows, "mlflow": copied})
            return
        if is_shipped:
            self.note(f"Version {SHIPPED}, which ships, plans.")
        self.table(rows) if rows else self.note("Nothing was learned yet: `manage.py retrain` does.")
        if isinstance(copied, str):
            self.note(copied)

    def show(self, options: dict[str, Any]) -> None:
        """Print a version."""
        version = _version(options["name"], options)
        checks = version.run.gate_json.get("checks", [])
        if self.as_json:
            document = json.loads(version.document)
            told = {"gate": version.run.gate_json, "figures": version.run.metrics_json, "rows": version.run.rows_json}
            self.emit({**_row(version), "sha256": version.sha256, **told, "document": document})
            return
        self.table([_row(version)])
        self.table([{"check": one["name"], "passed": one["passed"], "why": one["reason"]} for one in checks])
        names = ("part", "metric", "group", "n", "candidate", "champion", "baseline", "low", "high")
        self.table([{name: _short(one[name]) for name in names} for one in version.run.metrics_json])

    def promote(self, options: dict[str, Any]) -> None:
        """Promote."""
        moved = promote_version(
            name=options["name"],
            without_experiment=options["without_experiment"],
            **_decision(options),
        )
        self._moved(moved)

    def rollback(self, options: dict[str, Any]) -> None:
        """Roll back."""
        self._moved(roll_back_version(**_decision(options)))

    def diff(self, options: dict[str, Any]) -> None:
        """Print what differs."""
        first, second = (_document(options[name], options) for name in ("first", "second"))
        names = sorted(first.keys() | second.keys())
        rows = [
            {"where": name, options["first"]: first.get(name), options["second"]: second.get(name)}
            for name in names
            if first.get(name) != second.get(name)
        ]
        if self.as_json:
            self.emit({"first": options["first"], "second": options["second"], "differences": rows})
            return
        short = [{name: _short(value) for name, value in row.items()} for row in rows[:SHOWN]]
        self.table(short) if rows else self.note("They say the same.")
        if len(rows) > SHOWN:
            self.note(f"… and {len(rows) - SHOWN} more; --json prints all.")

    def _moved(self, moved: Moved) -> None:
        if self.as_json:
            self.emit({"champion": moved.champion, "before": moved.before})
        else:
            self.note(f"{moved.champion} plans from the next generation on, in place of {moved.before}.")


VERBS: Final[dict[str, Callable[[Command, dict[str, Any]], int | None]]] = {
    "list": Command.list,
    "show": Command.show,
    "promote": Command.promote,
    "rollback": Command.rollback,
    "diff": Command.diff,
}


def _decision(options: dict[str, Any]) -> dict[str, Any]:
    """Return reason, actor and the champion that the person decides about: as named, or as it is now."""
    acting_user = options["acting_user"]
    with unit_of_work(acting_user, read_only=True):
        require(acting_user, MANAGE)
        expected = options["champion"] or champion_name()
    return {"reason": options["reason"], "expected": expected, "acting_user": acting_user}


def _aliases() -> dict[str, str] | str | None:
    """Return where MLflow's aliases point, or why nobody knows; None where it is not used."""
    if not tracking.is_on():
        return None
    try:
        return tracking.aliases()
    except tracking.TrackingDown as error:
        return error.detail


def _version(name: str, options: dict[str, Any]) -> AlgorithmVersion:
    with unit_of_work(options["acting_user"], read_only=True):
        require(options["acting_user"], MANAGE)
        found = AlgorithmVersion.objects.select_related("parent", "run").filter(name=name).first()
    if found is None:
        raise NotVisible(f"There is no version {name}.")
    return found


def _document(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return a document's values by where they stand; the shipped version has none."""
    return {} if name == SHIPPED else dict(_flat(json.loads(_version(name, options).document)))


def _flat(value: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for name, member in value.items():
            yield from _flat(member, f"{where}/{name}")
    elif isinstance(value, list) and any(isinstance(one, Mapping | list) for one in value):
        for number, member in enumerate(value):
            yield from _flat(member, f"{where}/{number}")
    else:
        yield where, value


def _short(value: Any) -> Any:
    if isinstance(value, float):
        return f"{value:.4g}"
    if value is None:
        return "–"
    return value if isinstance(value, int | str) else json.dumps(value)[:60]


def _row(version: AlgorithmVersion) -> dict[str, Any]:
    return {
        "name": version.name,
        "status": version.status,
        "trained on": f"{version.run.as_of:%Y-%m-%d}",
        "compared with": version.parent.name if version.parent else SHIPPED,
        "experiment": version.experiment_key or "–",
        "promoted": f"{version.promoted_at:%Y-%m-%d %H:%M}" if version.promoted_at else "–",
    }


def _verb(parts: Any, name: str, what: str) -> CommandParser:
    part: CommandParser = parts.add_parser(
        name, help=what, description=what, epilog=EXIT_CODES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    # Also behind the verb, where people look for them; absent there, they keep what stood before.
    part.add_argument(
        "--json", action="store_true", dest="as_json", default=argparse.SUPPRESS, help="print one JSON document"
    )
    part.add_argument(
        "--as", dest="as_user", metavar="USER", default=argparse.SUPPRESS, help="e-mail of whom to act as"
    )
    return part


def _deciding(part: CommandParser) -> None:
    part.add_argument("--reason", default="", metavar="TEXT", help="why; goes into the record (required)")
    part.add_argument("--champion", default="", metavar="NAME", help="refuse (4) unless this is the champion")
