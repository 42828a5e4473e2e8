"""What this app fills in elsewhere: the job that generates a plan (acting as who asked), matching of imports,
results of races, and what is to be done when consent is withdrawn."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from accounts.models import User
from accounts.services.consent import WITHDRAWN
from common import clock
from common.actors import actor_id
from common.context import SERVICES, ServiceIdentity, register_service, unit_of_work
from common.errors import NotPermitted, WrongState
from common.jobs import Job, enqueue, register_job, report_progress
from modeling.models import TrainingRun
from modeling.services.corrections import TESTS_CHANGED
from modeling.services.import_history import ACTIVITY_IMPORTED
from modeling.services.training_runs import begin_run
from plans.services.complete_session import match_imports
from plans.services.export_features import FORGET, ask_to_forget, forget_in_features, tell_not_forgotten
from plans.services.generate_plan import generate_plan, tell_failure
from plans.services.request_plan import JOB_KIND
from plans.services.retrain import RETRAINING, STEPS, fail, take_step
from plans.services.retrain_parts import Progress
from plans.services.tag_comment import JOB_KIND as TAG_COMMENT
from plans.services.tag_comment import TAGGER, tag_comment
from plans.services.tell_race import tell_results

logger = logging.getLogger("mesocycle.plans")

RETRAIN_STEP: Final = "plans.retrain_step"
RETRAIN_LEASE_SECONDS: Final = 300
NIGHT: Final = timedelta(hours=20)
"""A run of the night within so long ago makes another one needless, as after a restart of the schedule."""
PROGRESS_EVERY: Final = 2.0

register_service("demo")
GENERATION = register_service("plan-generation")


def run(job: Job) -> dict[str, Any]:
    """Generate what the job's request asked for and return where it is.

    Raises:
        NotPermitted, NotVisible: whoever asked may not any more, which is no failure of an arm.
    """
    actor = _actor(job.requested_by_id)
    generation_id = UUID(job.payload["generation_id"])
    plan = generate_plan(generation_id=generation_id, acting_user=actor)
    return {"plan_id": str(plan.pk)}


def tag(job: Job) -> dict[str, Any]:
    """Say what a comment is about; done twice it changes nothing."""
    given = tag_comment(comment_id=UUID(job.payload["comment_id"]), acting_user=TAGGER)
    return {"tags": len(given)}


def failed(job: Job, why: str) -> None:
    """Let the arm answer for a request that came to nothing, also where its workers were killed.

    As a service: whoever asked may have lost their right since, which takes nothing from the failure.
    """
    tell_failure(generation_id=UUID(job.payload["generation_id"]), why=why, acting_user=GENERATION)


def _actor(requested_by_id: UUID | None) -> User | ServiceIdentity:
    for _, identity in SERVICES.items():
        if requested_by_id == actor_id(identity):
            return identity
    user = User.objects.filter(pk=str(requested_by_id), is_active=True).first()
    if user is None:
        raise NotPermitted("Whoever asked for this plan is not active any more.")
    return user


def start_nightly() -> TrainingRun | None:
    """Begin the night's run and queue its first step; None where another run is going, or was this night."""
    with unit_of_work(RETRAINING, read_only=True):
        lately = TrainingRun.objects.filter(trigger="nightly", created_at__gt=clock.now() - NIGHT)
        if lately.exists():
            return None
    try:
        with unit_of_work(RETRAINING):
            run = begin_run(as_of=clock.now(), trigger="nightly", acting_user=RETRAINING)
            _queue(run.pk, STEPS[0])
            return run
    except WrongState as error:
        logger.info("no training run of the night", extra={"why": error.detail})
        return None


def retrain_step(job: Job) -> dict[str, Any]:
    """Do one step of a training run and queue the next one; delivered twice it does no harm."""
    run_id, step = UUID(job.payload["run_id"]), job.payload["step"]
    run = take_step(run_id=run_id, step=step, acting_user=RETRAINING, progress=_progress(job))
    following = STEPS[STEPS.index(step) + 1 :]
    if following:
        with unit_of_work(RETRAINING):
            TrainingRun.objects.select_for_update().get(pk=run_id)
            _queue(run_id, following[0])
    return {"run_id": str(run_id), "step": step, "status": str(run.status)}


def retrain_failed(job: Job, why: str) -> None:
    """Close the run of a step that failed for good, also where its workers were killed."""
    fail(run_id=UUID(job.payload["run_id"]), why=why, acting_user=RETRAINING)


def _queue(run_id: UUID, step: str) -> None:
    """Queue a step once, however often the one before is delivered; runs inside the caller's unit of work."""
    payload = {"run_id": str(run_id), "step": step}
    if not Job.objects.filter(kind=RETRAIN_STEP, payload=payload).exists():
        enqueue(RETRAIN_STEP, payload, requested_by=actor_id(RETRAINING))


def _progress(job: Job) -> Progress:
    said_at = 0.0

    def told(step: str, done: int, of: int) -> None:
        nonlocal said_at
        if time.monotonic() - said_at > PROGRESS_EVERY:
            said_at = time.monotonic()
            report_progress(job, 100 * done / max(of, 1), step)

    return told


register_job(RETRAIN_STEP, retrain_step, lease_seconds=RETRAIN_LEASE_SECONDS, on_failed=retrain_failed)
register_job(JOB_KIND, run, on_failed=failed)
register_job(TAG_COMMENT, tag)
register_job(FORGET, forget_in_features, lease_seconds=3600, on_failed=tell_not_forgotten)
WITHDRAWN.register("feature store", ask_to_forget)
ACTIVITY_IMPORTED.register("plans", match_imports)
TESTS_CHANGED.register("plans", tell_results)
