"""Main sets for cyclists, each list from the smallest to the largest.

Sources for sizes and recoveries: Allen, Coggan & McGregor, *Training and Racing with a Power Meter* (sweet spot,
threshold and VO2max sets); Seiler et al. 2013 (4 × 8 minutes); Rønnestad (short intervals).
"""

from __future__ import annotations

from typing import Final

from plans.pipelines.workouts_running import Ladder, MainSet, Part, by_minutes


def _ladder(
    zone: str, sizes: tuple[tuple[tuple[int, float, float], ...], ...], purpose: str, *, prefix: str = ""
) -> Ladder:
    return Ladder(tuple(tuple(by_minutes(zone, *s, prefix=prefix) for s in step) for step in sizes), purpose)


_TEMPO: Final = (
    ((2, 8, 3),),
    ((2, 10, 3),),
    ((3, 10, 4), (2, 15, 5)),
    ((2, 20, 5), (4, 10, 4)),
    ((3, 15, 5), (1, 45, 0)),
    ((3, 20, 5), (2, 30, 6)),
    ((2, 40, 8), (4, 20, 5)),
)
_SWEETSPOT: Final = (
    ((2, 6, 3),),
    ((2, 8, 3), (3, 6, 3)),
    ((3, 8, 4), (2, 12, 4)),
    ((3, 10, 4), (2, 15, 5)),
    ((3, 12, 4), (2, 18, 5)),
    ((3, 15, 5), (2, 20, 5)),
    ((4, 12, 4), (2, 25, 6)),
    ((3, 20, 6), (4, 15, 5)),
)
_THRESHOLD: Final = (
    ((2, 4, 2),),
    ((2, 5, 3),),
    ((3, 5, 3),),
    ((3, 6, 3), (2, 10, 5)),
    ((3, 8, 4), (2, 12, 5)),
    ((4, 8, 4), (3, 10, 5)),
    ((2, 16, 6), (3, 12, 5)),
    ((2, 20, 6), (4, 10, 4)),
    ((3, 15, 5), (5, 9, 4)),
)
_VO2: Final = (
    ((3, 2, 2),),
    ((4, 2, 2),),
    ((5, 2, 2), (4, 2.5, 2.5)),
    ((4, 3, 3), (6, 2, 2)),
    ((5, 3, 3),),
    ((4, 4, 4), (6, 3, 3)),
    ((5, 4, 4),),
    ((6, 4, 4), (5, 5, 5)),
    ((6, 5, 5), (8, 3, 3)),
)
_RACE: Final = (
    ((2, 6, 4),),
    ((2, 8, 4),),
    ((3, 8, 4),),
    ((2, 15, 6), (4, 8, 4)),
    ((2, 18, 6), (3, 12, 5)),
    ((2, 20, 6), (4, 10, 5)),
)
_LONG: Final = (
    ((1, 15, 0),),
    ((2, 12, 5),),
    ((2, 20, 5),),
    ((3, 20, 6),),
    ((2, 35, 10), (4, 18, 6)),
    ((3, 30, 10),),
    ((4, 30, 10),),
)

_CYCLING: Final[dict[str, Ladder]] = {
    "tempo": _ladder(
        "tempo", _TEMPO, "Aerobic endurance at a brisk, even effort; cadence as you like it.", prefix="T "
    ),
    "sweetspot": _ladder("sweetspot", _SWEETSPOT, "Much work just below threshold for little fatigue.", prefix="SS "),
    "threshold": _ladder("threshold", _THRESHOLD, "Raise the power that you can hold for an hour.", prefix="FT "),
    "vo2": _ladder("vo2", _VO2, "Raise maximal oxygen uptake; even power, the last as strong as the first."),
    "progressive": _ladder(
        "tempo",
        ((((1, 15, 0),)), ((1, 20, 0),), ((1, 30, 0),), ((1, 40, 0),)),
        "Endurance; ride the last part briskly.",
    ),
    "light": _ladder(
        "sweetspot", (((2, 5, 3),), ((2, 6, 3),), ((2, 8, 4),)), "A little brisk riding in a week of recovery."
    ),
    "strides": Ladder(
        tuple((MainSet("Ride", n, Part("vo2", 0.25), Part("recovery", 1.75)),) for n in (4, 6)),
        "Easy endurance, and a few high-cadence spurts for quick legs.",
    ),
}


def cycling_ladder(focus: str, race: str) -> Ladder | None:
    """Return the main sets of a focus; None for rides without any (easy, long, recovery)."""
    if focus == "race_pace":
        return _ladder(race, _RACE, "Learn the rhythm of the race in its position: exactly race effort.")
    if focus == "long_race_pace":
        zone = "gran_fondo" if race == "gran_fondo" else "tempo"
        return _ladder(zone, _LONG, "Endurance with race effort on climbs; practise what you will eat and drink.")
    return _CYCLING.get(focus)


def sharpening(race: str) -> Ladder:
    """Return the small set in the week of a race."""
    zone = "40km_tt" if race == "40km_tt" else "sweetspot"
    return _ladder(zone, (((2, 4, 4),), ((3, 4, 4),), ((3, 5, 4),)), "Stay sharp: a little at race effort, no more.")
