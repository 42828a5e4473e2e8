"""What athletes think of a plan, told to the rollout whose arm made it."""

from __future__ import annotations

from uuid import UUID

from common.errors import InvalidInput
from plans.models import Plan, PlanGeneration, PlanReview
from rollout.models import OutcomeKind
from rollout.selectors import MODEL_DRIVEN_GENERATION
from rollout.services.outcomes import record_fact

RATINGS = range(1, 6)


def check_rating(rating: int | None) -> None:
    """Refuse what is no rating.

    Raises:
        InvalidInput: outside 1 to 5.
    """
    if rating is not None and rating not in RATINGS:
        raise InvalidInput("The rating is a number from 1 to 5.", pointer="/rating")


def tell_decision(plan: Plan, review: PlanReview, *, accepted: bool, rating: int | None = None) -> None:
    """Tell the athlete's first decision about a plan; "accepted" is without having asked for changes before."""
    if review.is_override:
        return
    _tell(plan, OutcomeKind.DECISION, plan.pk, accepted=accepted)
    if rating is not None:
        _tell(plan, OutcomeKind.RATING, review.pk, rating=rating)


def tell_rating(plan: Plan, source_id: UUID, score: int) -> None:
    """Tell the athlete's satisfaction with a cycle, 1 to 5."""
    _tell(plan, OutcomeKind.RATING, source_id, rating=score)


def _tell(plan: Plan, kind: OutcomeKind, source_id: UUID, **values: bool | int) -> None:
    made_by = PlanGeneration.objects.filter(plan=plan).order_by("id").values_list("pk", flat=True).first()
    if made_by is None:
        return
    record_fact(
        flag_key=MODEL_DRIVEN_GENERATION,
        athlete_id=plan.athlete_id,
        kind=kind,
        source_id=source_id,
        about=made_by,
        **values,
    )
