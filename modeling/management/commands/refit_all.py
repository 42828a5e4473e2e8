"""Refit everybody."""

from __future__ import annotations

from typing import Any

from common.context import unit_of_work
from common.jobs import Job, enqueue
from common.management.base import MesocycleCommand
from modeling.jobs import REFIT_ALL, REFITTER


class Command(MesocycleCommand):
    """Queue one job that refits every athlete in batches."""

    help = "Refit every athlete, in batches with progress (by a worker where there is a broker)."

    def run(self, **options: Any) -> int | None:
        """Queue the job and say where it stands."""
        with unit_of_work(REFITTER):
            job = enqueue(REFIT_ALL, {})
        job = Job.objects.get(pk=job.pk)
        row = {"job": str(job.pk), "state": job.state, "progress": job.progress, "note": job.progress_note}
        if self.as_json:
            self.emit({**row, "result": job.result})
        else:
            self.table([row])
        return None
