"""Refitting as jobs: one athlete, or everybody in batches with progress."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from accounts.models import Athlete
from common.context import register_service, unit_of_work
from common.errors import DomainError
from common.jobs import Job, enqueue, register_job, report_progress
from modeling.services.fit_athlete import fit_athlete

REFIT: Final = "modeling.refit"
REFIT_ALL: Final = "modeling.refit_all"
BATCH: Final = 20

REFITTER = register_service("refitter")


def refit(job: Job) -> dict[str, Any]:
    """Fit the athlete of the job."""
    fit = fit_athlete(athlete_id=UUID(job.payload["athlete_id"]), acting_user=REFITTER)
    return {"fit_id": str(fit.pk), "grade": fit.grade}


def refit_all(job: Job) -> dict[str, Any]:
    """Fit every athlete, batch by batch; one that cannot be fitted is counted and does not stop the others."""
    with unit_of_work(REFITTER, read_only=True):
        ids = list(Athlete.objects.order_by("pk").values_list("pk", flat=True))
    fitted, skipped = 0, 0
    for start in range(0, len(ids), BATCH):
        for athlete_id in ids[start : start + BATCH]:
            try:
                fit_athlete(athlete_id=athlete_id, acting_user=REFITTER)
                fitted += 1
            except DomainError:
                skipped += 1
        done = min(start + BATCH, len(ids))
        report_progress(job, done * 100 / len(ids), f"{done} of {len(ids)} athletes")
    return {"fitted": fitted, "skipped": skipped}


def queue_refit(athlete_id: UUID, *, requested_by: UUID) -> Job:
    """Queue the refit of one athlete; call it inside a unit of work."""
    return enqueue(REFIT, {"athlete_id": str(athlete_id)}, requested_by=requested_by, subject_id=athlete_id)


register_job(REFIT, refit)
register_job(REFIT_ALL, refit_all, lease_seconds=300)
