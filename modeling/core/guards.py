"""The guards of a training plan: each written down once, as data, with one pure check on realised loads.

A plan may break a guard only if it says so. The table `GUARDS` gives name, unit, what is measured, the window, what
holds without history, and the order of relaxing: 0 never gives way, 1 gives way first. Sources: growth and taper
Bosquet et al. 2007; single sessions Frandsen et al. 2025; CTL ramp Friel; PMC Coggan. A race is what the plan is
for: its load is exempt from every limit on volume, and the days after it are checked for rest, spacing, session
growth and daily cap alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

GUARDS_VERSION: Final = "1"
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Guard:
    """One rule; `measured` is "daily load" or "realised session", `order` its place in the order of relaxing."""

    name: str
    unit: str
    measured: str
    window: str
    rule: str
    without_history: str
    order: int


_SAME = "the same"
_ROWS: Final = (
    (
        "available_days",
        "days",
        "realised session",
        "day",
        "sessions on the athlete's days only; race day exempt",
        _SAME,
        0,
    ),
    ("rest_day", "days", "realised session", "full week", "at least one day without a session", _SAME, 0),
    ("hard_spacing", "hours", "realised session", "48 h", "two hard days lie at least 48 h apart", _SAME, 0),
    ("daily_cap", "TSS", "daily load", "day", "load of a day <= cap of the level, race exempt", _SAME, 0),
    (
        "session_growth",
        "TSS",
        "realised session",
        "30 days",
        "a session <= 110 % of the longest (by load) of the last "
        "30 days, or 5 TSS (5 minutes) more; one of 25 TSS is always allowed; race exempt",
        "30 % of the start week of the level",
        0,
    ),
    (
        "growth",
        "TSS",
        "daily load",
        "week",
        "week <= 110 % of the last week that was not a recovery week; part weeks by their days; not after the race",
        "start week of the level; after a gap half the last year's median week",
        0,
    ),
    (
        "recovery_week",
        "weeks",
        "daily load",
        "4 weeks",
        "at most 3 loading weeks in a row; a recovery week <= 75 % of the last loading week",
        "counted from the first full week",
        0,
    ),
    (
        "week_target",
        "TSS",
        "daily load",
        "week",
        "realised load within 5 % of the week's target (3 TSS in small weeks)",
        _SAME,
        1,
    ),
    ("race_form", "TSB", "daily load", "race morning", "form between +5 and +25", "CTL = ATL = start week / 7", 2),
    (
        "long_share",
        "share",
        "realised session",
        "full week",
        "the longest session <= 35 % of the week's load (with 3 sessions "
        "40 %, with 2 60 %, with 1 free); not in the taper",
        _SAME,
        3,
    ),
    (
        "easy_share",
        "share",
        "realised session",
        "full weeks before the taper together",
        "at least 70 % of the time easy, aimed at 80 %",
        _SAME,
        4,
    ),
    (
        "taper_volume",
        "share",
        "daily load",
        "taper",
        "mean daily load of the taper 40 to 59 % of the last three loading weeks",
        "against the growth guard's reference",
        5,
    ),
    ("taper_length", "days", "daily load", "before the race", "8 to 21 days, in plans of 8 days and more", _SAME, 6),
    ("form_floor", "TSB", "daily load", "every morning up to the race", "form >= -30", "CTL = ATL = start week / 7", 7),
    (
        "ctl_ceiling",
        "CTL",
        "daily load",
        "every Monday up to the race",
        "CTL <= factor of the level x best of the last year",
        "factor x the level's usual CTL",
        8,
    ),
    (
        "ctl_ramp",
        "CTL a week",
        "daily load",
        "Monday to Monday",
        "CTL grows by at most the level's 5 to 8 a week",
        "CTL starts at start week / 7",
        9,
    ),
)
GUARDS: Final[dict[str, Guard]] = {row[0]: Guard(*row) for row in _ROWS}

TOLERANCE: Final[dict[str, float]] = {"TSS": 0.11, "TSB": 0.05, "CTL": 0.05, "CTL a week": 0.05, "share": 0.005}
"""Rounding that a check forgives, by unit: sessions are shown to a tenth of a TSS."""

MAX_GROWTH: Final = 1.10
MAX_SESSION_GROWTH: Final = 1.10
ALWAYS_ALLOWED_SESSION: Final = 25.0
SMALLEST_STEP: Final = 5.0
"""Five easy minutes: sessions come in steps of 5 minutes, so a 40-minute run could otherwise never grow."""
MAX_RECOVERY_SHARE: Final = 0.75
MAX_LOADING_WEEKS: Final = 3
FORM_FLOOR: Final = -30.0
RACE_FORM: Final = (5.0, 25.0)
TAPER_VOLUME: Final = (0.40, 0.59)
TAPER_DAYS: Final = (8, 21)
MIN_EASY_SHARE: Final = 0.70
TARGET_SHARE, TARGET_TSS = 0.05, 3.0
SESSION_WINDOW: Final = 30
LONG_SHARE: Final[dict[int, float]] = {1: 1.0, 2: 0.60, 3: 0.40}
LONG_SHARE_USUAL: Final = 0.35
HARD_KINDS: Final = frozenset({"tempo", "interval", "repetition", "race"})


@dataclass(frozen=True)
class Limits:
    """What differs by level. TSS a day and a week, CTL, CTL a week."""

    daily_cap: float
    ramp: float
    ceiling_factor: float
    usual_ctl: float
    start_week: float


LIMITS: Final[dict[str, Limits]] = {
    "beginner": Limits(daily_cap=160, ramp=5, ceiling_factor=1.3, usual_ctl=38, start_week=130),
    "intermediate": Limits(daily_cap=220, ramp=6, ceiling_factor=1.3, usual_ctl=55, start_week=230),
    "advanced": Limits(daily_cap=300, ramp=7, ceiling_factor=1.25, usual_ctl=75, start_week=360),
    "elite": Limits(daily_cap=400, ramp=8, ceiling_factor=1.2, usual_ctl=100, start_week=520),
}


@dataclass(frozen=True)
class RealisedSession:
    """A session as it stands in the plan: day index from the plan's start, load in TSS, minutes in all and hard
    ones."""

    day: int
    kind: str
    load: float
    minutes: float
    hard_minutes: float


@dataclass(frozen=True)
class RealisedWeek:
    """A week of the plan: days [first, first + days); `days` < 7 in a part week."""

    number: int
    first: int
    days: int
    phase: str
    is_recovery: bool
    target_load: float


@dataclass(frozen=True)
class StartState:
    """Where the athlete stands on the plan's first morning, and the limits that follow from it."""

    ctl: float
    atl: float
    reference_week: float
    longest_session: float
    ctl_ceiling: float
    limits: Limits


@dataclass(frozen=True)
class Realised:
    """A plan as the guards see it; `loads`: (n_days,) TSS a day, `race_day`: index of the race."""

    start_weekday: int
    race_day: int
    available_days: frozenset[int]
    weeks: tuple[RealisedWeek, ...]
    sessions: tuple[RealisedSession, ...]
    state: StartState

    @property
    def n_days(self) -> int:
        return max(week.first + week.days for week in self.weeks)

    @cached_property
    def by_day(self) -> dict[int, list[RealisedSession]]:
        """Return the sessions of each day that has any, in their order: the checks look them up again and again."""
        found: dict[int, list[RealisedSession]] = {}
        for session in self.sessions:
            found.setdefault(session.day, []).append(session)
        return found

    def daily(self, *, with_race: bool = True) -> Floats:
        """Return the load of each day, (n_days,) TSS."""
        loads = np.zeros(self.n_days)
        for session in self.sessions:
            if with_race or session.kind != "race":
                loads[session.day] += session.load
        return loads


@dataclass(frozen=True)
class Breach:
    """A guard that does not hold: by how much (in the guard's unit), and where (week number or day index)."""

    guard: str
    amount: float
    week: int | None = None
    day: int | None = None

    @property
    def unit(self) -> str:
        return GUARDS[self.guard].unit


def long_share_limit(n_sessions: int) -> float:
    """Return the largest share of a week's load that its longest session may have."""
    return LONG_SHARE.get(n_sessions, LONG_SHARE_USUAL)


def target_tolerance(target: float) -> float:
    """Return how far a week may lie from its target, TSS."""
    return max(TARGET_SHARE * target, TARGET_TSS)


def session_ceiling(longest: float) -> float:
    """Return the largest load of one session after `longest`, TSS."""
    return max(MAX_SESSION_GROWTH * longest, longest + SMALLEST_STEP, ALWAYS_ALLOWED_SESSION)
