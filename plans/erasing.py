"""What erasing a person does to their plans, and how long edits are kept.

Versions and decisions are append-only and sealed by hashes over their content: they stay, about “Erased athlete”. What
people wrote beside a plan is ciphertext of the athlete and unreadable from then on.
"""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from common import retention
from common.context import current_actor
from common.erasure import Person, delete_rows, erases
from plans.models import (
    CalendarFeed,
    CycleFeedback,
    Plan,
    PlanComment,
    PlanCommentResolution,
    PlanCommentTag,
    PlanContent,
    PlanGeneration,
    PlanGrant,
    PlanLook,
    PlanReview,
    PlanSession,
    PlanVersion,
    PlanVersionChange,
    SessionCompletion,
)
from plans.services.calendar_feed import revoke
from plans.services.share_plan import end_share

_CONTENT = "stays: append-only, what was planned and agreed, under its hash; about an athlete without a name"
_TEXT = "stays: append-only; what was written is ciphertext of the athlete"


def _feeds(rows: QuerySet[CalendarFeed], person: Person) -> int:
    actor: Any = current_actor()
    still_open = [feed.pk for feed in rows if feed.revoked_at is None]
    for pk in still_open:
        revoke(feed_id=pk, acting_user=actor)
    return len(still_open)


def _grants(rows: QuerySet[PlanGrant], person: Person) -> int:
    actor: Any = current_actor()
    given = list(rows)
    for grant in given:
        end_share(plan_id=grant.content_object_id, grant_id=grant.pk, acting_user=actor)
    return len(given)


def _of_athlete(model: Any) -> Any:
    return lambda person: model.objects.filter(athlete_id=person.athlete_id)


def register() -> None:
    """Register what erasure does to our tables."""
    for model, what in (
        (Plan, "stays: race, dates and state, about an athlete without a name"),
        (Plan.history.model, "stays: append-only, as plans"),
        (PlanVersion, _CONTENT),
        (PlanSession, _CONTENT),
        (PlanContent, _CONTENT),
        (PlanVersionChange, _TEXT),
        (PlanComment, _TEXT),
        (PlanCommentResolution, "stays: append-only, who settled which thread"),
        (PlanReview, _TEXT),
        (SessionCompletion, _TEXT),
        (CycleFeedback, "stays: a score; the comment is ciphertext of the athlete"),
        (PlanGeneration, "stays: how a plan was routed and made, by number"),
    ):
        erases(model._meta.db_table, what, _of_athlete(model))
    erases("plan_comment_tags", "deleted: what a comment was about", _of_athlete(PlanCommentTag), delete_rows)
    erases("plan_looks", "deleted", _of_athlete(PlanLook), delete_rows)
    erases("calendar_feeds", "revoked; the address is a hash", _of_athlete(CalendarFeed), _feeds)
    erases("plan_grants", "shared plans are shared no more", _of_athlete(PlanGrant), _grants)


def register_retention() -> None:
    """Register how long plan edits are kept (F2)."""
    owner: dict[str, Any] = {"how": retention.How.OWNER, "people": ("athlete_id",)}
    edits = "who changed what in a plan, with old and new values (F2)"
    retention.keeps(PlanVersionChange, "plan_edits", "created_at", edits, removable=True, **owner)
    said = "versions, decisions and comments refer to each other and explain what was agreed"
    for model in (PlanVersion, PlanReview, PlanComment):
        retention.keeps(model, "plan_edits", "created_at", said, **owner)
    about = "what comments were about: as long as the comments"
    retention.keeps(PlanCommentTag, "plan_edits", "created_at", about, people=("athlete_id",))
    state = "which state a plan was in when: as long as its edits"
    retention.keeps(Plan.history.model, "histories", "history_date", state, removable=True, **owner)
