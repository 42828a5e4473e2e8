"""Which session lies on which day of a week: the microcycle's slots, cut to the plan, the race and what the
athlete may hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from modeling.core import guards as g
from modeling.core.guards import StartState
from modeling.core.performance import RACES
from plans.pipelines.contract import AthleteSnapshot, RaceGoal
from plans.pipelines.frames import REST_AFTER_RACE, WeekFrame
from plans.pipelines.intensity import Intensities
from plans.pipelines.learned import KeyDayChooser
from plans.pipelines.microcycle import KeyDays, week_shape
from plans.pipelines.sessions import min_load

LONG_MINUTES: Final[dict[str, tuple[int, int, int, int]]] = {
    "5k": (75, 90, 105, 120),
    "10k": (90, 105, 120, 135),
    "half_marathon": (120, 130, 140, 150),
    "marathon": (180, 180, 180, 170),
    "40km_tt": (150, 180, 210, 240),
    "gran_fondo": (240, 300, 330, 360),
}
"""Longest session, minutes, by race and level (beginner to elite): Daniels ends long runs at 150 to 180 minutes."""
OTHER_MINUTES: Final[dict[str, tuple[int, int, int, int]]] = {
    "running": (70, 80, 95, 120),
    "cycling": (90, 120, 150, 180),
}
AFTER_RACE_MINUTES: Final[dict[str, tuple[int, ...]]] = {
    "5k": (60,),
    "10k": (60,),
    "half_marathon": (50, 65),
    "marathon": (40, 55, 70),
    "40km_tt": (90,),
    "gran_fondo": (75, 105),
}
"""Longest session in each week after the race."""
LIGHT_LONG, LAST_LONG = 0.75, 0.55
"""Part of the longest session that recovery weeks and the taper keep, and that the last week before the race keeps."""
LEVELS: Final = ("beginner", "intermediate", "advanced", "elite")
GROWTH_ESTIMATE: Final = 1.08
NO_LONG_BEFORE_RACE: Final = 7
SHARE_MARGIN: Final = 0.96
MOST_IN_RACE_WEEK: Final = 5


@dataclass(frozen=True)
class Placed:
    """A slot of one week: `offset` days after the week's first day in the plan, `share` of the week's load,
    `cap` TSS."""

    offset: int
    kind: str
    focus: str
    share: float
    key_session: bool
    cap: float
    minutes: float


def place_weeks(
    frames: list[WeekFrame], athlete: AthleteSnapshot, goal: RaceGoal, state: StartState, intensities: Intensities
) -> list[tuple[Placed, ...]]:
    """Return the slots of every week, shares summing to 1, each share fit for the load the week can be expected to
    hold.

    The ceilings of the session growth guard are not convex, so they are worked out here from the fastest allowed
    build-up and the shares flattened to them; realised sessions are checked again.

    Where the model version knows what athletes complete, key sessions lie on the days on which they most likely are.
    """
    model = athlete.algorithm.adherence
    chooser = KeyDayChooser(model, athlete, goal, intensities) if model is not None else None
    race_day, level = (goal.race_date - athlete.today).days, used_to(athlete, state)
    placed, loading, last_hard = [], 0, -7
    for frame in frames:
        expected, ceiling = _expected(frame, state, loading)
        cut = partial(_cut, frame, athlete, goal, intensities, race_day, last_hard, level)
        slots = cut() if chooser is None else _most_completed(chooser.ranked(frame, expected), cut)
        slots = list(fitted(slots, expected, ceiling, intensities))
        placed.append(tuple(slots))
        last_hard = max([frame.first + s.offset for s in slots if s.kind in g.HARD_KINDS], default=last_hard)
        loading += frame.days == 7 and not frame.is_recovery and frame.phase in ("base", "build", "peak")
    return placed


def _most_completed(ranked: Sequence[KeyDays], cut: Callable[..., list[Placed]]) -> list[Placed]:
    """Return the slots of the best days with the key sessions of the usual ones, no fewer and no more.

    The race, or the week before, makes some of them easy; on other days they would come back, too near to the race.
    """
    usual = cut()
    kinds = _key_kinds(usual)
    for days in ranked[:-1]:
        slots = cut(days)
        if len(slots) == len(usual) and _key_kinds(slots) == kinds:
            return slots
    return usual


def _key_kinds(slots: Sequence[Placed]) -> list[str]:
    return sorted(slot.kind for slot in slots if slot.key_session)


def fitted(slots: Sequence[Placed], load: float, ceiling: float, intensities: Intensities) -> tuple[Placed, ...]:
    """Return the slots fit for a week of `load` TSS with no session above `ceiling`: none too small, none too large."""
    fewer = _fewer(list(slots), load, intensities)
    most = SHARE_MARGIN * g.long_share_limit(len(fewer))
    level = _flatten([replace(s, cap=most) for s in fewer], 1.0) if len(fewer) > 1 else fewer
    caps = [replace(s, share=flat.share, cap=min(s.cap, ceiling)) for s, flat in zip(fewer, level, strict=True)]
    return tuple(_flatten(caps, load))


def _expected(frame: WeekFrame, state: StartState, loading: int) -> tuple[float, float]:
    """Return the load the week may reach by the fastest build-up, TSS, and the ceiling of one session in it."""
    grown = GROWTH_ESTIMATE ** (loading + 1)
    week = min(state.reference_week * grown, max(7.5 * state.ctl_ceiling, state.reference_week))
    ceiling = g.session_ceiling(state.longest_session) * GROWTH_ESTIMATE**loading
    if frame.phase == "recovery":
        week *= 0.5
    elif frame.is_recovery:
        week *= 0.7
    elif frame.phase in ("taper", "race"):
        week *= 0.5
    return week * frame.days / 7, ceiling


def _cut(
    frame: WeekFrame,
    athlete: AthleteSnapshot,
    goal: RaceGoal,
    intensities: Intensities,
    race_day: int,
    last_hard: int,
    level: int,
    days: KeyDays | None = None,
) -> list[Placed]:
    """Return the microcycle's slots that lie in the plan, none on race day nor in the days of rest after it."""
    shape = week_shape(
        athlete.sport,
        goal.race,
        frame.phase,
        athlete.level,
        goal.available_days,
        is_recovery=frame.is_recovery,
        days=days,
    )
    found = []
    for slot in sorted(shape.slots, key=lambda s: s.weekday):
        offset = slot.weekday - (7 - frame.days) if frame.number == 1 else slot.weekday
        day = frame.first + offset
        if offset < 0 or _is_free(frame, day, race_day, goal.race):
            continue
        kind, focus, key = slot.kind, slot.focus, slot.key_session
        too_near = 0 < race_day - day < 2 or day - last_hard < 2
        if kind in g.HARD_KINDS and too_near or kind == "long" and 0 < race_day - day <= NO_LONG_BEFORE_RACE:
            kind, focus, key = "easy", "easy", False
        if kind in ("strength", "rest") or slot.share <= 0:
            continue
        share = slot.share * (0.6 if race_day - day == 1 else 1.0)
        if kind in g.HARD_KINDS:
            last_hard = day
        if kind == "long" and focus == "race_pace" and not _race_pace_due(frame):
            focus = "easy"
        minutes = _most_minutes(kind, frame, goal, level)
        if slot.kind == "long" and kind == "easy":
            minutes = min(minutes, LAST_LONG * LONG_MINUTES[goal.race][level])
        cap = min(athlete_cap(athlete), minutes / 60 * intensities.load_per_hour(kind))
        found.append(Placed(offset, kind, focus, share, key, cap, minutes))
    if frame.phase == "race" and len(found) > MOST_IN_RACE_WEEK:
        found.remove(min(found, key=lambda s: abs(race_day - 2 - frame.first - s.offset)))
    return _normalised(found)


def _is_free(frame: WeekFrame, day: int, race_day: int, race: str) -> bool:
    """Tell whether a day holds no training: the race's own, the rest after it, and what is left of the race's week."""
    return race_day <= day <= race_day + REST_AFTER_RACE[race] or (frame.phase == "race" and day > race_day)


def _race_pace_due(frame: WeekFrame) -> bool:
    """Tell whether the long session holds race pace: every second loading week, the first and third of the peak."""
    return frame.week_in_phase % 2 == (1 if frame.phase == "peak" else 0)


def _most_minutes(kind: str, frame: WeekFrame, goal: RaceGoal, level: int) -> float:
    """Return the longest a session may last, minutes: less in recovery weeks and taper, short after the race."""
    if frame.phase == "recovery":
        most = AFTER_RACE_MINUTES[goal.race]
        return most[min(frame.week_in_phase, len(most)) - 1]
    if kind != "long":
        return OTHER_MINUTES[RACES[goal.race].sport][level]
    lighter = frame.is_recovery or frame.phase in ("taper", "race")
    return LONG_MINUTES[goal.race][level] * (LIGHT_LONG if lighter else 1.0)


def used_to(athlete: AthleteSnapshot, state: StartState) -> int:
    """Return the level (index) whose sessions the athlete can hold: their own, or the one that their weeks show."""
    shown = [k for k, name in enumerate(LEVELS) if g.LIMITS[name].start_week <= 0.9 * state.reference_week]
    return max([LEVELS.index(athlete.level), *shown])


def athlete_cap(athlete: AthleteSnapshot) -> float:
    """Return the daily cap of the athlete's level, TSS."""
    return g.LIMITS[athlete.level].daily_cap


def _normalised(slots: list[Placed]) -> list[Placed]:
    total = sum(s.share for s in slots)
    return [replace(s, share=s.share / total) for s in slots] if total > 0 else []


def _fewer(slots: list[Placed], expected: float, intensities: Intensities) -> list[Placed]:
    """Drop or soften slots until each can be a sensible session: first hard and long ones become easy, then the
    smallest goes."""
    while len(slots) > 1:
        small = [s for s in slots if s.share * expected < min_load(s.kind, intensities)]
        if not small:
            break
        hard = next((s for s in small if s.kind != "easy"), None)
        if hard is not None:
            slots = [replace(s, kind="easy", focus="easy", key_session=False) if s is hard else s for s in slots]
            continue
        least = min(small, key=lambda s: s.share)
        slots = _normalised([s for s in slots if s is not least])
    return slots


def _flatten(slots: list[Placed], expected: float) -> list[Placed]:
    """Move load from slots above their cap to the others, so that the week can hold what it is expected to."""
    fixed: set[int] = set()
    for _ in slots:
        over = [k for k, s in enumerate(slots) if k not in fixed and s.share * expected > s.cap]
        if not over:
            break
        fixed.update(over)
        held = {k: min(slots[k].cap / expected, 1.0) for k in fixed}
        free = sum(s.share for k, s in enumerate(slots) if k not in fixed)
        left = 1.0 - sum(held.values())
        if free <= 0 or left <= 0:
            total = sum(s.cap for s in slots)
            return [replace(s, share=s.cap / total) for s in slots]
        slots = [replace(s, share=held[k] if k in fixed else s.share / free * left) for k, s in enumerate(slots)]
    return slots
