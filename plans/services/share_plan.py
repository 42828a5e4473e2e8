"""Sharing one plan with a colleague, for a time."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from accounts.services.grants import GRANTS, give, tell
from common.context import unit_of_work
from common.errors import NotVisible
from plans.locks import lock_for_verb
from plans.models import PlanGrant
from plans.policies import Actor

GRANTS.register("plan", PlanGrant)


def share_plan(*, plan_id: UUID, user_id: UUID, expires_at: datetime, reason: str, acting_user: Actor) -> PlanGrant:
    """Let a coach or a member of support read and comment on one plan until a moment.

    Raises:
        NotVisible, NotPermitted: as `plans.locks`.
        InvalidInput: as `accounts.services.grants.grant_athlete`.
    """
    with unit_of_work(acting_user):
        plan = lock_for_verb(acting_user, "plan:share", plan_id)
        given = give(
            PlanGrant,
            plan,
            plan.athlete_id,
            user_id=user_id,
            expires_at=expires_at,
            reason=reason,
            by=acting_user,
            athlete_id=plan.athlete_id,
        )
        tell("grant.open", given)
        return given


def end_share(*, plan_id: UUID, grant_id: UUID, acting_user: Actor) -> None:
    """End a share before its time.

    Raises:
        NotVisible, NotPermitted: no such plan or share, or not theirs to end.
    """
    with unit_of_work(acting_user):
        plan = lock_for_verb(acting_user, "plan:share", plan_id, erased_too=True)
        given = PlanGrant.objects.filter(pk=grant_id, content_object=plan).first()
        if given is None:
            raise NotVisible("There is no such share of this plan.")
        tell("grant.close", given)
        given.delete()
