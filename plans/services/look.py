"""Noting that somebody looked at a plan."""

from __future__ import annotations

from uuid import UUID

from accounts.models import User
from common import clock
from common.context import unit_of_work
from common.errors import NotVisible
from plans.models import Plan
from plans.pending import mark_looked
from plans.policies import plan_for, versions_for


def look_at_plan(*, plan_id: UUID, version_number: int, acting_user: User) -> Plan:
    """Note up to which version a user has looked, so that lists can say what is new to them.

    Raises:
        NotVisible: there is no such plan or version that the user may see.
    """
    with unit_of_work(acting_user):
        plan = plan_for(acting_user, plan_id)
        if not versions_for(acting_user, plan).filter(version_number=version_number).exists():
            raise NotVisible("There is no such version, or you may not see it.")
        mark_looked(plan=plan, user_id=acting_user.pk, version_number=version_number, at=clock.now())
        return plan
