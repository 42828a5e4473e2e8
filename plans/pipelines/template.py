"""The legacy pipeline: a static plan by distance, level and number of weeks. It needs no history and never fails.

Only the volume is static: start and growth come from tables. The calendar, week shapes and sessions are those of the
other pipelines, so that a coach reads every plan the same way.
"""

from __future__ import annotations

import math
from typing import Final

from modeling.core.guards import LIMITS, MAX_GROWTH, StartState
from plans.pipelines.contract import AthleteSnapshot, PlannedWeek, ProposedPlan, RaceGoal
from plans.pipelines.frames import WeekFrame, frames
from plans.pipelines.intensity import Intensities
from plans.pipelines.placement import Placed, place_weeks
from plans.pipelines.realise import Builder
from plans.pipelines.start import history, start_state

TEMPLATE_VERSION: Final = "1"
START_FACTOR: Final[dict[str, float]] = {
    "5k": 0.90, "10k": 0.95, "half_marathon": 1.0, "marathon": 1.05, "40km_tt": 1.0, "gran_fondo": 1.05,
}  # fmt: skip
"""First week as a multiple of the level's start week (beginner 130, intermediate 230, advanced 360, elite 520 TSS)."""
PEAK_FACTOR: Final[dict[str, float]] = {
    "5k": 1.5, "10k": 1.6, "half_marathon": 1.75, "marathon": 2.0, "40km_tt": 1.6, "gran_fondo": 2.0,
}  # fmt: skip
"""Largest week as a multiple of the first, if there are weeks enough to get there."""
LEVEL_PEAK: Final[dict[str, float]] = {"beginner": 1.0, "intermediate": 0.95, "advanced": 0.85, "elite": 0.8}
"""Who already trains much has less room to grow."""
GROWTH: Final[dict[str, float]] = {"beginner": 1.07, "intermediate": 1.07, "advanced": 1.06, "elite": 1.05}
"""Growth from one loading week to the next at most; the guard lies at 1.10."""
RECOVERY_SHARE: Final = 0.68
TAPER_SHARES: Final[dict[int, tuple[float, ...]]] = {
    1: (0.48,),
    2: (0.58, 0.44),
    3: (0.60, 0.50, 0.38),
    4: (0.6, 0.55, 0.45, 0.38),
}
"""Taper weeks as shares of the mean of the last three loading weeks: -41 to -60 % over the whole (Bosquet 2007)."""
HISTORY_BOUNDS: Final = (0.90, 1.08)
"""The first week lies within these multiples of what the athlete did of late."""
MOST_START: Final = 1.6
"""Even an athlete far above their level does not start above this multiple of the template's own start."""
SHORT_CYCLES_FROM_AGE: Final = 50


def generate_template(athlete: AthleteSnapshot, goal: RaceGoal, *, seed: int) -> ProposedPlan:
    """Return the template plan: starts today, ends with the weeks of recovery after the race; the same for the same
    input.

    An athlete with history starts from it, within bounds, and grows at the template's rate; predicts nothing.
    """
    state = start_state(athlete)
    short = athlete.level == "beginner" or (athlete.age or 0) >= SHORT_CYCLES_FROM_AGE
    calendar = frames(athlete.today, goal.race_date, goal.race, short_cycles=short)
    intensities = Intensities.for_athlete(athlete)
    placed = place_weeks(calendar, athlete, goal, state, intensities)
    targets = weekly_targets(calendar, athlete, goal, state)
    builder = Builder(athlete, goal, state, intensities, seed)
    weeks = _build(builder, calendar, placed, targets)
    return ProposedPlan(
        pipeline="template",
        start=athlete.today,
        weeks=weeks,
        predicted=None,
        warnings=_warnings(athlete, weeks, goal),
        provenance={
            "pipeline": "template",
            "algorithm_version": TEMPLATE_VERSION,
            "model_version": None,
            "parameters": {"start_week": round(start_week(athlete, goal, state), 1), "growth": GROWTH[athlete.level]},
            "grade": "template",
            "data_hash": athlete.data_hash,
            "seed": seed,
        },
    )


template = generate_template


def start_week(athlete: AthleteSnapshot, goal: RaceGoal, state: StartState) -> float:
    """Return the load of the first full week, TSS: the table's, held near the athlete's own last weeks where they are
    known."""
    table = LIMITS[athlete.level].start_week * START_FACTOR[goal.race]
    if history(athlete) is None:
        return table
    low, high = (share * state.reference_week for share in HISTORY_BOUNDS)
    return min(max(table, low), high, MOST_START * table)


def weekly_targets(
    calendar: list[WeekFrame], athlete: AthleteSnapshot, goal: RaceGoal, state: StartState
) -> list[float]:
    """Return each week's training load without the race, TSS; weeks after the race are left to the calendar's own
    shares."""
    first = start_week(athlete, goal, state)
    n_loading = sum(_is_loading(f) for f in calendar)
    peak = first * max(PEAK_FACTOR[goal.race] * LEVEL_PEAK[athlete.level], 1.0)
    growth = min(GROWTH[athlete.level], MAX_GROWTH, (peak / first) ** (1 / max(n_loading - 1, 1)))
    tapers = [f.number for f in calendar if f.phase in ("taper", "race")]
    shares = TAPER_SHARES[min(len(tapers), 4)] if tapers else ()
    targets: list[float] = []
    loading: list[float] = []
    for frame in calendar:
        last = loading[-1] if loading else first
        if frame.phase == "recovery":
            target = math.inf
        elif frame.phase in ("taper", "race"):
            usual = sum(loading[-3:]) / len(loading[-3:]) if loading else first
            target = usual * shares[min(tapers.index(frame.number), 3)] * frame.before_race / 7
        elif frame.is_recovery:
            target = RECOVERY_SHARE * last
        elif frame.days < 7:
            target = first * frame.days / 7
        else:
            target = last * growth if loading else first
            loading.append(target)
        targets.append(target)
    return targets


def _build(
    builder: Builder, calendar: list[WeekFrame], placed: list[tuple[Placed, ...]], targets: list[float]
) -> tuple[PlannedWeek, ...]:
    """Build the weeks; the taper follows what the weeks before it became, since few days may hold less than the table
    says."""
    weeks: list[PlannedWeek] = []
    wanted: list[float] = []
    for frame, slots, planned in zip(calendar, placed, targets, strict=True):
        target = planned
        if frame.phase in ("taper", "race") and wanted:
            target *= sum(builder.loading[-3:]) / sum(wanted[-3:])
        weeks.append(builder.week(frame, slots, target))
        if len(builder.loading) > len(wanted):
            wanted.append(planned)
    return tuple(weeks)


def _is_loading(frame: WeekFrame) -> bool:
    return frame.days == 7 and not frame.is_recovery and frame.phase in ("base", "build", "peak")


def _warnings(athlete: AthleteSnapshot, weeks: tuple[PlannedWeek, ...], goal: RaceGoal) -> tuple[str, ...]:
    found = ["This is a template plan by distance, level and weeks; it does not come from a model of this athlete."]
    if history(athlete) is None:
        found.append(f"No training history is known: volumes are those usual for the level {athlete.level}.")
    needed = {"marathon": 12, "gran_fondo": 10, "half_marathon": 8}.get(goal.race, 5)
    before = sum(1 for week in weeks if week.phase != "recovery")
    if before < needed:
        found.append(f"{before} weeks are few for this distance ({needed} and more are usual): aim to finish.")
    if len(goal.available_days) < 3:
        found.append("With fewer than 3 days a week little can grow; one more day would help most.")
    return tuple(found)
