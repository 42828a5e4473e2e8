"""The one Celery task for jobs."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import shared_task

from common import jobs


@shared_task(  # type: ignore[untyped-decorator]
    bind=True, name="common.run_job", acks_late=True, reject_on_worker_lost=True, ignore_result=True
)
def run_job(self: Any, job_id: str) -> None:
    """Run a job; delivered twice it runs once, and after a killed worker it waits until that one's lease runs out."""
    eager = bool(self.request.is_eager)
    worker = "in-process" if eager else str(self.request.hostname)
    look_again_in = jobs.run_job(UUID(job_id), worker=worker)
    if look_again_in is not None and not eager:
        self.apply_async((job_id,), countdown=look_again_in)


@shared_task(name="common.sweep_jobs", ignore_result=True)  # type: ignore[untyped-decorator]
def sweep_jobs() -> None:
    """Re-drive what went stale."""
    jobs.sweep_stale()


@shared_task(name="common.purge_idempotency_keys", ignore_result=True)  # type: ignore[untyped-decorator]
def purge_idempotency_keys() -> None:
    """Forget answers that are too old to be asked for again."""
    from common import idempotency

    idempotency.purge()


@shared_task(name="common.purge_throttle", ignore_result=True)  # type: ignore[untyped-decorator]
def purge_throttle() -> None:
    """Forget counters whose window is over; due each hour."""
    from common import throttle

    throttle.purge()


@shared_task(name="common.apply_retention", ignore_result=True)  # type: ignore[untyped-decorator]
def apply_retention() -> None:
    """Remove what is over; due every night."""
    from common import retention

    retention.apply_retention(dry_run=False)


@shared_task(name="common.partition_ahead", ignore_result=True)  # type: ignore[untyped-decorator]
def partition_ahead() -> None:
    """Make coming months of partitioned tables; due every hour."""
    from common.partitioning.ahead import make_ahead

    make_ahead()


@shared_task(name="common.sample_worker", ignore_result=True)  # type: ignore[untyped-decorator]
def sample_worker() -> None:
    """Note what this worker uses; due every minute."""
    from common import sampling

    sampling.sample_worker()
