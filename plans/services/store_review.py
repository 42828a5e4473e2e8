"""Store one decision about a version, later than all that was decided about its plan before."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from common.ids import uuid7
from common.keys import encrypt_for
from plans.models import Decision, Plan, PlanReview, PlanVersion


def store_review(
    plan: Plan, version: PlanVersion, decision: Decision, reviewer_id: UUID, *, comment: str = "", **fields: Any
) -> PlanReview:
    """Store a decision about the content of a version; the caller holds the plan's lock.

    The newest decision of a plan counts and ids say which it is: this one is greater than those of a process whose
    clock was ahead.

    Raises:
        KeyDestroyed: there is a comment, and the athlete was erased.
    """
    athlete_id: UUID = plan.athlete_id
    newest = PlanReview.objects.filter(plan=plan).order_by("-id").values_list("pk", flat=True).first()
    return PlanReview.objects.create(
        id=uuid7(after=newest),
        plan=plan,
        version=version,
        athlete_id=athlete_id,
        reviewer_id=reviewer_id,
        decision=decision,
        content_sha256=version.content_sha256,
        comment=encrypt_for(athlete_id, comment) if comment else None,
        **fields,
    )
