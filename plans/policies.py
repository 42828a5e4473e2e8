"""Who may see and ask for plans; `visible_…` stands beside `can_…` and both ask the matrix."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.models import Athlete, Role, User
from accounts.scope import athlete_for, athletes_in_scope
from common.context import ServiceIdentity
from common.errors import NotVisible
from plans.models import Plan, PlanVersion

Actor = User | ServiceIdentity

# Athletes see what a person or the machine has released to them, never a coach's drafts.
HIDDEN_FROM_ATHLETES = ("draft",)


def visible_plans(user: Actor) -> Q:
    """Return the condition on plans that `user` may see."""
    return Q(athlete__in=Athlete.objects.filter(athletes_in_scope(user, "plan:view")))


def visible_versions(user: Actor) -> Q:
    """Return the condition on plan versions that `user` may see."""
    condition = visible_plans(user)
    if isinstance(user, User) and user.role == Role.ATHLETE:
        condition &= ~Q(status__in=HIDDEN_FROM_ATHLETES)
    return condition


def athlete_to_plan_for(user: Actor, athlete_id: UUID, *, lock: bool = False) -> Athlete:
    """Fetch the athlete for whom `user` may ask for a plan; raises NotVisible or NotPermitted."""
    return athlete_for(user, "plan:generate", athlete_id, lock=lock)


def plans_for(user: Actor) -> QuerySet[Plan]:
    """Return the plans that a user may see, newest first, each with its athlete and head version in one query."""
    return Plan.objects.filter(visible_plans(user)).select_related("athlete", "head_version").order_by("-id")


def plan_for(user: Actor, plan_id: UUID) -> Plan:
    """Fetch a plan.

    Raises:
        NotVisible: there is none, or it is outside the user's scope.
    """
    plan = plans_for(user).filter(pk=plan_id).first()
    if plan is None:
        raise NotVisible("There is no such plan, or you may not see it.")
    return plan


def version_for(user: Actor, plan_id: UUID, version_id: UUID) -> PlanVersion:
    """Fetch a version of a plan.

    Raises:
        NotVisible: there is none, or the user may not see it.
    """
    rows = PlanVersion.objects.filter(visible_versions(user), plan_id=plan_id, pk=version_id)
    version = rows.select_related("plan", "plan__athlete").first()
    if version is None:
        raise NotVisible("There is no such version, or you may not see it.")
    return version
