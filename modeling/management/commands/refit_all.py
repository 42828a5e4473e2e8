"""Refit everybody."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from common.context import unit_of_work
from common.jobs import enqueue, wait_for
from common.management.base import OK, PARTLY_FAILED, MesocycleCommand
from modeling.jobs import REFIT_ALL, REFITTER


class Command(MesocycleCommand):
    """Queue one job that refits every athlete in batches."""

    help = "Refit every athlete, in batches with progress (by a worker where there is a broker)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add how long to wait."""
        super().add_arguments(parser)
        parser.add_argument("--wait", type=float, default=0, help="seconds to wait for a worker (default: %(default)s)")

    def run(self, **options: Any) -> int | None:
        """Queue the job and say where it stands."""
        with unit_of_work(REFITTER):
            job = enqueue(REFIT_ALL, {})
        job = wait_for(job.pk, seconds=options["wait"])
        row = {"job": str(job.pk), "state": job.state, "progress": job.progress, "note": job.progress_note}
        if self.as_json:
            self.emit({**row, "result": job.result})
        else:
            self.table([row])
        return PARTLY_FAILED if job.problem else OK
