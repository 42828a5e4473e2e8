"""What this app fills in elsewhere: the job that generates a plan (acting as who asked), and matching of imports."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from accounts.models import User
from common.actors import actor_id
from common.context import SERVICES, ServiceIdentity, register_service
from common.errors import DomainError
from common.jobs import Job, JobLost, register_job
from modeling.services.import_history import ACTIVITY_IMPORTED
from plans.services.complete_session import match_imports
from plans.services.generate_plan import generate_plan, tell_failure
from plans.services.request_plan import JOB_KIND

register_service("demo")


def run(job: Job) -> dict[str, Any]:
    """Generate what the job's request asked for and return where it is."""
    actor = _actor(job.requested_by_id)
    generation_id = UUID(job.payload["generation_id"])
    try:
        plan = generate_plan(generation_id=generation_id, acting_user=actor)
    except (DomainError, JobLost):
        raise
    except Exception as error:
        tell_failure(generation_id=generation_id, why=str(error), acting_user=actor)
        raise
    return {"plan_id": str(plan.pk)}


def _actor(requested_by_id: UUID | None) -> User | ServiceIdentity:
    for _, identity in SERVICES.items():
        if requested_by_id == actor_id(identity):
            return identity
    return User.objects.get(pk=str(requested_by_id), is_active=True)


register_job(JOB_KIND, run)
ACTIVITY_IMPORTED.register("plans", match_imports)
