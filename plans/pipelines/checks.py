"""A finished plan as the guards see it, and which guards it breaks without having said so."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from modeling.core import guards as g
from modeling.core.guard_checks import breaches
from modeling.core.guards import Breach, Realised, RealisedSession, RealisedWeek, StartState
from plans.pipelines.contract import (
    AthleteSnapshot,
    PlannedSession,
    PlannedWeek,
    ProposedPlan,
    RaceGoal,
    Relaxation,
    Violation,
)
from plans.pipelines.start import start_state

EASY_STEP_ZONES: Final = frozenset({"easy", "recovery", "long", "endurance", "warm-up", "cool-down", "rest"})


def realised(
    start: date,
    weeks: tuple[PlannedWeek, ...],
    athlete: AthleteSnapshot,
    goal: RaceGoal,
    state: StartState | None = None,
) -> Realised:
    """Return what the guards look at: the sessions' loads and minutes, never the targets' own arithmetic.

    `state`: the athlete's start, where the caller has it already.
    """
    found_weeks = []
    for week in weeks:
        first = max(week.monday, start)
        days = (week.monday + timedelta(days=7) - first).days
        index = (first - start).days
        found_weeks.append(RealisedWeek(week.number, index, days, week.phase, week.is_recovery, week.target_load))
    sessions = tuple(_session(s, start) for week in weeks for s in week.sessions if s.kind != "rest")
    race_day = (goal.race_date - start).days
    state = state or start_state(athlete)
    return Realised(start.weekday(), race_day, goal.available_days, tuple(found_weeks), sessions, state)


def _session(session: PlannedSession, start: date) -> RealisedSession:
    work = session.prescribed_work
    minutes = float(work.get("duration_min") or 0.0)
    return RealisedSession((session.day - start).days, session.kind, session.load, minutes, hard_minutes(session))


def hard_minutes(session: PlannedSession) -> float:
    """Return the minutes of a session spent above easy, from its steps."""
    return float(session.prescribed_work.get("hard_min") or 0.0)


def plan_breaches(
    start: date,
    weeks: tuple[PlannedWeek, ...],
    athlete: AthleteSnapshot,
    goal: RaceGoal,
    state: StartState | None = None,
) -> tuple[Breach, ...]:
    """Return every guard that the weeks break; `state` as for `realised`."""
    return breaches(realised(start, weeks, athlete, goal, state))


def where(breach: Breach, start: date) -> str:
    """Return the place of a breach as a plan names it: "week 3" or an ISO day."""
    if breach.day is not None:
        return (start + timedelta(days=breach.day)).isoformat()
    return f"week {breach.week}"


def relaxations(found: tuple[Breach, ...], start: date) -> tuple[Relaxation, ...]:
    """Return the report of guards that had to give, those that give last first."""
    ordered = sorted(found, key=lambda b: -g.GUARDS[b.guard].order)
    return tuple(Relaxation(b.guard, b.amount, b.unit, where(b, start), _message(b, where(b, start))) for b in ordered)


def _message(breach: Breach, place: str) -> str:
    guard = g.GUARDS[breach.guard]
    return f"{breach.guard.replace('_', ' ')} ({guard.rule}) is missed by {breach.amount:.3g} {breach.unit}, {place}"


def check_plan(plan: ProposedPlan, athlete: AthleteSnapshot, goal: RaceGoal) -> tuple[Violation, ...]:
    """Return the guards that a finished plan breaks beyond what it reports as relaxed; empty for a plan fit to hand
    out.

    A guard whose `order` is 0 may never be relaxed: reporting it does not help.
    """
    allowed = {(r.guard, r.week_or_day): r.amount for r in plan.relaxed}
    violations = []
    for breach in plan_breaches(plan.start, plan.weeks, athlete, goal):
        place = where(breach, plan.start)
        reported = allowed.get((breach.guard, place), 0.0) if g.GUARDS[breach.guard].order else 0.0
        if breach.amount > reported + 1e-3:
            violations.append(Violation(breach.guard, breach.amount, breach.unit, place))
    return tuple(violations)
