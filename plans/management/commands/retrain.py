"""Learn the next model, by hand."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any, Final

from django.core.management.base import CommandParser
from rich.progress import TaskID

from common import clock
from common.context import unit_of_work
from common.errors import InvalidInput, WrongState
from common.management.base import ActorMixin
from experiments.selectors import moment_of
from modeling.models import AlgorithmVersion, RunStatus, TrainingRun
from plans.services.retrain import Lost, retrain

FAILED: Final = 1
REFUSED: Final = 4
CODES: Final = """\
exit codes:
  0  passed the gate, or nothing to do: too little to learn from
  1  failed; the reason was printed, and the run keeps it
  2  bad usage or input; nothing was changed
  3  refused: not permitted
  4  refused by the gate, or another run is going; nothing was promoted
"""
CODE: Final = {RunStatus.FAILED: FAILED, RunStatus.REFUSED: REFUSED}


class Command(ActorMixin):
    """Do the chain in this process, with a bar for each step."""

    help = "Learn the next model version: export, features, learning, evaluation, gate, draft experiment."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser with our exit codes at its end."""
        return super().create_parser(prog_name, subcommand, **{"epilog": CODES, **kwargs})

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what to learn from."""
        super().add_arguments(parser)
        parser.add_argument(
            "--as-of", default="", metavar="WHEN", help="learn from what was known then (ISO 8601; default: now)"
        )
        parser.add_argument("--dry-run", action="store_true", help="judge, but make no version and no experiment")

    def run(self, **options: Any) -> int | None:
        """Run the chain and print how it ended."""
        with ExitStack() as stack:
            bars = stack.enter_context(self.progress())
            tasks: dict[str, TaskID] = {}

            def told(step: str, done: int, of: int) -> None:
                if step not in tasks:
                    tasks[step] = bars.add_task(step, total=max(of, 1))
                bars.update(tasks[step], completed=done, total=max(of, 1))

            try:
                run = retrain(
                    as_of=_moment(options["as_of"]),
                    dry_run=options["dry_run"],
                    acting_user=options["acting_user"],
                    progress=told,
                )
            except Lost as error:
                raise WrongState(f"The run was closed meanwhile: {error.detail}") from error
        with unit_of_work(options["acting_user"], read_only=True):
            version = AlgorithmVersion.objects.filter(run=run).first()
        self._show(run, version)
        return CODE.get(RunStatus(run.status))

    def _show(self, run: TrainingRun, version: AlgorithmVersion | None) -> None:
        checks = run.gate_json.get("checks", [])
        told = {
            "run": str(run.pk),
            "status": run.status,
            "version": version.name if version else None,
            "experiment": (version.experiment_key or None) if version else None,
            "message": run.message,
        }
        if self.as_json:
            gate, rows = run.gate_json, run.rows_json
            self.emit({**told, "as_of": run.as_of, "data_sha256": run.data_sha256, "rows": rows, "gate": gate})
            return
        if checks:
            self.table([{"check": one["name"], "passed": one["passed"], "why": one["reason"]} for one in checks])
        self.note(f"{run.get_status_display()}: {run.message}")
        if version is not None and version.experiment_key:
            self.note(f"Start its experiment when you want: {version.experiment_key}.")


def _moment(text: str) -> datetime | None:
    """Return the moment that --as-of names: a day is its end, or now where that day is today."""
    try:
        found = moment_of(text)
    except InvalidInput as error:
        raise InvalidInput(error.detail, pointer="/as-of") from error
    if found is not None and found.astimezone(UTC).date() == clock.today():
        return min(found, clock.now())
    return found
