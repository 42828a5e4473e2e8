"""Comments on a plan and its sessions: threads, private notes, settled questions."""

from __future__ import annotations

from uuid import UUID

from accounts.models import Role, User
from accounts.scope import require
from audit.services import record
from common.actors import actor_id
from common.context import unit_of_work
from common.errors import InvalidInput, NotPermitted, NotVisible
from common.keys import encrypt_for
from plans.models import Plan, PlanComment, PlanCommentResolution, PlanSession, Visibility
from plans.policies import Actor, comments_for, plan_for
from plans.services.announce import telemetry_data
from plans.services.tag_comment import queue_tagging
from plans.services.tell_people import tell_athlete, tell_coaches
from telemetry.services import emit

LONGEST = 4000


def add_comment(
    *,
    plan_id: UUID,
    message: str,
    anchor_id: UUID | None = None,
    visibility: str = Visibility.SHARED,
    parent_id: UUID | None = None,
    acting_user: Actor,
) -> PlanComment:
    """Comment on a plan, or on one of its sessions (`anchor_id`); a reply stands where its parent stands.

    Whoever may comment does so on each plan that they see, also on a shared one.

    Raises:
        NotVisible: no such plan, session or parent that the user may see.
        NotPermitted: the role does not comment; an athlete may not write what athletes may not read.
        InvalidInput: an empty or endless message.
    """
    if not message.strip() or len(message) > LONGEST or "\x00" in message:
        raise InvalidInput(f"A comment has 1 to {LONGEST} characters.", pointer="/message")
    if visibility not in Visibility.values:
        raise InvalidInput(f"visibility must be one of {', '.join(Visibility.values)}.", pointer="/visibility")
    with unit_of_work(acting_user):
        plan = plan_for(acting_user, plan_id)
        require(acting_user, "plan:comment")
        is_athlete = isinstance(acting_user, User) and acting_user.role == Role.ATHLETE
        if is_athlete and visibility == Visibility.COACH:
            raise NotPermitted("Private notes are the coaches' own.")
        parent = _parent(acting_user, plan, parent_id)
        anchor_id = parent.anchor_id if parent else anchor_id
        if parent is not None and parent.visibility == Visibility.COACH:
            visibility = Visibility.COACH
        _check_anchor(plan, anchor_id)
        assert plan.head_version is not None
        athlete_id: UUID = plan.athlete_id
        comment = PlanComment.objects.create(
            plan=plan,
            version=plan.head_version,
            athlete_id=athlete_id,
            anchor_id=anchor_id,
            parent=parent,
            author_id=actor_id(acting_user),
            message=encrypt_for(athlete_id, message.strip()),
            visibility=visibility,
        )
        metadata = {"comment_id": str(comment.pk), "anchor_id": str(anchor_id or ""), "visibility": str(visibility)}
        record("plan.comment", target_id=plan.pk, subject_id=athlete_id, metadata=metadata)
        said = {"visibility": str(visibility), "is_reply": parent is not None}
        emit("plan.commented", aggregate_id=plan.pk, data={**telemetry_data(plan, plan.head_version), **said})
        if visibility == Visibility.SHARED:
            tell, kind = (tell_coaches, "plan.commented_by_athlete") if is_athlete else (tell_athlete, "plan.commented")
            tell(plan, kind, dedupe=str(comment.pk))
        queue_tagging(comment)
        return comment


def resolve_comment(*, plan_id: UUID, comment_id: UUID, acting_user: Actor) -> PlanComment:
    """Settle a thread; settling it twice changes nothing.

    Raises:
        NotVisible: no such comment that the user may see.
        NotPermitted: the role does not comment.
    """
    with unit_of_work(acting_user):
        plan = plan_for(acting_user, plan_id)
        require(acting_user, "plan:comment")
        comment = _parent(acting_user, plan, comment_id)
        assert comment is not None
        _, is_new = PlanCommentResolution.objects.get_or_create(
            comment=comment, defaults={"athlete_id": plan.athlete_id, "resolved_by_id": actor_id(acting_user)}
        )
        if is_new:
            metadata = {"comment_id": str(comment.pk)}
            record("plan.comment_resolve", target_id=plan.pk, subject_id=plan.athlete_id, metadata=metadata)
        return comment


def _parent(user: Actor, plan: Plan, comment_id: UUID | None) -> PlanComment | None:
    if comment_id is None:
        return None
    comment = comments_for(user, plan).filter(pk=comment_id).first()
    if comment is None:
        raise NotVisible("There is no such comment, or you may not see it.")
    return comment


def _check_anchor(plan: Plan, anchor_id: UUID | None) -> None:
    if anchor_id is None:
        return
    if not PlanSession.objects.filter(version__plan=plan, session_id=anchor_id).exists():
        raise NotVisible("This plan has no such session.", pointer="/anchor_id")
