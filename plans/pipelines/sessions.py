"""From a slot of a week to a session that can be handed out: steps with dosage and target, load from the steps
themselves."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

from plans.pipelines.contract import Kind, Phase, PlannedSession
from plans.pipelines.intensity import LEVELS, Intensities
from plans.pipelines.race_session import race_work
from plans.pipelines.steps import fill_steps, hard_minutes, set_steps, steps_km, steps_load, steps_minutes, summary
from plans.pipelines.workouts_cycling import cycling_ladder
from plans.pipelines.workouts_cycling import sharpening as cycling_sharpening
from plans.pipelines.workouts_running import Ladder, MainSet, running_ladder
from plans.pipelines.workouts_running import sharpening as running_sharpening

SESSION_NAMESPACE: Final = uuid5(NAMESPACE_URL, "mesocycle:planned-session")
ROUND_MINUTES: Final = 5
MAIN_KINDS: Final = frozenset({"tempo", "interval", "repetition"})
MIN_FILL: Final[dict[str, dict[str, float]]] = {
    "running": {"tempo": 15, "interval": 15, "repetition": 15, "long": 25, "easy": 15},
    "cycling": {"tempo": 20, "interval": 20, "repetition": 20, "long": 45, "easy": 20},
}
"""Least minutes of easy training around a main set: warm-up and cool-down, or the long session that it is part of."""
MAX_HARD_SHARE: Final = {"tempo": 0.50, "interval": 0.40, "repetition": 0.30, "long": 0.45, "easy": 0.10}
SHORTEST: Final[dict[str, dict[str, int]]] = {"running": {"easy": 20, "long": 35}, "cycling": {"easy": 30, "long": 50}}
"""Smallest sensible session, minutes. Below it a session is only built when a ceiling asks for it."""
LONGEST_MINUTES: Final = 12 * 60
MAX_REP_MINUTES: Final = 5.2
PHASE_STEPS: Final = {"base": 0.0, "build": 1.0, "peak": 3.0, "taper": 1.5, "race": 0.0, "recovery": 0.0}
GENERIC: Final = {"tempo": "threshold", "interval": "vo2", "repetition": "speed"}
GENERIC_CYCLING: Final = {"tempo": "threshold", "interval": "vo2", "repetition": "vo2"}
"""The focus of a kind whose smallest set always fits: for weeks too small for the focus that was asked for."""
GROUND: Final = {"running": "jog", "cycling": "spin"}


@dataclass(frozen=True)
class SessionSpec:
    """What a session is to be. Loads in TSS, times in minutes; `max_*` are never exceeded; `goal_seconds` is for the
    race."""

    day: date
    slot: int
    kind: Kind
    focus: str
    target_load: float
    phase: Phase
    week_in_phase: int
    race: str
    level: str
    sport: str
    seed: int
    max_load: float | None = None
    max_minutes: float | None = None
    key_session: bool = False
    goal_seconds: float | None = None

    @property
    def most(self) -> float:
        return math.inf if self.max_load is None else self.max_load + 1e-9

    @property
    def most_minutes(self) -> int:
        limit = LONGEST_MINUTES if self.max_minutes is None else min(self.max_minutes, LONGEST_MINUTES)
        return int(limit // ROUND_MINUTES * ROUND_MINUTES)


def session_id(seed: int, athlete_id: str, day: date, slot: int) -> UUID:
    """Return the id of a session: the same for the same seed, athlete, day and slot."""
    return uuid5(SESSION_NAMESPACE, f"{seed}:{athlete_id}:{day.isoformat()}:{slot}")


def build_session(spec: SessionSpec, intensities: Intensities) -> PlannedSession:
    """Return the session nearest to the target load that lasts a multiple of 5 minutes and keeps its ceilings.

    A hard session that does not fit becomes an easy one, a session that cannot even be 5 easy minutes becomes rest
    (load 0); look at the result's `kind`.
    """
    if spec.kind == "race":
        work = race_work(spec.race, intensities, spec.goal_seconds)
        return _session(spec, intensities, work, float(work.pop("load")))
    if spec.kind == "rest":
        return _rest(spec, intensities)
    if spec.kind == "strength":
        return _strength(spec, intensities)
    for main in _candidates(spec, intensities):
        built = _fitted(spec, intensities, main)
        if built is not None:
            return built
    generic = GENERIC.get(spec.kind, "") if spec.sport == "running" else GENERIC_CYCLING.get(spec.kind, "")
    if spec.kind in MAIN_KINDS and spec.focus != generic:
        return build_session(replace(spec, focus=generic), intensities)
    if spec.kind in MAIN_KINDS:
        return build_session(replace(spec, kind="easy", focus="easy", key_session=False), intensities)
    return _fitted(spec, intensities, None) or _rest(spec, intensities)


def min_load(kind: str, intensities: Intensities) -> float:
    """Return the load, TSS, of the smallest sensible session of a kind."""
    sport = intensities.sport
    if kind in ("easy", "long"):
        return SHORTEST[sport][kind] / 60 * intensities.zone_load(kind)
    focus = (GENERIC if sport == "running" else GENERIC_CYCLING).get(kind)
    ladder = _ladder(focus, "", sport) if focus else None
    if ladder is None:
        return 0.0
    return min(_least(set_steps(main, intensities), kind, intensities) for main in ladder.steps[0])


def _least(core: list[dict[str, Any]], kind: str, intensities: Intensities) -> float:
    """Return the load, TSS, of a main set with as little around it as the kind allows."""
    minutes = steps_minutes(core, intensities)
    fill = _ceil(minutes + MIN_FILL[intensities.sport][kind]) - minutes
    return steps_load(core, intensities) + fill / 60 * intensities.zone_load("easy")


def ladder_for(spec: SessionSpec) -> Ladder | None:
    """Return the main sets that a session may hold, from small to large; None for steady ones."""
    if spec.focus == "sharpen":
        return running_sharpening(spec.race) if spec.sport == "running" else cycling_sharpening(spec.race)
    focus = "long_race_pace" if spec.kind == "long" and spec.focus == "race_pace" else spec.focus
    if focus in ("speed", "hills") and spec.sport == "cycling":
        focus = "vo2"
    return _ladder(focus, spec.race, spec.sport)


def _ladder(focus: str, race: str, sport: str) -> Ladder | None:
    return running_ladder(focus, race) if sport == "running" else cycling_ladder(focus, race)


def _candidates(spec: SessionSpec, intensities: Intensities) -> list[MainSet]:
    """Return main sets to try, the one that is due first, then ever smaller ones."""
    ladder = ladder_for(spec)
    if ladder is None:
        return []
    due = _due_step(spec, len(ladder.steps))
    found: list[MainSet] = []
    for step in range(due, -1, -1):
        variants = ladder.steps[step]
        turn = (spec.seed + spec.week_in_phase + step) % len(variants)
        ordered = variants[turn:] + variants[:turn]
        short = [m for m in ordered if _rep_minutes(m, intensities) <= MAX_REP_MINUTES]
        found.extend(short or ordered if spec.kind == "interval" else ordered)
    return found


def _due_step(spec: SessionSpec, n_steps: int) -> int:
    """Return which step of the ladder is due: further with level, phase and week; the taper halves the work, not the
    pace."""
    level = LEVELS.index(spec.level)
    if spec.focus in ("light", "sharpen", "strides"):
        return min(level, n_steps - 1)
    scale = max(n_steps - 1, 1) / 8
    due = (level * 1.2 + PHASE_STEPS[spec.phase] + 0.8 * (spec.week_in_phase - 1)) * scale
    if spec.phase == "taper":
        due = min(due, 0.5 * (n_steps - 1))
    return min(int(due + 0.5), n_steps - 1)


def _rep_minutes(main: MainSet, intensities: Intensities) -> float:
    if main.work.minutes:
        return main.work.minutes
    return main.work.metres / intensities.assumed_speed(main.work.zone) / 60


def _ceil(minutes: float) -> int:
    return math.ceil(minutes / ROUND_MINUTES - 1e-9) * ROUND_MINUTES


def _fitted(spec: SessionSpec, intensities: Intensities, main: MainSet | None) -> PlannedSession | None:
    """Return the session around a main set with the right total, None if it cannot be done within target and
    ceilings."""
    core = set_steps(main, intensities) if main else []
    minutes, load = steps_minutes(core, intensities), steps_load(core, intensities)
    rate = intensities.zone_load("long" if spec.kind == "long" else "easy") / 60
    least = _ceil(minutes + MIN_FILL[spec.sport][spec.kind]) if main else ROUND_MINUTES
    wanted = minutes + (spec.target_load - load) / rate
    total = max(round(wanted / ROUND_MINUTES) * ROUND_MINUTES, least)
    if main and total - wanted > ROUND_MINUTES / 2 + 0.5:
        return None
    total = min(total, spec.most_minutes)
    hard = hard_minutes(core, intensities) if main and spec.focus != "strides" else 0.0
    while total >= least and hard <= MAX_HARD_SHARE[spec.kind] * total:
        steps = fill_steps(spec.kind, spec.focus, core, total - minutes, intensities)
        done = round(steps_load(steps, intensities), 1)
        if done <= spec.most:
            return _session(spec, intensities, _work(spec, main, steps, total, intensities), done)
        total -= ROUND_MINUTES
    return None


def _work(
    spec: SessionSpec, main: MainSet | None, steps: list[dict[str, Any]], total: int, intensities: Intensities
) -> dict[str, Any]:
    ladder = ladder_for(spec)
    hard = 0.0 if spec.focus == "strides" else hard_minutes(steps, intensities)
    work: dict[str, Any] = {
        "steps": steps,
        "duration_min": total,
        "hard_min": round(hard, 1),
        "focus": spec.focus,
        "purpose": ladder.purpose if ladder and main else PURPOSES.get(spec.focus, PURPOSES[spec.kind]),
        "summary": summary(steps, GROUND[spec.sport]),
    }
    if spec.sport == "running":
        work["distance_km"] = round(steps_km(steps, intensities), 1)
    return work | {"title": _title(spec, main, work)}


PURPOSES: Final[dict[str, str]] = {
    "easy": "Easy endurance: most of the training, and recovery between the hard days.",
    "recovery": "Recovery: as slow as you like; leave it out if you are tired.",
    "long": "Endurance: fat metabolism, muscles and mind for long efforts.",
    "strides": "Easy endurance, as relaxed as you can.",
}


def _title(spec: SessionSpec, main: MainSet | None, work: dict[str, Any]) -> str:
    if spec.kind in MAIN_KINDS and main is not None:
        return main.title
    name = "Long" if spec.kind == "long" else "Easy"
    if spec.sport == "running":
        return f"{name} {max(round(work['distance_km']), 1)} km"
    return f"{name} {work['duration_min'] // 60}:{work['duration_min'] % 60:02d}"


def _session(spec: SessionSpec, intensities: Intensities, work: dict[str, Any], load: float) -> PlannedSession:
    title = str(work.pop("title"))
    return PlannedSession(
        session_id=str(session_id(spec.seed, intensities.athlete_id, spec.day, spec.slot)),
        day=spec.day,
        modality="strength" if spec.kind == "strength" else spec.sport,
        kind=spec.kind,
        title=title,
        prescribed_work=work,
        load=round(load, 1),
        key_session=spec.key_session,
    )


def _rest(spec: SessionSpec, intensities: Intensities) -> PlannedSession:
    work = {
        "steps": [], "duration_min": 0, "hard_min": 0.0, "focus": "rest", "title": "Rest", "summary": "Rest.",
        "purpose": "Rest: this is when the body adapts.",
    }  # fmt: skip
    return _session(replace(spec, kind="rest", key_session=False), intensities, work, 0.0)


STRENGTH: Final = (
    ("squat or step-up", 3, 8),
    ("calf raise on one leg", 3, 12),
    ("hip hinge or deadlift", 3, 8),
    ("plank, front and sides", 3, 1),
)
STRENGTH_LOAD_PER_HOUR: Final = 30.0


def _strength(spec: SessionSpec, intensities: Intensities) -> PlannedSession:
    """Return a general strength session: heavy enough that two more repetitions would be possible."""
    limit = min(spec.most / STRENGTH_LOAD_PER_HOUR * 60, float(spec.most_minutes), 40.0)
    total = int(min(limit, max(spec.target_load / STRENGTH_LOAD_PER_HOUR * 60, 20.0)) // ROUND_MINUTES * ROUND_MINUTES)
    if total < ROUND_MINUTES:
        return _rest(spec, intensities)
    target = {"zone": "strength", "text": "two repetitions in reserve", "rpe": [6, 7]}
    note = "; ".join(f"{name} {sets}×{reps}" if reps > 1 else f"{name} {sets}×45 s" for name, sets, reps in STRENGTH)
    work = {
        "steps": [{"type": "work", "duration_min": total, "target": target, "note": note}], "duration_min": total,
        "hard_min": 0.0, "focus": "strength", "title": "Strength", "summary": note,
        "purpose": "Strength for economy and against injuries.",
    }  # fmt: skip
    return _session(spec, intensities, work, total / 60 * STRENGTH_LOAD_PER_HOUR)
