"""Who hears of what: the athlete of decisions about their plan, the coaches of the athlete's answers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from accounts.models import Athlete, CoachLink
from accounts.scope import links_that_hold
from accounts.services.notify import notify
from plans.models import Plan


def tell_athlete(plan: Plan, kind: str, *, dedupe: str, **data: Any) -> None:
    """Notify the athlete; one without a log-in is told by their coach."""
    user_id = Athlete.objects.filter(pk=plan.athlete_id).values_list("user_id", flat=True).first()
    _tell([user_id] if user_id else [], plan, kind, dedupe, data)


def tell_coaches(plan: Plan, kind: str, *, dedupe: str, **data: Any) -> None:
    """Notify the coaches whose links hold today."""
    links = CoachLink.objects.filter(links_that_hold(), athlete=plan.athlete_id)
    _tell(list(links.values_list("coach_id", flat=True)), plan, kind, dedupe, data)


def _tell(user_ids: list[UUID], plan: Plan, kind: str, dedupe: str, data: dict[str, Any]) -> None:
    if user_ids:
        notify(
            user_ids=user_ids,
            kind=kind,
            subject_id=plan.athlete_id,
            target_type="plan",
            target_id=plan.pk,
            data={"plan_id": str(plan.pk), "race": plan.race, "race_date": plan.race_date.isoformat(), **data},
            dedupe_key=f"{kind}:{dedupe}",
        )
