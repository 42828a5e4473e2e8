"""A session in its context, as both training and planning see it: the one place where a feature is defined.

Everything in a context was known when the machine proposed the session (`decided at`); what became known later is no
part of it, whatever it is about.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

FEATURES_VERSION: Final = "1"
SPORTS: Final = ("running", "cycling")
LEVELS: Final = ("beginner", "intermediate", "advanced", "elite")
TIERS: Final = ("free", "basic", "guided", "premium", "elite")
AGE_GROUPS: Final = ("unknown", "under 23", "23–34", "35–44", "45–54", "55 and over")
SEASONS: Final = ("winter", "spring", "summer", "autumn")
KINDS: Final = ("easy", "long", "tempo", "interval", "repetition", "strength")
"""Kinds that may be adjusted; a race is not, and a rest has nothing to adjust."""
PHASES: Final = ("base", "build", "peak", "taper", "race", "recovery")
REASONS: Final = (
    "injury",
    "illness",
    "time_constraint",
    "athlete_preference",
    "fatigue",
    "travel",
    "weather",
    "equipment",
    "coach_judgement",
)
"""`plans.document.patch.REASONS`, by key; a test holds them equal."""

USUAL_MINUTES: Final = 60.0


@dataclass(frozen=True, slots=True)
class SessionContext:
    """One proposed session.

    minutes, load: as proposed (TSS). weekday: 0 (Monday) to 6. week_number: of the plan, from 1, numbered through where
    it was generated again. weeks_to_race: whole calendar weeks, 0 in the race week. age_group: on the day of the
    decision; season: of the session's own day.
    load_ratio: mean daily load of the last 7 days over that of the last 28; 1 where there is none.
    adherence_28d: share of due sessions done in the 28 days before, None where none was due.
    coach_share: share of proposed sessions that this coach changed so far, shrunk towards everybody's; None: unknown.
    reasons_before: why coaches changed sessions of the calendar week before the session's, as known at the decision.
    heuristics: names of the heuristics (`modeling.learned.heuristics`) whose condition holds here.
    variant: the experiment's arm at the decision; training keeps it for comparisons, no model sees it.
    """

    sport: str
    level: str
    tier: str
    age_group: str
    season: str
    kind: str
    phase: str
    weekday: int
    minutes: float
    load: float
    key_session: bool
    is_recovery: bool
    week_number: int
    weeks_to_race: int
    load_ratio: float = 1.0
    adherence_28d: float | None = None
    coach_share: float | None = None
    reasons_before: frozenset[str] = frozenset()
    heuristics: frozenset[str] = frozenset()
    variant: str = ""


def age_group(birth_year: int | None, on: date) -> str:
    """Return the age group on a day; five-year steps would be too few athletes each."""
    if birth_year is None:
        return AGE_GROUPS[0]
    age = on.year - birth_year
    return AGE_GROUPS[1 + sum(age >= bound for bound in (23, 35, 45, 55))]


def season(day: date) -> str:
    """Return the meteorological season of the northern hemisphere: December to February is winter."""
    return SEASONS[day.month % 12 // 3]


def feature_names(heuristics: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the names of the columns of `encode`, in their order."""
    return (
        *(f"sport {name}" for name in SPORTS),
        *(f"level {name}" for name in LEVELS),
        *(f"tier {name}" for name in TIERS),
        *(f"age {name}" for name in AGE_GROUPS),
        *(f"season {name}" for name in SEASONS),
        *(f"kind {name}" for name in KINDS),
        *(f"phase {name}" for name in PHASES),
        *(f"weekday {number}" for number in range(7)),
        *(f"after {name}" for name in REASONS),
        *(f"{kind} after {name}" for kind in KINDS for name in REASONS),
        *_NUMBERS,
        *(f"heuristic {name}" for name in heuristics),
    )


_NUMBERS: Final = (
    "minutes (log of usual)",
    "key session",
    "recovery week",
    "weeks in (log)",
    "weeks to race (log)",
    "load ratio (log)",
    "adherence",
    "adherence unknown",
    "coach's share",
    "coach unknown",
)


def encode(contexts: Iterable[SessionContext], heuristics: Sequence[str] = ()) -> Vector:
    """Return (n, len(feature_names)) of what a linear model sees; categories as 0 and 1, numbers near 0.

    A category that is not known (a new tier) leaves its columns 0.
    """
    rows = [_row(context, heuristics) for context in contexts]
    return np.array(rows, dtype=np.float64) if rows else np.zeros((0, len(feature_names(heuristics))))


def _row(of: SessionContext, heuristics: Sequence[str]) -> list[float]:
    return [
        *_one_hot(of.sport, SPORTS),
        *_one_hot(of.level, LEVELS),
        *_one_hot(of.tier, TIERS),
        *_one_hot(of.age_group, AGE_GROUPS),
        *_one_hot(of.season, SEASONS),
        *_one_hot(of.kind, KINDS),
        *_one_hot(of.phase, PHASES),
        *(float(of.weekday == number) for number in range(7)),
        *(float(name in of.reasons_before) for name in REASONS),
        *(float(of.kind == kind and name in of.reasons_before) for kind in KINDS for name in REASONS),
        math.log(max(of.minutes, 5.0) / USUAL_MINUTES),
        float(of.key_session),
        float(of.is_recovery),
        math.log1p(max(of.week_number - 1, 0)),
        math.log1p(max(of.weeks_to_race, 0)),
        math.log(min(max(of.load_ratio, 0.2), 5.0)),
        0.0 if of.adherence_28d is None else of.adherence_28d - 0.8,
        float(of.adherence_28d is None),
        0.0 if of.coach_share is None else of.coach_share,
        float(of.coach_share is None),
        *(float(name in of.heuristics) for name in heuristics),
    ]


def with_usual_coach(context: SessionContext, share: float | None) -> SessionContext:
    """Return a context whose coach is not known as one of the usual coach, who changes that share of sessions.

    In training the coach is always known, so that nothing was learned about "unknown"; a share of 0 would say that this
    coach never changes anything.
    """
    return context if context.coach_share is not None or share is None else replace(context, coach_share=share)


def _one_hot(value: str, known: Sequence[str]) -> list[float]:
    return [float(value == name) for name in known]
