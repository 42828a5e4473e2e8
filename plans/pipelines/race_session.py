"""The race itself as a session: the full distance at goal pace, or at the pace that today's performance allows."""

from __future__ import annotations

import math
from typing import Any, Final

from modeling.core.performance import RACES, clock
from plans.pipelines.intensity import Intensities, pace_text

TITLES: Final = {
    "5k": "5 km",
    "10k": "10 km",
    "half_marathon": "Half",
    "marathon": "Marathon",
    "40km_tt": "40 km TT",
    "gran_fondo": "Gran fondo",
}
MAX_RACE_MINUTES: Final = 14 * 60


def race_work(key: str, intensities: Intensities, goal_seconds: float | None) -> dict[str, Any]:
    """Return the race's prescribed work with its "title" and its "load", TSS, from the expected time.

    The load follows from what the athlete can do today even if the goal is faster: wishing does not make a race cost
    more.
    """
    race = RACES[key]
    expected = min(intensities.race_seconds(key), MAX_RACE_MINUTES * 60.0)
    aim = goal_seconds or expected
    target = _target(key, aim, intensities, is_goal=goal_seconds is not None)
    distance = race.distance_m
    factor = intensities.race_factor(race, expected)
    minutes = math.ceil(expected / 300) * 5
    work: dict[str, Any] = {
        "steps": [{"type": "work", "distance_m": round(distance), "target": target, "note": _note(key)}],
        "duration_min": minutes,
        "hard_min": round(expected / 60, 1),
        "focus": key,
        "purpose": f"The race: {race.label}. What you planned, and nothing new today.",
        "summary": f"{race.label} at {target['text']}",
        "title": TITLES[key],
        "load": expected / 36 * factor**2,
    }
    if race.sport == "running":
        work["distance_km"] = round(distance / 1000, 1)
    return work


def _target(key: str, seconds: float, intensities: Intensities, *, is_goal: bool) -> dict[str, Any]:
    race = RACES[key]
    word = "goal" if is_goal else "expected"
    target: dict[str, Any] = {"zone": key, "seconds": round(seconds), "rpe": list(intensities.zones[key].rpe)}
    if race.sport == "running":
        pace = seconds / (race.distance_m / 1000)
        text = f"{pace_text(pace)} /km, {word} {clock(seconds)}"
        return target | {"pace_s_per_km": [round(pace), round(pace)], "text": text}
    if intensities.ftp_w:
        watts = round(intensities.ftp_w * intensities.race_factor(race, seconds) / 5) * 5
        return target | {"power_w": [watts, watts], "text": f"about {watts} W, {word} {clock(seconds)}"}
    return target | {"text": f"{intensities.zones[key].words}, {word} {clock(seconds)}"}


def _note(key: str) -> str:
    if key in ("5k", "10k", "40km_tt"):
        start = "Warm up 15 to 20 minutes with a few quick accelerations. "
        return start + "Start no faster than the target; empty the tank in the last fifth."
    return "Start a little slower than the target, settle into it, drink and eat from the first half hour."
