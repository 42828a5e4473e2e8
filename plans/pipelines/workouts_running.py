"""Main sets for runners, each list from the smallest to the largest: a plan climbs it week by week.

Sources for sizes and recoveries: Daniels' Running Formula (threshold 10 % of the week at most, interval repetitions
of 3 to 5 minutes, full recoveries for repetitions), Pfitzinger & Douglas (marathon-pace long runs), Canova (race-pace
blocks).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Part:
    """Work or recovery in a zone, by minutes or by metres (the other is 0)."""

    zone: str
    minutes: float = 0.0
    metres: int = 0


@dataclass(frozen=True, slots=True)
class MainSet:
    """`repeat` times work, each followed by recovery; title of at most 9 characters."""

    title: str
    repeat: int
    work: Part
    rest: Part | None = None


@dataclass(frozen=True, slots=True)
class Ladder:
    """The main sets of a focus: steps from small to large, each with its variants; what the session is for."""

    steps: tuple[tuple[MainSet, ...], ...]
    purpose: str


def by_minutes(
    zone: str, repeat: int, minutes: float, rest: float, *, prefix: str = "", rest_zone: str = "recovery"
) -> MainSet:
    """Return a set of timed repetitions, or one block."""
    size = f"{minutes:g} min" if repeat == 1 else f"{repeat}×{minutes:g} min"
    title = f"{prefix}{size}" if len(prefix + size) <= 9 else size
    return MainSet(title, repeat, Part(zone, minutes), Part(rest_zone, rest) if repeat > 1 and rest else None)


def by_metres(zone: str, repeat: int, metres: int, rest: float) -> MainSet:
    """Return a set of measured repetitions with jogs of so many minutes."""
    size = f"{metres // 1000} km" if metres >= 2000 and metres % 1000 == 0 else f"{metres} m"
    title = size if repeat == 1 else f"{repeat}×{size}"
    return MainSet(title, repeat, Part(zone, 0.0, metres), Part("recovery", rest) if repeat > 1 else None)


def _threshold() -> Ladder:
    m = by_minutes
    t = "threshold"
    return Ladder(
        (
            (m(t, 2, 4, 1), m(t, 1, 8, 0)),
            (m(t, 2, 5, 1), m(t, 3, 4, 1)),
            (m(t, 3, 5, 1), m(t, 2, 8, 1.5)),
            (m(t, 3, 6, 1), m(t, 4, 5, 1)),
            (m(t, 1, 20, 0), m(t, 2, 10, 2)),
            (m(t, 3, 8, 1.5), m(t, 4, 6, 1)),
            (m(t, 3, 10, 2), m(t, 5, 6, 1)),
            (m(t, 4, 8, 1.5), m(t, 2, 16, 3)),
            (m(t, 3, 12, 2), m(t, 6, 6, 1)),
            (m(t, 2, 20, 3), m(t, 4, 10, 2)),
            (m(t, 3, 15, 2.5), m(t, 5, 9, 1.5)),
        ),
        "Raise the pace that you can hold for an hour.",
    )


def _vo2() -> Ladder:
    d, z = by_metres, "interval"
    return Ladder(
        (
            (d(z, 4, 400, 1.5), by_minutes(z, 4, 1.5, 1.5)),
            (d(z, 5, 400, 1.5), by_minutes(z, 5, 2, 1.5)),
            (d(z, 6, 400, 1.5), by_minutes(z, 6, 2, 1.5)),
            (d(z, 5, 600, 2), by_minutes(z, 4, 3, 2)),
            (d(z, 5, 800, 2), d(z, 4, 1000, 2.5), by_minutes(z, 5, 3, 2)),
            (d(z, 6, 800, 2), by_minutes(z, 6, 3, 2)),
            (d(z, 5, 1000, 2.5), by_minutes(z, 5, 3.5, 2.5)),
            (d(z, 6, 1000, 2.5), d(z, 5, 1200, 3), by_minutes(z, 5, 4, 3)),
            (d(z, 7, 1000, 2.5), d(z, 6, 1200, 3), by_minutes(z, 6, 4, 3)),
            (d(z, 8, 1000, 2.5), d(z, 7, 1200, 3)),
        ),
        "Raise maximal oxygen uptake; all repetitions at the same pace, the last as fast as the first.",
    )


def _speed() -> Ladder:
    d, z = by_metres, "repetition"
    return Ladder(
        (
            (d(z, 6, 200, 1.5),),
            (d(z, 8, 200, 1.5),),
            (d(z, 10, 200, 1.5), d(z, 6, 300, 2.5)),
            (d(z, 6, 400, 3), d(z, 8, 300, 2.5)),
            (d(z, 8, 400, 3), d(z, 12, 200, 1.5)),
            (d(z, 10, 400, 3), d(z, 16, 200, 1.5)),
        ),
        "Speed and running economy: fast, relaxed, fully recovered before each repetition.",
    )


def _hills() -> Ladder:
    def uphill(repeat: int, seconds: int, rest: float) -> MainSet:
        return MainSet(f"{repeat}×{seconds} s", repeat, Part("hill", seconds / 60), Part("recovery", rest))

    return Ladder(
        (
            (uphill(6, 30, 1.5),),
            (uphill(8, 30, 1.5), uphill(6, 45, 2)),
            (uphill(8, 45, 2), uphill(6, 60, 2)),
            (uphill(8, 60, 2), uphill(10, 45, 2)),
            (uphill(10, 60, 2), uphill(6, 90, 2.5)),
            (uphill(8, 90, 2.5), uphill(12, 60, 2)),
        ),
        "Strength for running: hills of 4 to 6 %, tall posture, jog down to recover.",
    )


def _race_pace(race: str) -> Ladder:
    d = by_metres
    steps: dict[str, tuple[tuple[MainSet, ...], ...]] = {
        "5k": (
            (d(race, 5, 400, 1),),
            (d(race, 6, 500, 1),),
            (d(race, 5, 800, 1.5),),
            (d(race, 6, 800, 1.5), d(race, 5, 1000, 2)),
            (d(race, 5, 1000, 2), d(race, 4, 1200, 2)),
            (d(race, 3, 1600, 2.5), d(race, 6, 1000, 2)),
        ),
        "10k": (
            (d(race, 4, 800, 1.5),),
            (d(race, 5, 800, 1.5),),
            (d(race, 4, 1200, 2),),
            (d(race, 5, 1200, 2), d(race, 4, 1500, 2)),
            (d(race, 5, 1500, 2), d(race, 4, 2000, 2)),
            (d(race, 3, 3000, 3), d(race, 6, 1500, 2)),
        ),
        "half_marathon": (
            (d(race, 2, 1000, 1),),
            (d(race, 2, 1500, 1.5),),
            (d(race, 3, 1500, 1.5),),
            (d(race, 3, 2000, 2),),
            (d(race, 2, 4000, 2), d(race, 4, 2000, 2)),
            (d(race, 3, 3000, 2), d(race, 2, 5000, 3)),
            (d(race, 3, 4000, 2), d(race, 4, 3000, 2)),
        ),
        "marathon": (
            (d(race, 2, 1500, 1),),
            (d(race, 3, 1500, 1), d(race, 2, 2000, 1)),
            (d(race, 3, 2000, 1),),
            (d(race, 2, 4000, 1.5),),
            (d(race, 2, 5000, 2), d(race, 3, 3000, 1.5)),
            (d(race, 1, 10000, 0), d(race, 3, 4000, 1.5)),
            (d(race, 3, 5000, 2), d(race, 1, 14000, 0)),
        ),
    }
    return Ladder(steps[race], "Learn the rhythm of the race: exactly race pace, not faster.")


def _long_race_pace(race: str) -> Ladder:
    """Long runs with race pace in their last part, by minutes, so that slow and fast runners do the same work."""
    m = by_minutes
    zone = race if race in ("half_marathon", "marathon") else "steady"
    sizes = {
        "marathon": ((1, 15, 0), (1, 20, 0), (2, 15, 3), (1, 40, 0), (2, 25, 5), (3, 20, 4), (2, 35, 5), (1, 80, 0)),
        "half_marathon": ((1, 10, 0), (2, 8, 2), (2, 10, 3), (3, 10, 3), (2, 15, 3), (2, 20, 4), (3, 15, 3)),
    }.get(race, ((1, 10, 0), (1, 15, 0), (1, 20, 0), (1, 30, 0)))
    steps = tuple((m(zone, *size),) for size in sizes)
    return Ladder(steps, "Endurance with race pace on tired legs; practise what you will eat and drink.")


def running_ladder(focus: str, race: str) -> Ladder | None:
    """Return the main sets of a focus; None for sessions without any (easy, long, recovery)."""
    if focus in ("race_pace", "long_race_pace"):
        return _race_pace(race) if focus == "race_pace" else _long_race_pace(race)
    return _RUNNING.get(focus)


_STEADY: Final = tuple((by_minutes("steady", 1, minutes, 0),) for minutes in (10, 15, 20, 25, 30, 40))
_RUNNING: Final[dict[str, Ladder]] = {
    "threshold": _threshold(),
    "vo2": _vo2(),
    "speed": _speed(),
    "hills": _hills(),
    "progressive": Ladder(_STEADY, "Endurance; run the last part faster than the first, without strain."),
    "light": Ladder(
        (
            (by_minutes("threshold", 2, 4, 1.5),),
            (by_minutes("threshold", 2, 5, 1.5),),
            (by_minutes("threshold", 2, 6, 2),),
        ),
        "A little quicker running to stay awake in a week of recovery.",
    ),
}
_RUNNING["strides"] = Ladder(
    tuple((MainSet("Easy", n, Part("repetition", 1 / 3), Part("recovery", 1)),) for n in (4, 6)),
    "Easy endurance, and a few quick, relaxed steps for economy.",
)
_SHARPEN: Final[dict[str, tuple[MainSet, ...]]] = {
    "5k": (by_metres("5k", 3, 400, 2), by_metres("5k", 4, 400, 2), by_metres("5k", 5, 400, 2)),
    "10k": (by_metres("10k", 3, 600, 2), by_metres("10k", 3, 800, 2), by_metres("10k", 3, 1000, 2)),
    "half_marathon": (by_minutes("half_marathon", 2, 5, 2), by_minutes("half_marathon", 3, 5, 2)),
    "marathon": (by_minutes("marathon", 2, 6, 2), by_minutes("marathon", 3, 6, 2), by_minutes("marathon", 3, 8, 2)),
}


def sharpening(race: str) -> Ladder:
    """Return the small set of race pace in the week of a race."""
    return Ladder(
        tuple((s,) for s in _SHARPEN[race]), "Stay sharp: a little at race pace, finish feeling that you want more."
    )
