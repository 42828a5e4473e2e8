"""Jobs: the row is the truth, claimed by a conditional UPDATE with a lease; Celery only says "look at this row".

A worker that dies leaves a row whose lease runs out; the sweep (or the redelivered message) claims it again, up to
`MAX_ATTEMPTS` times. A worker that was only slow finds its claim gone (`JobLost`) and writes nothing more. Handlers get
the row, open their own units of work, and report progress between them. A kind may ask to be told of what failed for
good, also where it was the worker that died. Leases are told by the database's clock: one process whose clock is ahead
must not keep a job from all the others.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import F, Q, QuerySet
from django.utils import translation

from common import clock
from common.context import RequestInfo, current_request_id, requested_by
from common.database_time import database_moment, database_now
from common.errors import DomainError
from common.ids import uuid7
from common.models import Job, JobState
from common.plain import plain
from common.problem import internal_problem, is_database_away
from common.registries import Registry

__all__ = [
    "JOB_HANDLERS",
    "Job",
    "JobHandler",
    "JobLost",
    "JobState",
    "SweepReport",
    "claim",
    "enqueue",
    "fail",
    "finish",
    "register_job",
    "report_progress",
    "run_job",
    "sweep_stale",
    "wait_for",
]

logger = structlog.get_logger("mesocycle.jobs")

JobHandler = Callable[[Job], "dict[str, Any] | None"]
FailureHandler = Callable[[Job, str], None]

JOB_HANDLERS: Registry[JobHandler] = Registry("job handlers")

LEASE_SECONDS = 60
MAX_ATTEMPTS = 3
# A queued job whose message got lost is sent again after this long.
DISPATCH_AGAIN_SECONDS = 120

SWEEPER = "sweep"

_lease_seconds: dict[str, int] = {}
_on_failed: dict[str, FailureHandler] = {}


class JobLost(Exception):
    """This worker's claim ran out and somebody else has the job, or it ended; write nothing more."""


@dataclass(frozen=True)
class SweepReport:
    """What a sweep did: how many jobs it sent again, how many it gave up."""

    sent_again: int
    given_up: int


def register_job(
    kind: str,
    handler: JobHandler,
    *,
    lease_seconds: int = LEASE_SECONDS,
    on_failed: FailureHandler | None = None,
) -> None:
    """Make a kind of job known.

    Args:
        lease_seconds: the longest a handler may be silent (progress renews the lease).
        on_failed: told of a job that fails for good, and why, before its row says so: by an unexpected error or because
            its workers died, not by a refusal (`DomainError`). It may be told twice, and opens its own unit of work.
    """
    JOB_HANDLERS.register(kind, handler)
    _lease_seconds[kind] = lease_seconds
    if on_failed is not None:
        _on_failed[kind] = on_failed


def enqueue(
    kind: str, payload: dict[str, Any], *, requested_by: UUID | None = None, subject_id: UUID | None = None
) -> Job:
    """Store a job and send it off once the open transaction has committed.

    Raises:
        KeyError: nobody handles this kind.
    """
    JOB_HANDLERS.get(kind)
    job = Job.objects.create(
        kind=kind,
        payload=plain(payload),
        requested_by_id=requested_by,
        subject_id=subject_id,
        request_id=current_request_id(),
        lease_until=database_moment(timedelta(seconds=DISPATCH_AGAIN_SECONDS)),
    )
    _forget_lease(job)
    _dispatch_on_commit(job.pk)
    return job


def claim(job_id: UUID, worker: str, lease_seconds: int = LEASE_SECONDS) -> bool:
    """Take a queued job, or a running one whose lease ran out; of several workers exactly one gets True."""
    free = Q(state=JobState.QUEUED) | Q(state=JobState.RUNNING, lease_until__lt=database_moment())
    taken = Job.objects.filter(free, pk=job_id, attempts__lt=MAX_ATTEMPTS).update(
        state=JobState.RUNNING,
        worker=worker[:200],
        attempts=F("attempts") + 1,
        lease_until=database_moment(timedelta(seconds=lease_seconds)),
        started_at=clock.now(),
    )
    return taken == 1


def report_progress(job: Job, percent: float, note: str = "") -> None:
    """Show how far the job is and renew its lease; visible at once when called outside a unit of work.

    Raises:
        JobLost: the claim is gone.
    """
    lease = timedelta(seconds=_lease_seconds.get(job.kind, LEASE_SECONDS))
    _update_mine(
        job,
        progress=max(0, min(100, round(percent))),
        progress_note=note[:200],
        lease_until=database_moment(lease),
    )


def finish(job: Job, result: dict[str, Any] | None = None) -> None:
    """Store the result.

    Raises:
        JobLost: the claim is gone.
        TypeError, ValueError: the result is not JSON.
    """
    _update_mine(job, state=JobState.DONE, progress=100, result=plain(result or {}), finished_at=clock.now())


def fail(job: Job, problem: dict[str, Any]) -> None:
    """Store the problem (RFC 9457) that clients get to see.

    Raises:
        JobLost: the claim is gone.
    """
    _update_mine(job, state=JobState.FAILED, problem=plain(problem), finished_at=clock.now())


def run_job(job_id: UUID, *, worker: str) -> float | None:
    """Claim and run one job; every outcome ends in its row. A kind that this release does not know stays in the queue.

    Returns:
        Seconds after which to look again, where another worker holds a lease that may run out; else None.
    """
    kind = Job.objects.filter(pk=job_id).values_list("kind", flat=True).first()
    if kind is None:
        return None
    if kind not in JOB_HANDLERS:  # during an upgrade; the sweep sends it until a worker of the newer release gets it
        logger.warning("job of a kind that this release does not know", job_id=str(job_id), kind=kind, worker=worker)
        return None
    if not claim(job_id, worker, _lease_seconds.get(kind, LEASE_SECONDS)):
        return _seconds_of_foreign_lease(job_id)
    job = Job.objects.get(pk=job_id)
    info = RequestInfo(request_id=job.request_id or uuid7())
    # What a job stores is the same whoever asked for it: without a broker it runs in the asker's request.
    english = translation.override(settings.LANGUAGE_CODE)
    with english, requested_by(info), structlog.contextvars.bound_contextvars(request_id=str(info.request_id)):
        try:
            _run_claimed(job)
        except JobLost:
            logger.warning("job lost to another worker", job_id=str(job.pk), kind=job.kind, worker=worker)
    return None


def wait_for(job_id: UUID, *, seconds: float) -> Job:
    """Return the job once it has finished, or as it stands after `seconds`; call it outside a transaction."""
    deadline = time.monotonic() + seconds
    pause = 0.02
    while True:
        job = Job.objects.get(pk=job_id)
        left = deadline - time.monotonic()
        if job.is_finished or left <= 0:
            return job
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, 0.25)


def sweep_stale(*, limit: int = 500) -> SweepReport:
    """Send again what was queued and forgotten or whose worker fell silent; give up what failed too often."""
    stale = Job.objects.filter(state__in=[JobState.QUEUED, JobState.RUNNING], lease_until__lt=database_moment())
    again = timedelta(seconds=DISPATCH_AGAIN_SECONDS)
    sent_again = given_up = 0
    for job in stale.order_by("lease_until")[:limit]:
        unchanged = Job.objects.filter(pk=job.pk, state=job.state, lease_until=job.lease_until)
        if job.attempts >= MAX_ATTEMPTS:
            given_up += _give_up(job, unchanged)
        elif unchanged.update(state=JobState.QUEUED, lease_until=database_moment(again), worker=""):
            sent_again += 1
            _dispatch_on_commit(job.pk)
    return SweepReport(sent_again=sent_again, given_up=given_up)


def _run_claimed(job: Job) -> None:
    try:
        finish(job, JOB_HANDLERS.get(job.kind)(job))
    except JobLost:
        raise
    except DomainError as error:
        logger.info("job refused", job_id=str(job.pk), kind=job.kind, problem=error.type_slug)
        fail(job, error.as_problem())
    except Exception as error:
        if is_database_away(error):  # no fault of the job: once the lease has run out it is claimed again
            raise
        # Clients get the request id, never the traceback.
        logger.exception("job failed", job_id=str(job.pk), kind=job.kind)
        _fail_for_good(job, internal_problem(), str(error))


def _give_up(job: Job, unchanged: QuerySet[Job]) -> bool:
    """Take a job whose workers died from whoever may still have it, and end it; return whether it was ours to end.

    If this dies in between, the lease runs out and the next sweep does it again.
    """
    lease_until = database_moment(timedelta(seconds=LEASE_SECONDS))
    if not unchanged.update(state=JobState.RUNNING, worker=SWEEPER, lease_until=lease_until):
        return False
    job.worker = SWEEPER
    problem = internal_problem()
    problem["detail"] = f"The work was lost {job.attempts} times; it was given up."
    try:
        _fail_for_good(job, problem, problem["detail"])
    except (JobLost, OperationalError):
        logger.warning("job not given up yet", job_id=str(job.pk), kind=job.kind, exc_info=True)
        return False
    return True


def _fail_for_good(job: Job, problem: dict[str, Any], why: str) -> None:
    """Tell the job's kind and then store the problem, so that what dies in between is told again and not forgotten.

    A kind that fails at being told must not keep the job from ending; a database that is away is asked again later.

    Raises:
        JobLost: the claim is gone; who has it now tells.
    """
    tell = _on_failed.get(job.kind)
    if tell is not None:
        lease = timedelta(seconds=_lease_seconds.get(job.kind, LEASE_SECONDS))
        _update_mine(job, lease_until=database_moment(lease))
        try:
            tell(job, why)
        except OperationalError:
            raise
        except Exception:
            logger.exception("a failed job was not told of", job_id=str(job.pk), kind=job.kind)
    fail(job, problem)


def _update_mine(job: Job, **changes: Any) -> None:
    """Change the row if this claim still holds it; `attempts` tells two claims of one worker apart."""
    mine = Job.objects.filter(pk=job.pk, state=JobState.RUNNING, worker=job.worker, attempts=job.attempts)
    if mine.update(**changes) != 1:
        raise JobLost(str(job.pk))
    for name, value in changes.items():
        setattr(job, name, value)
    if "lease_until" in changes:
        _forget_lease(job)


def _forget_lease(job: Job) -> None:
    """Let whoever asks for the lease read it anew: the database made it."""
    job.__dict__.pop("lease_until", None)


def _seconds_of_foreign_lease(job_id: UUID) -> float | None:
    held = Job.objects.filter(pk=job_id, state=JobState.RUNNING, attempts__lt=MAX_ATTEMPTS)
    lease_until = held.values_list("lease_until", flat=True).first()
    return max(1.0, (lease_until - database_now()).total_seconds() + 1) if lease_until else None


def _dispatch_on_commit(job_id: UUID) -> None:
    """Send the message after the commit; a broker that is down costs time (the sweep sends again), not the request."""

    def send() -> None:
        from common.tasks import run_job as task

        task.apply_async((str(job_id),), retry=False)

    transaction.on_commit(send, robust=True)
