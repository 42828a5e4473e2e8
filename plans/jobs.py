"""What this app fills in elsewhere: the job that generates a plan (acting as who asked), matching of imports,
results of races, and what is to be done when consent is withdrawn."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from accounts.models import User
from accounts.services.consent import WITHDRAWN
from common.actors import actor_id
from common.context import SERVICES, ServiceIdentity, register_service
from common.errors import NotPermitted
from common.jobs import Job, register_job
from modeling.services.corrections import TESTS_CHANGED
from modeling.services.import_history import ACTIVITY_IMPORTED
from plans.services.complete_session import match_imports
from plans.services.export_features import FORGET, ask_to_forget, forget_in_features, tell_not_forgotten
from plans.services.generate_plan import generate_plan, tell_failure
from plans.services.request_plan import JOB_KIND
from plans.services.tag_comment import JOB_KIND as TAG_COMMENT
from plans.services.tag_comment import TAGGER, tag_comment
from plans.services.tell_race import tell_results

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


register_job(JOB_KIND, run, on_failed=failed)
register_job(TAG_COMMENT, tag)
register_job(FORGET, forget_in_features, lease_seconds=3600, on_failed=tell_not_forgotten)
WITHDRAWN.register("feature store", ask_to_forget)
ACTIVITY_IMPORTED.register("plans", match_imports)
TESTS_CHANGED.register("plans", tell_results)
