"""Whether a goal can be planned for at all; everything else is the pipelines' business and never fails."""

from __future__ import annotations

import math
from datetime import date
from typing import Final

from modeling.core.performance import RACES, Race, plausible_goal
from plans.pipelines.contract import AthleteBasics, RaceGoal
from plans.pipelines.errors import InvalidGoal

MAX_WEEKS: Final = 52


def validate_goal(goal: RaceGoal, *, today: date, athlete: AthleteBasics) -> None:
    """Check a goal against the day and the athlete.

    Raises:
        InvalidGoal: race today, past or over 52 weeks ahead; unknown distance or one of another sport; no available
        day;
            a goal time that is not humanly possible or slower than a walk.
    """
    _check_date(goal.race_date, today)
    race = _check_race(goal.race, athlete)
    _check_days(goal.available_days)
    if goal.goal_seconds is not None:
        _check_time(race, goal.goal_seconds, athlete.sex)


def _check_date(race_date: date, today: date) -> None:
    ahead = (race_date - today).days
    if ahead < 0:
        raise InvalidGoal("race_date", f"The race on {race_date} is past.")
    if ahead == 0:
        raise InvalidGoal("race_date", "The race is today; a plan needs at least one day before it.")
    if ahead > 7 * MAX_WEEKS:
        raise InvalidGoal("race_date", f"The race on {race_date} is more than {MAX_WEEKS} weeks ahead.")


def _check_race(key: str, athlete: AthleteBasics) -> Race:
    race = RACES.get(key)
    own = [r.key for r in RACES.values() if r.sport == athlete.sport]
    if race is None:
        raise InvalidGoal("race_distance", f"{key!r} is no race we know; it must be one of {', '.join(own)}.")
    if race.sport != athlete.sport:
        raise InvalidGoal(
            "race_distance", f"{race.label} is a {race.sport} race; for {athlete.sport} choose one of {', '.join(own)}."
        )
    return race


def _check_days(days: frozenset[int]) -> None:
    if not days:
        raise InvalidGoal("available_days", "At least one day of the week must be available.")
    if not all(day in range(7) for day in days):
        raise InvalidGoal("available_days", "Days are numbers from 0 (Monday) to 6 (Sunday).")


def _check_time(race: Race, seconds: float, sex: str) -> None:
    if not math.isfinite(seconds) or seconds <= 0:
        raise InvalidGoal("goal_time", "The goal time must be a positive number of seconds.")
    try:
        plausible_goal(race, seconds, sex)
    except ValueError as error:
        raise InvalidGoal("goal_time", str(error)) from error
