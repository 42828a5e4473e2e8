"""The pipeline `template` with guards: the static plan where it keeps them, else fitted to the athlete week by week."""

from __future__ import annotations

import math
from datetime import date

from plans.pipelines.checks import plan_breaches
from plans.pipelines.contract import AthleteSnapshot, PlannedWeek, ProposedPlan, RaceGoal
from plans.pipelines.engine import BINDING_TEXT, build_weeks, finish, outline, start_warnings
from plans.pipelines.learned import as_shipped
from plans.pipelines.response import population_response
from plans.pipelines.template import template


def guarded_template(athlete: AthleteSnapshot, goal: RaceGoal, *, seed: int) -> ProposedPlan:
    """Return the template's plan, or its weekly loads as far as the guards let this athlete follow them.

    No model version has a part in it: what was learned is learned for the others.
    """
    athlete = as_shipped(athlete)
    raw = template(athlete, goal, seed=seed)
    notes = list(raw.warnings)
    weeks, binding = raw.weeks, list[str]()
    if plan_breaches(athlete.today, weeks, athlete, goal):
        plan, binding = outline(athlete, goal), ["template"]
        wanted = weekly_loads(weeks)
        weeks = build_weeks(plan, athlete, goal, [wanted.get(f.monday, math.inf) for f in plan.frames], seed)
        notes += [
            *start_warnings(athlete),
            "The template's weekly loads were fitted to what the guards allow this athlete.",
        ]
    if not binding and not grows(weeks, athlete.today):
        binding = ["session_growth"]
        notes.append(BINDING_TEXT["session_growth"])
    response = population_response(athlete, goal)
    return finish("template", athlete, goal, response, weeks, notes, seed=seed, extra={"binding": binding})


def weekly_loads(weeks: tuple[PlannedWeek, ...]) -> dict[date, float]:
    """Return each week's training load without the race, TSS by Monday."""
    return {week.monday: sum(s.load for s in week.sessions if s.kind != "race") for week in weeks}


def grows(weeks: tuple[PlannedWeek, ...], start: date) -> bool:
    """Tell whether the three largest loading weeks lie above the first three; the template's targets always do."""
    kept = [w for w in weeks if w.phase in ("base", "build", "peak") and not w.is_recovery and w.monday >= start]
    loads = [sum(s.load for s in week.sessions) for week in kept]
    return len(loads) < 4 or sum(sorted(loads)[-3:]) > sum(loads[:3])
