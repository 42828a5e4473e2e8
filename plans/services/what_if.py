"""What edits do to race day, for people who ask and for versions that are stored."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, replace
from typing import Any

from accounts.models import Athlete
from accounts.preferences import today_of
from common.newest import Newest
from modeling.learned.algorithm import SHIPPED, SHIPPED_ALGORITHM, LearnedAlgorithm
from modeling.selectors import history_stamp
from modeling.versions import version_named
from plans.document import Content
from plans.generation import snapshot_of
from plans.models import Plan, PlanVersion
from plans.pipelines.contract import RaceGoal
from plans.selectors import baseline_of, content_of
from plans.whatif import WhatIf, WhatIfContext, context_of, outcome_of, what_if

MOST_CONTEXTS = 32
_contexts: Newest[tuple[Any, ...], WhatIfContext] = Newest(MOST_CONTEXTS)


def goal_of(plan: Plan) -> RaceGoal:
    """Return the race of a plan as the pipelines know it."""
    return RaceGoal(plan.race_date, plan.race, plan.goal_seconds, frozenset(plan.available_days))


def context_for(plan: Plan, version: PlanVersion) -> WhatIfContext | None:
    """Return what a what-if of this plan needs to know of its athlete; None once the race is over.

    The newest contexts are kept in the process, under everything that they are made from. The model version is the one
    that made the plan, whichever plans new ones by now: else an edit would seem to do what a promotion did.
    """
    athlete = Athlete.objects.get(pk=plan.athlete_id)
    today = today_of(athlete)
    if plan.race_date <= today:
        return None
    baseline = baseline_of(version)
    goal = goal_of(plan)
    person = (athlete.pk, athlete.level, athlete.sex, athlete.birth_year)
    algorithm = predicting(version)
    key = (person, baseline.pk, goal, today, history_stamp(athlete.pk), algorithm.name)
    context = _contexts.get(key)
    if context is None:
        context = context_of(
            snapshot_of(athlete, today, algorithm), goal, version.weeks_json, content_of(baseline)["sessions"]
        )
        _contexts.put(key, context)
    return context


def predicting(version: PlanVersion | None) -> LearnedAlgorithm:
    """Return the model version that a plan's version was made with, as far as predictions ask for it: its priors."""
    name = str((version.provenance_json if version else {}).get("algorithm_version") or SHIPPED)
    found = version_named(name)
    return found if found is SHIPPED_ALGORITHM else replace(found, overrides=None, adherence=None)


def what_if_of(plan: Plan, version: PlanVersion, before: Content, after: Content) -> WhatIf | None:
    """Return what an edit does to race day; None once the race is over."""
    context = context_for(plan, version)
    return what_if(context, before["sessions"], after["sessions"]) if context else None


def predicted_of(plan: Plan, version: PlanVersion, before: Content, after: Content) -> dict[str, Any] | None:
    """Return the predicted outcome of an edited plan, as versions store it."""
    if _loads(before) == _loads(after):
        return version.predicted_json
    context = context_for(plan, version)
    return asdict(outcome_of(context, after["sessions"])) if context else None


def _loads(content: Content) -> dict[str, float]:
    """Return the load of each day; other edits do not move a prediction."""
    loads: dict[str, float] = defaultdict(float)
    for entry in content["sessions"].values():
        loads[entry["day"]] += entry["load"]
    return {day: round(load, 1) for day, load in loads.items() if load}
