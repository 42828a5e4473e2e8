"""Who may see and ask for plans; `visible_…` stands beside `can_…` and both ask the matrix."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Exists, Min, OuterRef, Q, QuerySet

from accounts.models import Athlete, CoachLink, Role, User
from accounts.scope import GRANTEES, athlete_for, athletes_in_scope, either, grants_that_hold, links_that_hold
from common.actors import actor_id
from common.context import ServiceIdentity
from common.errors import NotVisible
from plans.models import Plan, PlanComment, PlanGrant, PlanReview, PlanVersion, State, Visibility

Actor = User | ServiceIdentity


def visible_plans(user: Actor) -> Q:
    """Return the condition on plans that `user` may see.

    Athletes see what was released to them or what they asked for themselves, never a coach's drafts.
    """
    condition = _of_athletes(user, Plan, "pk")
    if _is_athlete(user):
        submitted = PlanReview.objects.filter(plan=OuterRef("pk"))
        condition &= Q(Exists(submitted)) | Q(created_by_id=actor_id(user))
    return condition


def visible_versions(user: Actor) -> Q:
    """Return the condition on plan versions that `user` may see."""
    condition = _of_athletes(user, PlanVersion, "plan")
    if _is_athlete(user):
        submitted = PlanReview.objects.filter(version=OuterRef("pk"))
        asked_for = Q(status=State.GENERATED.value, version_number=1, plan__created_by_id=actor_id(user))
        condition &= Q(Exists(submitted)) | asked_for
    return condition


def _of_athletes(user: Actor, model: type[Plan | PlanVersion], plan: str) -> Q:
    """Return the condition on rows of athletes whose plans the user may see, and of plans that were shared.

    Who reaches everybody gets no condition, and no join with everybody either.
    """
    athletes = athletes_in_scope(user, "plan:view")
    if not athletes:
        return Q()
    shared = shared_with(user, plan)
    mine = Q(athlete__in=Athlete.objects.filter(athletes))
    if not shared:
        return mine
    rows = model._default_manager.order_by()
    return either(Q(pk__in=rows.filter(mine).values("pk")), Q(pk__in=rows.filter(shared).values("pk")))


def shared_with(user: Actor, plan: str) -> Q:
    """Return the condition on rows whose plan (at the lookup `plan`) was shared with the user."""
    if not isinstance(user, User) or not user.is_active or user.role not in GRANTEES:
        return Q()
    return Q(**{f"{plan}__in": PlanGrant.objects.filter(grants_that_hold(), user=user).values("content_object")})


def may_see_plan(user: User, plan: Plan) -> bool:
    """Return whether a user may see a plan: `user.has_perm("plans.view_plan", plan)`."""
    return Plan.objects.filter(visible_plans(user), pk=plan.pk).exists()


def athletes_of_shared_plans(user: User, verb: str) -> Q:
    """Return the athletes whose name a user may see because a plan of theirs was shared (`accounts.scope.REACH`)."""
    if verb != "athlete:view" or user.role not in GRANTEES:
        return Q()
    return Q(pk__in=PlanGrant.objects.filter(grants_that_hold(), user=user).values("athlete"))


def comments_for(user: Actor, plan: Plan) -> QuerySet[PlanComment]:
    """Return the comments of a plan that `user` may read, oldest first.

    Private notes are for the coaches of their day: a coach whose link began later does not inherit them.
    """
    comments = PlanComment.objects.filter(plan=plan).order_by("id")
    if not isinstance(user, User) or user.role == Role.ADMIN:
        return comments
    shared_or_own = Q(visibility=Visibility.SHARED) | Q(author_id=user.pk)
    if user.role != Role.COACH:
        return comments.filter(shared_or_own)
    links = CoachLink.objects.filter(links_that_hold(), coach=user, athlete=plan.athlete_id)
    since = links.aggregate(first=Min("active_from"))["first"]
    return comments.filter(shared_or_own | Q(created_at__date__gte=since) if since else shared_or_own)


def _is_athlete(user: Actor) -> bool:
    return isinstance(user, User) and user.role == Role.ATHLETE


def athlete_to_plan_for(user: Actor, athlete_id: UUID, *, lock: bool = False) -> Athlete:
    """Fetch the athlete for whom `user` may ask for a plan; raises NotVisible or NotPermitted."""
    return athlete_for(user, "plan:generate", athlete_id, lock=lock)


def shown_head(user: Actor, plan: Plan) -> PlanVersion | None:
    """Return the version that a user gets to see as the plan's present one: for athletes never a draft."""
    if _is_athlete(user) and plan.status == State.DRAFT:
        return plan.active_version
    return plan.head_version


def shown_summary(user: Actor, version: PlanVersion) -> dict[str, Any]:
    """Return a version's change summary as a user may read it: for athletes against the machine's proposal, by number.

    The summary against the parent names sessions of the parent, which may be a draft of the coach's own.
    """
    summary: dict[str, Any] = version.diff_summary_json
    return summary.get("baseline", {}) if _is_athlete(user) else summary


def plans_for(user: Actor) -> QuerySet[Plan]:
    """Return the plans that a user may see, newest first, each with its athlete and head version in one query."""
    return (
        Plan.objects.filter(visible_plans(user))
        .select_related("athlete", "head_version", "active_version")
        .order_by("-id")
    )


def plan_for(user: Actor, plan_id: UUID) -> Plan:
    """Fetch a plan.

    Raises:
        NotVisible: there is none, or it is outside the user's scope.
    """
    plan = plans_for(user).filter(pk=plan_id).first()
    if plan is None:
        raise NotVisible("There is no such plan, or you may not see it.")
    return plan


def reviews_athlete(user: Actor, athlete_id: UUID) -> bool:
    """Return whether a user edits this athlete's plans; a shared plan is to read."""
    return Athlete.objects.filter(athletes_in_scope(user, "plan:edit"), pk=athlete_id).exists()


def plan_to_share_for(user: Actor, plan_id: UUID) -> Plan:
    """Fetch a plan that a user may share.

    Raises:
        NotVisible, NotPermitted: outside the user's scope; visible, but not theirs to share.
    """
    plan = plan_for(user, plan_id)
    athlete_for(user, "plan:share", plan.athlete_id)
    return plan


def versions_for(user: Actor, plan: Plan) -> QuerySet[PlanVersion]:
    """Return the versions of a plan that a user may see, newest first."""
    return PlanVersion.objects.filter(visible_versions(user), plan=plan).order_by("-version_number")


def version_for(user: Actor, plan_id: UUID, version_id: UUID) -> PlanVersion:
    """Fetch a version of a plan.

    Raises:
        NotVisible: there is none, or the user may not see it.
    """
    rows = PlanVersion.objects.filter(visible_versions(user), plan_id=plan_id, pk=version_id)
    version = rows.select_related("plan", "plan__athlete", "plan__head_version").first()
    if version is None:
        raise NotVisible("There is no such version, or you may not see it.")
    return version
