"""What the model pipelines share: weeks, the linear programme over them, sessions, prediction, report."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from modeling.core import guards as g
from modeling.core.guards import GUARDS_VERSION, Floats, StartState
from modeling.core.optimum import NoOptimum, Optimum, WeekModel, best_weeks
from plans.pipelines.checks import plan_breaches, relaxations
from plans.pipelines.contract import AthleteSnapshot, PlannedWeek, ProposedPlan, RaceGoal
from plans.pipelines.frames import WeekFrame, frames
from plans.pipelines.intensity import Intensities
from plans.pipelines.placement import Placed, place_weeks
from plans.pipelines.preadjust import pre_adjust
from plans.pipelines.predict import (
    expected_performance,
    goal_warnings,
    predicted_outcome,
    range_warnings,
    short_long_warnings,
    weekly_hours,
)
from plans.pipelines.realise import Builder, race_spec
from plans.pipelines.response import Response
from plans.pipelines.sessions import build_session
from plans.pipelines.start import has_gap, start_state

SHORT_CYCLES_FROM_AGE: Final = 50
BINDING_TEXT: Final = {
    "session_growth": "The limit on single sessions (growth, daily cap, time) holds the weeks down.",
    "ctl_ceiling": "The ceiling of CTL over the last year's best holds the weeks down.",
    "ctl_ramp": "The limit on how fast CTL may rise at this level holds the weeks down.",
}
# Plans that were made before say it so; they too read in their reader's language (decision 0013).
EARLIER_BINDING_TEXT: Final = {
    "session_growth": "Guard session_growth: the longest that single sessions may be (growth, daily cap, time)"
    " holds the weeks down.",
    "ctl_ceiling": "Guard ctl_ceiling: the ceiling of CTL over the last year's best holds the weeks down.",
    "ctl_ramp": "Guard ctl_ramp: the CTL ramp of the level holds the weeks down.",
}


@dataclass(frozen=True)
class Outline:
    """The weeks before they are filled."""

    frames: list[WeekFrame]
    placed: list[tuple[Placed, ...]]
    state: StartState
    intensities: Intensities


def outline(athlete: AthleteSnapshot, goal: RaceGoal) -> Outline:
    """Return the calendar of the plan with each week's slots."""
    state = start_state(athlete)
    intensities = Intensities.for_athlete(athlete)
    short = athlete.level == "beginner" or (athlete.age or 0) >= SHORT_CYCLES_FROM_AGE
    weeks = frames(athlete.today, goal.race_date, goal.race, short_cycles=short)
    return Outline(weeks, place_weeks(weeks, athlete, goal, state, intensities), state, intensities)


def optimum(plan: Outline, response: Response) -> tuple[list[float], Optimum | None]:
    """Return each week's target, TSS, and the programme's answer; without one, the weeks grow as fast as the
    guards allow."""
    before = [k for k, frame in enumerate(plan.frames) if frame.before_race > 0]
    models = [_model(plan.frames[k], plan.placed[k], response.gains) for k in before]
    targets = [math.inf] * len(plan.frames)
    if not models:
        return targets, None
    try:
        best = best_weeks(models, plan.state)
    except NoOptimum:
        return targets, None
    for k, load in zip(before, best.loads.tolist(), strict=True):
        targets[k] = load
    return targets, best


def _model(frame: WeekFrame, slots: tuple[Placed, ...], gains: Floats) -> WeekModel:
    shares = np.zeros(frame.before_race)
    for slot in slots:
        shares[slot.offset] += slot.share
    cap = min((s.cap / s.share for s in slots if s.share > 0), default=0.0)
    if frame.phase in ("taper", "race"):
        role = "taper"
    elif frame.days < 7:
        role = "part"
    else:
        role = "recovery" if frame.is_recovery else "loading"
    return WeekModel(role, shares, gains[frame.first : frame.first + frame.before_race], cap)


def build_weeks(
    plan: Outline, athlete: AthleteSnapshot, goal: RaceGoal, targets: list[float], seed: int
) -> tuple[PlannedWeek, ...]:
    """Return the weeks with their sessions."""
    builder = Builder(athlete, goal, plan.state, plan.intensities, seed)
    weeks: list[PlannedWeek] = []
    wanted: list[float] = []
    for frame, slots, target in zip(plan.frames, plan.placed, targets, strict=True):
        if frame.phase in ("taper", "race") and sum(wanted[-3:]) > 0 and math.isfinite(target):
            # The taper is measured against what the weeks before it became, not against what they were to be.
            target *= sum(builder.loading[-3:]) / sum(wanted[-3:])
        weeks.append(builder.week(frame, slots, target))
        if len(builder.loading) > len(wanted):
            wanted.append(target)
    return tuple(weeks)


def assemble(
    pipeline: str, athlete: AthleteSnapshot, goal: RaceGoal, response: Response, *, seed: int, warnings: list[str]
) -> ProposedPlan:
    """Return the plan that the response makes best, with everything it has to say for itself."""
    plan = outline(athlete, goal)
    targets, best = optimum(plan, response)
    weeks = build_weeks(plan, athlete, goal, targets, seed)
    weeks, adjustments = pre_adjust(weeks, athlete, goal, plan.state, plan.intensities, seed=seed)
    binding = best.binding if best else ()
    notes = [*warnings, *trouble_warnings(athlete), *start_warnings(athlete)]
    notes += [BINDING_TEXT[name] for name in binding]
    extra: dict[str, Any] = {"binding": list(binding)}
    if adjustments:
        extra["adjustments"] = [adjustment.as_json() for adjustment in adjustments]
        notes.append(adjusted_warning(len(adjustments)))
    return finish(pipeline, athlete, goal, response, weeks, notes, seed=seed, extra=extra)


def finish(
    pipeline: str,
    athlete: AthleteSnapshot,
    goal: RaceGoal,
    response: Response,
    weeks: tuple[PlannedWeek, ...],
    notes: list[str],
    *,
    seed: int,
    extra: dict[str, Any],
) -> ProposedPlan:
    """Return the plan with prediction, reported guards, warnings and provenance."""
    race_day = (goal.race_date - athlete.today).days
    loads = np.zeros(max(race_day, 0))
    for week in weeks:
        for session in week.sessions:
            day = (session.day - athlete.today).days
            if day < race_day:
                loads[day] += session.load
    weeks = with_race_at(
        expected_performance(athlete, goal, response, loads), weekly_hours(loads), weeks, athlete, goal, seed
    )
    predicted = predicted_outcome(athlete, goal, response, loads)
    told = [
        *goal_warnings(goal, predicted),
        *range_warnings(athlete, goal, response, loads),
        *short_long_warnings(weeks, goal, predicted),
    ]
    relaxed = relaxations(plan_breaches(athlete.today, weeks, athlete, goal), athlete.today)
    return ProposedPlan(
        pipeline=pipeline,
        start=athlete.today,
        weeks=weeks,
        predicted=predicted,
        relaxed=relaxed,
        warnings=tuple(dict.fromkeys([*notes, *told])),
        provenance=provenance(pipeline, athlete, response, seed) | extra,
    )


def with_race_at(
    performance: float,
    hours: float,
    weeks: tuple[PlannedWeek, ...],
    athlete: AthleteSnapshot,
    goal: RaceGoal,
    seed: int,
) -> tuple[PlannedWeek, ...]:
    """Return the weeks with the race at the pace of the plan's own prediction, not of today's performance."""
    intensities = replace(Intensities.for_athlete(athlete), performance=performance, weekly_hours=hours)
    race = build_session(race_spec(athlete, goal, seed), intensities)
    return tuple(replace(w, sessions=tuple(race if s.kind == "race" else s for s in w.sessions)) for w in weeks)


def trouble_warnings(athlete: AthleteSnapshot) -> list[str]:
    """Return what to say where the model version that was asked for could not plan."""
    if not athlete.trouble:
        return []
    return [f"The learned model could not be used ({athlete.trouble}); the model that ships made this plan."]


def adjusted_warning(count: int) -> str:
    """Return what to say of sessions that were adjusted beforehand."""
    sessions = "One session was" if count == 1 else f"{count} sessions were"
    return f"{sessions} adjusted beforehand, as coaches usually do; each says why and can be taken back."


def start_warnings(athlete: AthleteSnapshot) -> list[str]:
    """Return what the plan's start assumes where history is thin."""
    if athlete.series is None or float(np.sum(athlete.series.loads)) == 0.0:
        week = g.LIMITS[athlete.level].start_week
        return [f"No training history: the plan starts from {week:g} TSS a week, usual for the level {athlete.level}."]
    if has_gap(athlete):
        return ["No training in the last three weeks: the plan restarts from half of last year's median week."]
    return []


def provenance(pipeline: str, athlete: AthleteSnapshot, response: Response, seed: int) -> dict[str, Any]:
    """Return what the plan was made from, as JSON."""
    trouble = {"algorithm_trouble": athlete.trouble} if athlete.trouble else {}
    applied = {"heuristics": list(athlete.algorithm.applied)} if athlete.algorithm.applied else {}
    return (
        {
            "pipeline": pipeline,
            "algorithm_version": athlete.algorithm.name,
            "priors": athlete.group | {"source": athlete.priors.name},
            "guards_version": GUARDS_VERSION,
            "model_version": response.model_version,
            "parameters": response.parameters,
            "grade": response.grade,
            "data_hash": athlete.data_hash,
            "seed": seed,
        }
        | applied
        | trouble
    )
