"""Store one decision about a version and the very content that was seen."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from common.keys import encrypt_for
from plans.models import Decision, Plan, PlanReview, PlanVersion


def store_review(
    plan: Plan, version: PlanVersion, decision: Decision, reviewer_id: UUID, *, comment: str = "", **fields: Any
) -> PlanReview:
    """Store a decision about the content of a version; the caller holds the plan's lock.

    Its id is of this moment, as its audit event's is: reconciliation finds the two beside each other. So it may be less
    than that of a decision before, by a process whose clock was ahead.

    Raises:
        KeyDestroyed: there is a comment, and the athlete was erased.
    """
    athlete_id: UUID = plan.athlete_id
    return PlanReview.objects.create(
        plan=plan,
        version=version,
        athlete_id=athlete_id,
        reviewer_id=reviewer_id,
        decision=decision,
        content_sha256=version.content_sha256,
        comment=encrypt_for(athlete_id, comment) if comment else None,
        **fields,
    )
