"""One adjustment of one session: shorter or longer, of another kind, on another day, or a day of rest.

Sessions are built anew by the builder of all sessions, so that steps, minutes, distance and load stay one thing. What
cannot be built as it was meant is not done at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from modeling.core import guards as g
from modeling.learned.algorithm import Suggestion
from plans.pipelines.contract import AthleteSnapshot, Kind, PlannedSession, PlannedWeek, RaceGoal
from plans.pipelines.frames import REST_AFTER_RACE
from plans.pipelines.intensity import Intensities
from plans.pipelines.placement import NO_LONG_BEFORE_RACE
from plans.pipelines.sessions import GENERIC, GENERIC_CYCLING, ROUND_MINUTES, SHORTEST, SessionSpec, build_session

FACTORS: Final = (0.5, 1.5)
"""Minutes after over before, at least and at most: whoever wants more than that should look at the session."""
TRIES: Final = 5
QUALITY: Final = g.HARD_KINDS - {"race"} | {"long"}
SWAPS: Final = QUALITY | {"easy", "strength"}
"""Kinds that a session may be swapped for; a key session only for another one that can be a key session."""
REST_WORK: Final = {
    "steps": [], "duration_min": 0, "hard_min": 0.0, "focus": "rest", "summary": "Rest.",
    "purpose": "Rest: this is when the body adapts.",
}  # fmt: skip


@dataclass(frozen=True)
class Bench:
    """What adjusting one session of a week needs to know. `week_in_phase`: from 1."""

    athlete: AthleteSnapshot
    goal: RaceGoal
    intensities: Intensities
    seed: int
    week: PlannedWeek
    week_in_phase: int


def adjusted(session: PlannedSession, wish: Suggestion, bench: Bench) -> PlannedSession | None:
    """Return the session with a suggestion followed, under its own id; None where that cannot or may not be done."""
    made = _WAYS[wish.adjustment](session, wish, bench) if wish.adjustment in _WAYS else None
    return None if made is None else replace(made, session_id=session.session_id)


def minutes_of(session: PlannedSession) -> float:
    """Return a session's planned minutes."""
    return float(session.prescribed_work.get("duration_min") or 0.0)


def _volume(session: PlannedSession, wish: Suggestion, bench: Bench) -> PlannedSession | None:
    """Scale the minutes, in steps of five; a session never gets shorter than a sensible one, nor of another kind."""
    if wish.volume_factor is None:
        return None
    before = minutes_of(session)
    factor = min(max(wish.volume_factor, FACTORS[0]), FACTORS[1])
    wanted = round(before * factor / ROUND_MINUTES) * ROUND_MINUTES
    least = SHORTEST[bench.athlete.sport]["long" if session.kind == "long" else "easy"]
    if wanted == before or wanted < min(before, least):
        return None
    made = _lasting(session, float(wanted), bench)
    if made is None or made.kind != session.kind:
        return None
    is_shorter = wanted < before
    after = minutes_of(made)
    lies_between = wanted <= after < before if is_shorter else before < after <= wanted
    return made if lies_between and (made.load < session.load) == is_shorter else None


def _lasting(session: PlannedSession, wanted: float, bench: Bench) -> PlannedSession | None:
    """Return the session built to last as long as wanted, or nearly: its main set may not divide otherwise."""
    rate = bench.intensities.zone_load("long" if session.kind == "long" else "easy") / 60
    target = max(session.load + (wanted - minutes_of(session)) * rate, 1.0)
    made = None
    for _ in range(TRIES):
        made = _built(session, bench, kind=session.kind, focus=_focus(session), target=target, most_minutes=wanted)
        off = wanted - minutes_of(made)
        if off == 0:
            break
        target = max(target + off * rate, 1.0)
    return made


def _swap(session: PlannedSession, wish: Suggestion, bench: Bench) -> PlannedSession | None:
    """Put a session of another kind in its place, as long and as hard as the old one at most."""
    kind = wish.to_kind
    if kind == "rest":
        return _rest(session, wish, bench)
    if kind is None or kind not in SWAPS or kind == session.kind or (session.key_session and kind not in QUALITY):
        return None
    generic = GENERIC if bench.athlete.sport == "running" else GENERIC_CYCLING
    made = _built(
        session,
        bench,
        kind=kind,  # type: ignore[arg-type]
        focus=generic.get(kind, "strength" if kind == "strength" else "easy"),
        target=session.load,
        most_load=session.load,
        most_minutes=minutes_of(session),
    )
    return made if made.kind == kind else None


def _move(session: PlannedSession, wish: Suggestion, bench: Bench) -> PlannedSession | None:
    """Move a session to a free day of its week; the days around the race are not for it."""
    if not wish.day_shift:
        return None
    day = session.day + timedelta(days=wish.day_shift)
    week, goal = bench.week, bench.goal
    taken = {other.day for other in week.sessions if other.kind != "rest" and other.session_id != session.session_id}
    inside = max(week.monday, bench.athlete.today) <= day < week.monday + timedelta(days=7)
    if not inside or day in taken or day.weekday() not in goal.available_days:
        return None
    to_race = (goal.race_date - day).days
    was_to_race = (goal.race_date - session.day).days
    if -REST_AFTER_RACE[goal.race] <= to_race <= 0 or (to_race < 0) != (was_to_race < 0):
        return None
    if session.kind == "long" and 0 < to_race <= NO_LONG_BEFORE_RACE:
        return None
    return replace(session, day=day)


def _rest(session: PlannedSession, wish: Suggestion, bench: Bench) -> PlannedSession | None:
    """Make it a day of rest; a key session is never taken out."""
    if session.key_session:
        return None
    return replace(session, kind="rest", title="Rest", prescribed_work=dict(REST_WORK), load=0.0, key_session=False)


_WAYS: Final[dict[str, Callable[[PlannedSession, Suggestion, Bench], PlannedSession | None]]] = {
    "volume": _volume,
    "swap": _swap,
    "move": _move,
    "rest": _rest,
}


def _focus(session: PlannedSession) -> str:
    return str(session.prescribed_work.get("focus") or "easy")


def _built(
    session: PlannedSession,
    bench: Bench,
    *,
    kind: Kind,
    focus: str,
    target: float,
    most_minutes: float,
    most_load: float | None = None,
) -> PlannedSession:
    spec = SessionSpec(
        day=session.day,
        slot=0,
        kind=kind,
        focus=focus,
        target_load=target,
        phase=bench.week.phase,
        week_in_phase=bench.week_in_phase,
        race=bench.goal.race,
        level=bench.athlete.level,
        sport=bench.athlete.sport,
        seed=bench.seed,
        max_load=most_load,
        max_minutes=most_minutes,
        key_session=session.key_session,
    )
    return build_session(spec, bench.intensities)
