"""Steps of a session: built from a main set and easy minutes around it, and measured (minutes, load, distance, hard
minutes).

A step is `{"type": ..., "duration_min" or "distance_m": ..., "target": {...}, "note"?: ...}` with the types warmup,
work, recovery, cooldown and steady; a block is `{"type": "work", "repeat": n, "steps": [...]}`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from plans.pipelines.intensity import Intensities
from plans.pipelines.workouts_running import MainSet, Part

Step = dict[str, Any]
WARMUP: Final = {"running": (10, 20), "cycling": (15, 25)}
COOLDOWN: Final = {"running": 10, "cycling": 10}


def step_of(part: Part, type_: str, intensities: Intensities) -> Step:
    """Return the step of a part of a main set."""
    size: Step = {"distance_m": part.metres} if part.metres else {"duration_min": round(part.minutes, 2)}
    return {"type": type_} | size | {"target": intensities.target(part.zone)}


def set_steps(main: MainSet, intensities: Intensities) -> list[Step]:
    """Return the steps of a main set: one step, or one block of repetitions."""
    work = step_of(main.work, "work", intensities)
    if main.repeat == 1:
        return [work]
    inner = [work] + ([step_of(main.rest, "recovery", intensities)] if main.rest else [])
    return [{"type": "work", "repeat": main.repeat, "steps": inner}]


def fill_steps(kind: str, focus: str, core: list[Step], fill: float, intensities: Intensities) -> list[Step]:
    """Return the session's steps: `fill` minutes of easy training laid around the main set, in whole minutes."""
    minutes = max(round(fill), 1)
    if kind in ("easy", "long"):
        zone = "long" if kind == "long" else "easy"
        last = 10 if core and kind == "long" and minutes >= 30 else 0
        found = [_easy("steady", zone, minutes - last, intensities), *core]
        if last:
            found.append(_easy("cooldown", "easy", last, intensities))
        if focus == "recovery":
            found[0]["note"] = "Slower than you think; stop earlier if anything hurts."
        return found
    least, most = WARMUP[intensities.sport]
    warmup = min(max(minutes // 10 * 5, least), most, minutes)
    rest = minutes - warmup
    steady = rest - COOLDOWN[intensities.sport]
    found = [_easy("warmup", "easy", warmup, intensities), *core]
    if steady >= 10:
        found.append(_easy("steady", "easy", steady, intensities))
        rest -= steady
    if rest > 0:
        found.append(_easy("cooldown", "easy", rest, intensities))
    return found


def _easy(type_: str, zone: str, minutes: int, intensities: Intensities) -> Step:
    return {"type": type_, "duration_min": minutes, "target": intensities.target(zone)}


def _total(steps: list[Step], measure: Callable[[Step], float]) -> float:
    total = 0.0
    for step in steps:
        if "steps" in step:
            total += step["repeat"] * _total(step["steps"], measure)
        else:
            total += measure(step)
    return total


def _minutes(step: Step, intensities: Intensities) -> float:
    if "duration_min" in step:
        return float(step["duration_min"])
    return float(step["distance_m"] / intensities.assumed_speed(step["target"]["zone"]) / 60)


def steps_minutes(steps: list[Step], intensities: Intensities) -> float:
    """Return the minutes of steps; distances at the pace of their zone."""
    return _total(steps, lambda step: _minutes(step, intensities))


def steps_load(steps: list[Step], intensities: Intensities) -> float:
    """Return the load of steps, TSS: 100·IF² an hour, step by step."""
    return _total(steps, lambda s: _minutes(s, intensities) / 60 * intensities.zone_load(s["target"]["zone"]))


def steps_km(steps: list[Step], intensities: Intensities) -> float:
    """Return the distance of steps in running, km."""

    def km(step: Step) -> float:
        if "distance_m" in step:
            return float(step["distance_m"]) / 1000
        return float(step["duration_min"]) * 60 * intensities.assumed_speed(step["target"]["zone"]) / 1000

    return _total(steps, km)


def hard_minutes(steps: list[Step], intensities: Intensities) -> float:
    """Return the minutes above easy."""
    return _total(steps, lambda s: _minutes(s, intensities) if intensities.is_hard(s["target"]["zone"]) else 0.0)


def summary(steps: list[Step], ground: str) -> str:
    """Return the steps as one line: "15 min easy, 6 × 800 m at 3:52–3:58 /km (2 min jog), 12 min easy"."""
    return ", ".join(_say(step, ground) for step in steps)


def _say(step: Step, ground: str) -> str:
    if "steps" in step:
        work, *rest = step["steps"]
        recovery = f" ({_size(rest[0])} {ground})" if rest else ""
        return f"{step['repeat']} × {_size(work)} at {_short(work)}{recovery}"
    if step["type"] in ("warmup", "cooldown"):
        return f"{_size(step)} {'warm-up' if step['type'] == 'warmup' else 'cool-down'}"
    return f"{_size(step)} at {_short(step)}"


def _short(step: Step) -> str:
    return str(step["target"]["text"]).split(",")[0]


def _size(step: Step) -> str:
    if "distance_m" in step:
        metres = step["distance_m"]
        return f"{metres / 1000:g} km" if metres >= 2000 else f"{metres} m"
    minutes = step["duration_min"]
    return f"{round(minutes * 60)} s" if minutes < 2 and minutes != 1 else f"{minutes:g} min"
