"""Week shapes: which kind of session lies on which weekday, and what share of the week's load it takes.

A small library rather than a search: days chosen freely by an optimiser are nonsense (0 140 140 140 140 28 0).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Final

HARD_KINDS: Final = frozenset({"tempo", "interval", "repetition", "race"})
QUALITY_DAYS: Final = (1, 3, 4, 2, 5, 0, 6)
"""Tuesday and Thursday first: between a weekend's long session and the next."""
EASY_DAYS: Final = (2, 5, 1, 4, 3, 6, 0)
"""Monday last: the day of rest after the long session."""
SESSIONS: Final[dict[str, tuple[int, int]]] = {
    "beginner": (3, 4),
    "intermediate": (4, 5),
    "advanced": (5, 6),
    "elite": (6, 6),
}
"""Sessions a week by level, in base and from build on. Six leave the day of rest that every week has."""
QUALITY: Final[dict[str, dict[str, int]]] = {
    "beginner": {"base": 0, "build": 1, "peak": 1, "taper": 1, "race": 1},
    "intermediate": {"base": 1, "build": 2, "peak": 2, "taper": 2, "race": 1},
    "advanced": {"base": 2, "build": 2, "peak": 2, "taper": 2, "race": 1},
    "elite": {"base": 2, "build": 2, "peak": 2, "taper": 2, "race": 1},
}
LONG_SHARE: Final[dict[str, float]] = {
    "5k": 0.25, "10k": 0.27, "half_marathon": 0.30, "marathon": 0.335, "40km_tt": 0.28, "gran_fondo": 0.33,
}  # fmt: skip
"""Share of the long session in a week of four sessions and more; the guard lies at 35 %."""
LONG_SHARE_FEW: Final = {1: 1.0, 2: 0.56, 3: 0.37}

Foci = tuple[tuple[str, str], tuple[str, str]]
FOCI: Final[dict[str, dict[str, Foci]]] = {
    "5k": {
        "base": (("repetition", "hills"), ("tempo", "threshold")),
        "build": (("interval", "vo2"), ("tempo", "threshold")),
        "peak": (("interval", "race_pace"), ("repetition", "speed")),
    },
    "10k": {
        "base": (("tempo", "threshold"), ("repetition", "hills")),
        "build": (("interval", "vo2"), ("tempo", "threshold")),
        "peak": (("interval", "race_pace"), ("tempo", "threshold")),
    },
    "half_marathon": {
        "base": (("tempo", "threshold"), ("repetition", "hills")),
        "build": (("interval", "vo2"), ("tempo", "threshold")),
        "peak": (("tempo", "race_pace"), ("interval", "vo2")),
    },
    "marathon": {
        "base": (("tempo", "threshold"), ("repetition", "hills")),
        "build": (("tempo", "threshold"), ("interval", "vo2")),
        "peak": (("tempo", "race_pace"), ("tempo", "threshold")),
    },
    "40km_tt": {
        "base": (("tempo", "sweetspot"), ("tempo", "tempo")),
        "build": (("tempo", "threshold"), ("interval", "vo2")),
        "peak": (("tempo", "race_pace"), ("interval", "vo2")),
    },
    "gran_fondo": {
        "base": (("tempo", "tempo"), ("tempo", "sweetspot")),
        "build": (("tempo", "sweetspot"), ("interval", "vo2")),
        "peak": (("tempo", "threshold"), ("interval", "vo2")),
    },
}
"""First and second quality session by race and phase: general strength first, the race's own demands last (Daniels;
Friel)."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A session's place: weekday 0 (Monday) to 6, kind, focus, share of the week's load, whether it is a key
    session."""

    weekday: int
    kind: str
    focus: str
    share: float
    key_session: bool = False


@dataclass(frozen=True, slots=True)
class WeekShape:
    """A week's slots in order of weekdays; the shares sum to 1."""

    slots: tuple[Slot, ...]

    @property
    def hard_days(self) -> tuple[int, ...]:
        """Return the weekdays of hard sessions."""
        return tuple(s.weekday for s in self.slots if s.kind in HARD_KINDS)


@dataclass(frozen=True, slots=True)
class KeyDays:
    """The weekdays of the long session (None: there is none) and of the hard ones, the first focus first."""

    long: int | None
    hard: tuple[int, ...]


@lru_cache(maxsize=4096)
def week_shape(
    sport: str,
    race: str,
    phase: str,
    level: str,
    available_days: frozenset[int],
    *,
    is_recovery: bool = False,
    days: KeyDays | None = None,
) -> WeekShape:
    """Return the shape of a week; works for any non-empty set of days.

    Hard days lie at least 48 h apart, also from one week to the next, and where there is room as far from the long
    session; at least one day is free; a recovery week has at most one, light quality session; the taper keeps the
    number of sessions. `days`: one of `key_day_choices`, by default the first.

    Raises:
        ValueError: no day, or a day that is not 0 to 6. KeyError: unknown race or level.
    """
    if not available_days or not available_days <= frozenset(range(7)):
        raise ValueError("available days are a non-empty set of 0 to 6")
    count = _session_count(phase, level, len(available_days))
    chosen = days or _usual_days(phase, level, available_days, is_recovery)
    long_day, hard = chosen.long, chosen.hard
    used = _spread(available_days, ([] if long_day is None else [long_day]) + list(hard), count)
    kinds: dict[int, tuple[str, str, bool]] = {day: ("easy", _easy_focus(phase, is_recovery), False) for day in used}
    if long_day is not None:
        kinds[long_day] = ("long", _long_focus(race, phase, level, is_recovery), not is_recovery)
    for day, (kind, focus) in zip(hard, _foci(race, phase, is_recovery), strict=False):
        kinds[day] = (kind, focus, not is_recovery)
    _one_stride_day(kinds, phase, is_recovery)
    shares = _shares(race, kinds, long_day)
    return WeekShape(tuple(Slot(d, *kinds[d][:2], shares[d], kinds[d][2]) for d in sorted(kinds)))


@lru_cache(maxsize=1024)
def key_day_choices(
    phase: str, level: str, available_days: frozenset[int], *, is_recovery: bool = False
) -> tuple[KeyDays, ...]:
    """Return the days that key sessions may lie on, the usual ones first.

    The others hold as many hard days, at least 48 h apart, and none lies nearer to the long session than usual.
    """
    usual = _usual_days(phase, level, available_days, is_recovery)
    if usual.long is None:
        return (usual,)
    found = [usual]
    nearest = min((gap(day, usual.long) for day in usual.hard), default=0)
    for long_day in sorted(available_days, reverse=True):
        order = [day for day in QUALITY_DAYS if day in available_days and day != long_day]
        for hard in combinations(order, len(usual.hard)):
            apart = all(gap(a, b) >= 2 for a, b in combinations(hard, 2))
            if apart and all(gap(day, long_day) >= min(nearest, 2) for day in hard):
                found.append(KeyDays(long_day, hard))
    return tuple(dict.fromkeys(found))


def _usual_days(phase: str, level: str, available: frozenset[int], is_recovery: bool) -> KeyDays:
    if phase == "recovery":
        return KeyDays(None, ())
    count = _session_count(phase, level, len(available))
    long_day = _long_day(available)
    return KeyDays(long_day, _quality_days(available, long_day, _quality_count(phase, level, count, is_recovery)))


def _session_count(phase: str, level: str, n_available: int) -> int:
    few, many = SESSIONS[level]
    usual = few if phase in ("base", "recovery") else many
    return min(usual, n_available, 6)


def _quality_count(phase: str, level: str, count: int, is_recovery: bool) -> int:
    usual = QUALITY[level][phase]
    if is_recovery:
        return min(usual, 1, max(count - 2, 0))
    return min(usual, 0 if count < 2 else 1 if count < 4 else 2)


def _long_day(available: frozenset[int]) -> int:
    return next(day for day in (6, 5, 4, 3, 2, 1, 0) if day in available)


def gap(a: int, b: int) -> int:
    """Return the days between two weekdays of repeating weeks, the shorter way round."""
    return min((a - b) % 7, (b - a) % 7)


def _quality_days(available: frozenset[int], long_day: int | None, wanted: int) -> tuple[int, ...]:
    """Return the hard days: as many as wanted and possible, then as far from the long session and each other as can
    be."""
    order = [d for d in QUALITY_DAYS if d in available and d != long_day]
    for count in range(min(wanted, len(order)), 0, -1):
        options = [o for o in combinations(order, count) if all(gap(a, b) >= 2 for a, b in combinations(o, 2))]
        apart = [o for o in options if long_day is None or all(gap(d, long_day) >= 2 for d in o)]
        if apart:
            return apart[0]
        if options and count == 1:
            return max(options, key=lambda o: gap(o[0], -1 if long_day is None else long_day))
    return ()


def _spread(available: frozenset[int], chosen: list[int], count: int) -> list[int]:
    """Return `count` days: the chosen ones, then always the day that lies farthest from all others."""
    days = list(chosen)
    order = [d for d in EASY_DAYS if d in available and d not in days]
    while len(days) < count and order:
        best = max(order, key=lambda d: (sorted(gap(d, o) for o in days), -order.index(d)))
        days.append(best)
        order.remove(best)
    return days


def _foci(race: str, phase: str, is_recovery: bool) -> tuple[tuple[str, str], ...]:
    if is_recovery or phase == "recovery":
        return (("tempo", "light"),)
    if phase == "race":
        return (("tempo" if race in ("half_marathon", "marathon", "gran_fondo") else "interval", "sharpen"),)
    return FOCI[race]["peak" if phase == "taper" else phase]


def _easy_focus(phase: str, is_recovery: bool) -> str:
    return "recovery" if phase == "recovery" or is_recovery else "easy"


def _one_stride_day(kinds: dict[int, tuple[str, str, bool]], phase: str, is_recovery: bool) -> None:
    """Give strides to the easy days before hard ones, at most two: they cost nothing and keep the legs quick."""
    if phase == "recovery" or is_recovery:
        return
    easy = [d for d in sorted(kinds) if kinds[d][0] == "easy"]
    for day in easy[1 : 3 if phase == "base" else 2] or easy[:1]:
        kinds[day] = ("easy", "strides", False)


def _long_focus(race: str, phase: str, level: str, is_recovery: bool) -> str:
    if is_recovery or phase in ("base", "taper", "race"):
        return "easy"
    if race in ("marathon", "half_marathon", "gran_fondo"):
        return "progressive" if level == "beginner" and phase == "build" else "race_pace"
    return "progressive" if phase == "peak" else "easy"


WEIGHTS: Final[dict[str, float]] = {"tempo": 1.12, "interval": 1.12, "repetition": 1.0, "easy": 1.0}


def _shares(race: str, kinds: dict[int, tuple[str, str, bool]], long_day: int | None) -> dict[int, float]:
    """Return each day's share: the long session's by race, the rest by weight, the day after the long session short."""
    n = len(kinds)
    weights = {}
    for day, (kind, _, _) in kinds.items():
        if day != long_day:
            near = kind == "easy" and long_day is not None and (day - long_day) % 7 == 1
            weights[day] = WEIGHTS[kind] * (0.75 if near else 1.0)
    total = sum(weights.values())
    if long_day is None:
        return {day: weight / total for day, weight in weights.items()}
    long_share = LONG_SHARE_FEW.get(n, LONG_SHARE[race] + (0.02 if n == 4 else 0.0))
    long_share = min(long_share, 0.345) if n >= 4 else long_share
    rest = {day: weight / total * (1 - long_share) for day, weight in weights.items()} if total else {}
    return rest | {long_day: long_share}
