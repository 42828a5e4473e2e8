"""From performance on race morning to a race time with its interval, and what to say about the athlete's goal."""

from __future__ import annotations

from typing import Final

import numpy as np

from modeling.core.guards import Floats
from modeling.core.performance import RACES, race_time
from modeling.core.prediction import plausible_range
from plans.pipelines.contract import AthleteSnapshot, PlannedWeek, PredictedOutcome, RaceGoal
from plans.pipelines.response import Response

LEVEL_VDOT: Final[dict[str, tuple[float, float]]] = {
    "beginner": (34.0, 0.12),
    "intermediate": (43.0, 0.11),
    "advanced": (53.0, 0.09),
    "elite": (66.0, 0.07),
}
LEVEL_WATTS: Final[dict[str, tuple[float, float]]] = {
    "beginner": (160.0, 0.18),
    "intermediate": (220.0, 0.15),
    "advanced": (285.0, 0.12),
    "elite": (360.0, 0.10),
}
"""Usual performance of a level, and half the width of its 80 % interval as a share of it."""
FEMALE_SHARE: Final = {"running": 0.90, "cycling": 0.75}
LEAST: Final = {"running": 12.0, "cycling": 40.0}
USUAL_LONG_SHARE: Final = {"half_marathon": 0.75, "marathon": 0.55, "gran_fondo": 0.60}
"""Longest session before the race, as a share of the race's time, that published plans reach (at least)."""
HOURS_PER_TSS: Final = 1 / 50.0


def usual_performance(athlete: AthleteSnapshot) -> tuple[float, float, float]:
    """Return the performance usual at the athlete's level with its 80 % interval; VDOT or watts."""
    table = LEVEL_VDOT if athlete.sport == "running" else LEVEL_WATTS
    value, spread = table[athlete.level]
    if athlete.sex == "female":
        value *= FEMALE_SHARE[athlete.sport]
    return value, value * (1 - spread), value * (1 + spread)


def expected_performance(athlete: AthleteSnapshot, goal: RaceGoal, response: Response, loads: Floats) -> float:
    """Return the performance expected on race morning, VDOT or watts."""
    found = response.performance(loads) or usual_performance(athlete)
    return max(believed(athlete, goal, found)[0], LEAST[athlete.sport])


def weekly_hours(loads: Floats) -> float:
    """Return the plan's mean hours of training a week."""
    return float(np.sum(loads)) / max(len(loads) / 7, 1.0) * HOURS_PER_TSS


def predicted_outcome(
    athlete: AthleteSnapshot, goal: RaceGoal, response: Response, loads: Floats
) -> PredictedOutcome | None:
    """Return the predicted race time; a better performance is a shorter time, so the interval's ends change places."""
    found = response.performance(loads) or usual_performance(athlete)
    value, low, high = (max(p, LEAST[athlete.sport]) for p in believed(athlete, goal, found))
    hours = weekly_hours(loads)
    times = [_seconds(athlete, goal, p, hours) for p in (value, high, low)]
    return PredictedOutcome(round(times[0], 1), round(times[1], 1), round(times[2], 1), "s", 0.8)


def believed(athlete: AthleteSnapshot, goal: RaceGoal, found: tuple[float, float, float]) -> tuple[float, float, float]:
    """Return value and interval, moved together so that the value stays within what the recent tests make plausible."""
    if not athlete.tests:
        return found
    low, high = plausible_range([(test.day, test.value) for test in athlete.tests], goal.race_date)
    share = min(max(found[0], low), high) / found[0]
    return found[0] * share, found[1] * share, found[2] * share


def range_warnings(athlete: AthleteSnapshot, goal: RaceGoal, response: Response, loads: Floats) -> list[str]:
    """Say where the model predicted more (or less) than recent tests make plausible, and was held back."""
    found = response.performance(loads)
    if found is None or believed(athlete, goal, found)[0] == found[0]:
        return []
    return [
        "The model predicts beyond what the last year's tests make plausible; the prediction was held to their range."
    ]


def _seconds(athlete: AthleteSnapshot, goal: RaceGoal, performance: float, hours: float) -> float:
    return float(race_time(RACES[goal.race], performance, weekly_hours=hours))


def goal_warnings(goal: RaceGoal, predicted: PredictedOutcome | None) -> list[str]:
    """Return what to say about a goal outside the predicted interval."""
    if predicted is None or goal.goal_seconds is None or predicted.unit != "s":
        return []
    share = round(predicted.level * 100)
    if goal.goal_seconds < predicted.low:
        return [f"The goal is faster than the {share} % interval of the prediction: take it as a dream, not as a pace."]
    if goal.goal_seconds > predicted.high:
        return [f"The goal is slower than the {share} % interval of the prediction: it should be safe."]
    return []


def short_long_warnings(
    weeks: tuple[PlannedWeek, ...], goal: RaceGoal, predicted: PredictedOutcome | None
) -> list[str]:
    """Return what to say when the guards kept the longest session well below what the race asks for."""
    minutes = [float(s.prescribed_work["duration_min"]) for w in weeks for s in w.sessions if s.day < goal.race_date]
    if predicted is None or goal.race not in USUAL_LONG_SHARE:
        return []
    longest, wanted = max(minutes, default=0.0), USUAL_LONG_SHARE[goal.race] * predicted.value / 60
    if longest >= wanted:
        return []
    return [
        f"The longest session before the race lasts {longest:.0f} minutes, {wanted:.0f} are usual; more would break "
        "the guards on growth or on its share of the week. Start slowly, and treat the predicted time as optimistic."
    ]
