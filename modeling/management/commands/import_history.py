"""Import an athlete's history from files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from common.errors import InvalidInput
from common.management.base import BAD_INPUT, PARTLY_FAILED
from modeling.commands import AthleteCommand, day
from modeling.services.import_history import ImportReport, import_history

SHOWN_PROBLEMS = 20


class Command(AthleteCommand):
    """Import FIT, TCX, GPX, Strava's activities.csv, plain CSV, or a zip of them."""

    help = (
        "Import an athlete's history: FIT, TCX, GPX, Strava's activities.csv, plain CSV, gzipped or zipped. "
        "The same activity twice is one activity, whatever the format."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add files and how to read tables."""
        super().add_arguments(parser)
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--start", type=day, help="date of day 1, for a table with numbered days")
        parser.add_argument("--sport", choices=("running", "cycling", "other"), help="where the file does not say")
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            metavar="FIELD=COLUMN",
            help="which column holds a field (date, day, load, duration, hr, power, distance, test), or a setting",
        )

    def run(self, **options: Any) -> int | None:
        """Import and report."""
        athlete = self.athlete(**options)
        paths: list[Path] = options["files"]
        absent = [str(path) for path in paths if not path.is_file()]
        if absent:
            raise InvalidInput(f"no such file: {', '.join(absent)}", pointer="/files")
        with self.progress() as bar:
            task = bar.add_task("importing", total=len(paths))
            report = import_history(
                athlete_id=athlete.pk,
                sources=[(path.name, path.read_bytes()) for path in paths],
                mapping=_mapping(options["map"]),
                start=options["start"],
                sport=options["sport"],
                acting_user=options["acting_user"],
                progress=lambda done, _, name: bar.update(task, completed=done, description=name or "done"),
            )
        self._show(report)
        if not report.problems:
            return None
        return PARTLY_FAILED if report.added or report.known or report.tests_added else BAD_INPUT

    def _show(self, report: ImportReport) -> None:
        if self.as_json:
            self.emit(report.as_dict())
            return
        summary = report.as_dict()
        self.table([{k: v for k, v in summary.items() if k not in ("problems", "notes")}])
        for note in report.notes:
            self.note(f"note: {note}")
        if report.flagged:
            self.note(
                f"note: {report.flagged} activities look harder than anybody can hold: is a threshold out of date?"
            )
        for problem in report.problems[:SHOWN_PROBLEMS]:
            self.note(f"not imported: {problem}")
        if len(report.problems) > SHOWN_PROBLEMS:
            self.note(f"not imported: {len(report.problems) - SHOWN_PROBLEMS} more (all of them with --json)")


def _mapping(pairs: list[str]) -> dict[str, str]:
    mapping = {}
    for pair in pairs:
        field, separator, column = pair.partition("=")
        if not separator:
            raise InvalidInput(f"--map wants FIELD=COLUMN, not {pair!r}", pointer="/map")
        mapping[field.strip()] = column.strip()
    return mapping
