"""Lock order, in one place: the athlete first (where other plans of theirs are touched too), then plans by id.

The locks are `FOR NO KEY UPDATE`: rows that refer to a head (a review, a comment) are inserted beside them without a
wait, and without the deadlock that two decisions about one plan ran into under `FOR UPDATE`.

State is looked at after the lock. Comparing before it and writing after lost 507 of 618 racing edits when measured.
"""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q

from accounts.models import Athlete
from accounts.scope import athletes_in_scope
from common.errors import NotPermitted, NotVisible
from plans.models import Plan
from plans.policies import Actor, visible_plans
from plans.workflow import VERB, Action


def lock_plan(user: Actor, action: Action, plan_id: UUID, *, with_athlete: bool = False) -> Plan:
    """Authorise an action on a plan and lock its head; with `with_athlete`, all heads of the athlete.

    Raises:
        NotVisible: there is no such plan, or it is outside the user's scope.
        NotPermitted: visible, but not this user's to do.
    """
    return lock_for_verb(user, VERB[action], plan_id, with_athlete=with_athlete)


def lock_for_verb(user: Actor, verb: str, plan_id: UUID, *, with_athlete: bool = False) -> Plan:
    """Do the same for what is no action of the workflow."""
    if with_athlete:
        owner = Plan.objects.filter(_allowed(user, verb), pk=plan_id).values("athlete")
        athlete = Athlete.objects.select_for_update(of=("self",), no_key=True).filter(pk__in=owner).first()
        others = Plan.objects.select_for_update(of=("self",), no_key=True).filter(athlete=athlete).order_by("pk")
        plans = {plan.pk: plan for plan in others} if athlete else {}
        plan = plans.get(plan_id)
    else:
        heads = Plan.objects.select_for_update(of=("self",), no_key=True)
        plan = heads.filter(_allowed(user, verb), pk=plan_id).first()
    if plan is not None:
        return plan
    if Plan.objects.filter(visible_plans(user), pk=plan_id).exists():
        raise NotPermitted(f"Your role may see this plan but not do {verb}.")
    raise NotVisible("There is no such plan, or you may not see it.")


def _allowed(user: Actor, verb: str) -> Q:
    return Q(athlete__in=Athlete.objects.filter(athletes_in_scope(user, verb)))
