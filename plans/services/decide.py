"""Decisions about a plan: submit, accept (which publishes), request changes, withdraw."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef

from accounts.models import Athlete, User
from common.actors import actor_id
from common.context import unit_of_work
from common.errors import InvalidInput, NotVisible
from common.etag import ETag
from plans.document import field_changes, summarise
from plans.document.patch import REASONS
from plans.errors import ContentChanged, ReasonRequired, wrong_state
from plans.locks import lock_plan
from plans.models import Decision, Outcome, Plan, PlanGeneration, PlanReview, PlanVersion
from plans.policies import Actor, version_for
from plans.selectors import baseline_of, content_of
from plans.services.announce import announce
from plans.services.generate_plan import goal_from
from plans.services.reasons import broken_since_baseline, every_edit_has_a_reason
from plans.services.save_edits import checked_head
from plans.services.store_review import store_review
from plans.services.tell_outcome import check_rating, tell_decision
from plans.services.tell_people import tell_athlete, tell_coaches
from plans.services.versions import move_head
from plans.workflow import Action, NotPossible, State, next_state


def submit_plan(
    *, plan_id: UUID, expected: frozenset[ETag] | None, comment: str = "", reason: str = "", acting_user: Actor
) -> Plan:
    """Move a plan's head version to coach-reviewed and notify its athlete.

    Raises:
        NotVisible, NotPermitted: outside the user's scope (404); visible, but the role may not submit (403).
        StaleVersion: somebody saved since (412, carries the current tag).
        WrongState: the plan is not in a state that can be submitted (409).
        ReasonRequired: edits break a safety guard and nobody said why (409, lists the guards).
    """
    if reason and reason not in REASONS:
        raise InvalidInput(f"reason must be one of {', '.join(REASONS)}.", pointer="/reason")
    with unit_of_work(acting_user):
        plan = lock_plan(acting_user, Action.SUBMIT, plan_id)
        head = checked_head(plan, None, expected)
        state = _next(plan, Action.SUBMIT)
        broken = _guards_that_need_a_reason(plan, head, reason)
        review = store_review(plan, head, Decision.SUBMIT, actor_id(acting_user), comment=comment, reason=reason)
        move_head(plan, head, state)
        details = {"review_id": str(review.pk), "reason_code": reason, "broken_guards": broken}
        announce(plan, head, Action.SUBMIT, details=_with_comment(details, comment))
        tell_athlete(plan, "plan.reviewed", dedupe=str(review.pk))
        return plan


def accept_plan(
    *,
    plan_id: UUID,
    version_id: UUID,
    content_sha256: str,
    comment: str = "",
    rating: int | None = None,
    acting_user: Actor,
) -> Plan:
    """Accept the very content that was seen: approved and published in one transaction, two events.

    `rating` is the athlete's one tap on how the plan pleases them, 1 to 5.

    Other plans that the athlete trains by are superseded, so that there is one active version.

    Raises:
        NotVisible, NotPermitted: outside the user's scope (404); visible, but not theirs to decide (403).
        ContentChanged: the version or hash is not what is under review (409, with what differs).
        WrongState: nothing awaits a decision (409).
        InvalidInput: an administrator decides in the athlete's place without saying why (400).
    """
    check_rating(rating)
    with unit_of_work(acting_user):
        plan = lock_plan(acting_user, Action.ACCEPT, plan_id, with_athlete=True)
        is_override = _is_override(plan, comment, acting_user)
        approved = _next(plan, Action.ACCEPT)
        head = _named_head(plan, version_id, content_sha256, acting_user)
        review = _decide(plan, head, Decision.ACCEPT, comment, acting_user, is_override=is_override, rating=rating)
        details = {"review_id": str(review.pk), "is_override": is_override}
        move_head(plan, head, approved)
        announce(plan, head, Action.ACCEPT, details=_with_comment(details, comment), is_override=is_override)
        plan.active_version = head
        move_head(plan, head, _next(plan, Action.PUBLISH))
        announce(plan, head, Action.PUBLISH)
        _supersede_others(plan)
        tell_athlete(plan, "plan.published", dedupe=str(review.pk))
        tell_coaches(plan, "plan.accepted", dedupe=str(review.pk))
        tell_decision(plan, review, accepted=True, rating=rating)
        return plan


def request_changes(
    *, plan_id: UUID, version_id: UUID, content_sha256: str, comment: str = "", acting_user: Actor
) -> Plan:
    """Send a plan back to its coach; raises as `accept_plan`."""
    with unit_of_work(acting_user):
        plan = lock_plan(acting_user, Action.REQUEST_CHANGES, plan_id)
        is_override = _is_override(plan, comment, acting_user)
        state = _next(plan, Action.REQUEST_CHANGES)
        head = _named_head(plan, version_id, content_sha256, acting_user)
        review = _decide(plan, head, Decision.REQUEST_CHANGES, comment, acting_user, is_override=is_override)
        move_head(plan, head, state)
        details = {"review_id": str(review.pk), "is_override": is_override}
        announce(plan, head, Action.REQUEST_CHANGES, details=_with_comment(details, comment), is_override=is_override)
        tell_coaches(plan, "plan.changes_requested", dedupe=str(review.pk))
        tell_decision(plan, review, accepted=False)
        return plan


def withdraw_plan(*, plan_id: UUID, expected: frozenset[ETag] | None, comment: str = "", acting_user: Actor) -> Plan:
    """Take a plan back; withdrawing a revision restores what is published, with the race that it was made for.

    Raises:
        NotVisible, NotPermitted, StaleVersion, WrongState: as `submit_plan`.
    """
    with unit_of_work(acting_user):
        plan = lock_plan(acting_user, Action.WITHDRAW, plan_id)
        head = checked_head(plan, None, expected)
        state = _next(plan, Action.WITHDRAW)
        review = store_review(plan, head, Decision.WITHDRAW, actor_id(acting_user), comment=comment)
        back_to = plan.active_version if state is State.PUBLISHED and plan.active_version else head
        if state is State.WITHDRAWN:
            plan.active_version = None
        else:
            _take_goal_of(back_to, plan)
        move_head(plan, back_to, state)
        announce(plan, head, Action.WITHDRAW, details=_with_comment({"review_id": str(review.pk)}, comment))
        return plan


def _take_goal_of(version: PlanVersion, plan: Plan) -> None:
    """Undo what generations after this version made of the plan's race, if there were any: ids follow time."""
    answered = PlanGeneration.objects.filter(plan=plan, outcome__in=(Outcome.OK, Outcome.FALLBACK)).order_by("-id")
    made_by = answered.filter(id__lt=version.pk).first()
    if made_by is None or made_by == answered.first():
        return
    goal = goal_from(made_by.goal_json)
    plan.race_date, plan.goal_seconds = goal.race_date, goal.goal_seconds
    plan.pipeline = made_by.pipeline


def _next(plan: Plan, action: Action) -> State:
    try:
        return next_state(plan.state, action, has_active=plan.active_version_id is not None)
    except NotPossible as error:
        raise wrong_state(error) from error


def _is_override(plan: Plan, comment: str, acting_user: Actor) -> bool:
    """Return whether somebody decides in the athlete's place; they must say why."""
    is_own = isinstance(acting_user, User) and Athlete.objects.filter(pk=plan.athlete_id, user=acting_user).exists()
    if not is_own and not comment.strip():
        raise InvalidInput("Say why you decide in the athlete's place.", pointer="/comment")
    return not is_own


def _named_head(plan: Plan, version_id: UUID, content_sha256: str, user: Actor) -> PlanVersion:
    head = plan.head_version
    assert head is not None
    if version_id == head.pk and content_sha256 == head.content_sha256:
        return head
    raise ContentChanged(
        "What you decide about is not what is under review; read the plan again.",
        version_id=str(head.pk),
        content_sha256=head.content_sha256,
        changes=_differences(plan, head, version_id, user),
    )


def _differences(plan: Plan, head: PlanVersion, version_id: UUID, user: Actor) -> list[dict[str, Any]]:
    """Return what differs between the version that was named and the one under review; nothing of a hidden one."""
    try:
        named = version_for(user, plan.pk, version_id)
    except NotVisible:
        return []
    changes = field_changes(content_of(named), content_of(head))
    return [{"path": c.path, "change": c.change, "old": c.old, "new": c.new} for c in changes]


def _guards_that_need_a_reason(plan: Plan, head: PlanVersion, reason: str) -> list[str]:
    """Return the safety guards that edits break; raises ReasonRequired where nobody said why."""
    if head.baseline_version_id == head.pk:
        return []
    content = content_of(head)
    broken = broken_since_baseline(plan, head, content)
    if broken and not reason and not every_edit_has_a_reason(head, content):
        raise ReasonRequired(
            "Edits break safety guards: " + "; ".join(guard.message for guard in broken[:5]),
            pointer="/reason",
            guards=[{"guard": g.guard, "where": g.where, "message": g.message} for g in broken],
        )
    return sorted({guard.guard for guard in broken})


def _decide(
    plan: Plan, head: PlanVersion, decision: Decision, comment: str, acting_user: Actor, **said: Any
) -> PlanReview:
    """Store a decision about the submission that waits for one; the database lets each submission be decided once.

    The newest by id need not be it: the one before may be by a process whose clock was ahead.
    """
    decided = PlanReview.objects.filter(submission=OuterRef("pk"))
    waiting = PlanReview.objects.filter(~Exists(decided), plan=plan, version=head, decision=Decision.SUBMIT)
    submission = waiting.order_by("-id").first()
    return store_review(plan, head, decision, actor_id(acting_user), comment=comment, submission=submission, **said)


def _supersede_others(plan: Plan) -> None:
    """End the athlete's other plans that they train by; the caller holds their locks."""
    others = Plan.objects.filter(athlete_id=plan.athlete_id).exclude(pk=plan.pk).exclude(active_version=None)
    for other in others.exclude(status__in=[State.COMPLETED.value, State.SUPERSEDED.value]).order_by("pk"):
        version = other.head_version
        assert version is not None
        state = _next(other, Action.SUPERSEDE)
        other.active_version = None
        move_head(other, version, state)
        announce(other, version, Action.SUPERSEDE, details={"by_plan_id": str(plan.pk)})


def _with_comment(details: dict[str, Any], comment: str) -> dict[str, Any]:
    return {**details, "comment": comment} if comment else details


def impact_of(version: PlanVersion) -> str:
    """Return in one sentence what a version changes against what the machine proposed."""
    return summarise(content_of(baseline_of(version)), content_of(version)).sentence
