"""What edits do to race day, for people who ask and for versions that are stored."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from accounts.models import Athlete
from common import clock
from plans.document import Content
from plans.generation import snapshot_of
from plans.models import Plan, PlanVersion
from plans.pipelines.contract import RaceGoal
from plans.selectors import content_of
from plans.whatif import WhatIf, WhatIfContext, context_of, what_if


def goal_of(plan: Plan) -> RaceGoal:
    """Return the race of a plan as the pipelines know it."""
    return RaceGoal(plan.race_date, plan.race, plan.goal_seconds, frozenset(plan.available_days))


def context_for(plan: Plan, version: PlanVersion) -> WhatIfContext | None:
    """Return what a what-if of this plan needs to know of its athlete; None once the race is over."""
    today = clock.today()
    if plan.race_date <= today:
        return None
    athlete = Athlete.objects.get(pk=plan.athlete_id)
    baseline = version if version.baseline is None else version.baseline
    sessions = content_of(baseline)["sessions"]
    return context_of(snapshot_of(athlete, today), goal_of(plan), version.weeks_json, sessions)


def what_if_of(plan: Plan, version: PlanVersion, before: Content, after: Content) -> WhatIf | None:
    """Return what an edit does to race day; None once the race is over."""
    context = context_for(plan, version)
    return what_if(context, before["sessions"], after["sessions"]) if context else None


def predicted_of(plan: Plan, version: PlanVersion, before: Content, after: Content) -> dict[str, Any] | None:
    """Return the predicted outcome of an edited plan, as versions store it."""
    found = what_if_of(plan, version, before, after)
    return asdict(found.after) if found else None
