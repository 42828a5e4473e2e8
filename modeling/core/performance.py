"""Race performance on one "higher is better" scale a sport, and race times from it.

Running: VDOT (Daniels & Gilbert 1979, *Oxygen Power*). Cycling: watts, meaning the power an athlete can hold for an
hour (functional threshold; 95 % of the best 20 minutes). A 5-minute test is another quantity: convert by
`ftp_from_5min` first.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from scipy.optimize import brentq

MARATHON_M: Final = 42_195.0
HALF_M: Final = MARATHON_M / 2


@dataclass(frozen=True, slots=True)
class Race:
    """A race to plan for; `distance_m` in metres."""

    key: str
    label: str
    sport: str
    distance_m: float


RACES: Final[dict[str, Race]] = {
    race.key: race
    for race in (
        Race("5k", "5 km", "running", 5_000.0),
        Race("10k", "10 km", "running", 10_000.0),
        Race("half_marathon", "Half marathon", "running", HALF_M),
        Race("marathon", "Marathon", "running", MARATHON_M),
        Race("40km_tt", "40 km time trial", "cycling", 40_000.0),
        Race("gran_fondo", "Gran fondo", "cycling", 120_000.0),
    )
}
"""A gran fondo here means 120 km with 1,800 m of climbing; real ones differ, so its time is the roughest of all."""

SLOWEST_M_PER_MIN, FASTEST_M_PER_MIN = 35.0, 600.0


def oxygen_cost(m_per_min: float) -> float:
    """Return the oxygen cost of running at a speed, ml/kg/min (Daniels & Gilbert)."""
    return -4.60 + 0.182258 * m_per_min + 0.000104 * m_per_min**2


def speed_at_cost(cost: float) -> float:
    """Return the speed, m/min, whose oxygen cost is `cost`, ml/kg/min: the positive root of `oxygen_cost`."""
    return (-0.182258 + math.sqrt(0.182258**2 + 4 * 0.000104 * (cost + 4.60))) / (2 * 0.000104)


def sustainable_share(minutes: float) -> float:
    """Return the share of VO2max that can be held for a race of so many minutes (Daniels & Gilbert)."""
    return 0.8 + 0.1894393 * math.exp(-0.012778 * minutes) + 0.2989558 * math.exp(-0.1932605 * minutes)


def vdot(distance_m: float, seconds: float) -> float:
    """Return the VDOT of a race result.

    Raises:
        ValueError: distance or time is not positive and finite.
    """
    if not (math.isfinite(distance_m) and math.isfinite(seconds) and distance_m > 0 and seconds > 0):
        raise ValueError(f"no race: {distance_m:g} m in {seconds:g} s")
    minutes = seconds / 60
    return oxygen_cost(distance_m / minutes) / sustainable_share(minutes)


def time_from_vdot(value: float, distance_m: float) -> float:
    """Return the race time, seconds, of a VDOT: the inverse of `vdot`, within speeds of 2 to 36 km/h.

    Raises:
        ValueError: VDOT or distance is not positive and finite.
    """
    if not (math.isfinite(value) and math.isfinite(distance_m) and value > 0 and distance_m > 0):
        raise ValueError(f"no race time for a VDOT of {value:g} over {distance_m:g} m")
    fast, slow = 60 * distance_m / FASTEST_M_PER_MIN, 60 * distance_m / SLOWEST_M_PER_MIN
    return _crossing(lambda seconds: vdot(distance_m, seconds) - value, fast, slow)


def _crossing(falling: Callable[[float], float], low: float, high: float) -> float:
    """Return where a falling function crosses zero (Brent 1973), the nearer end if it does not."""
    if falling(low) <= 0:
        return low
    if falling(high) >= 0:
        return high
    return float(brentq(falling, low, high))


ZONE_SHARES: Final[dict[str, tuple[float, float]]] = {
    "easy": (0.59, 0.70),
    "long": (0.61, 0.70),
    "threshold": (0.87, 0.89),
    "interval": (0.965, 0.985),
    "repetition": (1.055, 1.085),
}
"""Shares of VO2max, slow and fast end, that reproduce the paces of Daniels' tables (4th edition) within 2 %."""


def training_pace_range(value: float, zone: str) -> tuple[float, float]:
    """Return the fast and the slow end of a zone, seconds a km; zone "marathon" is race pace ± 1 %.

    Raises:
        KeyError: no such zone. ValueError: VDOT is not positive and finite.
    """
    if zone == "marathon":
        pace = time_from_vdot(value, MARATHON_M) / (MARATHON_M / 1000)
        return pace * 0.99, pace * 1.01
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"a VDOT of {value:g} is not possible")
    slow, fast = ZONE_SHARES[zone]
    return 60_000 / speed_at_cost(value * fast), 60_000 / speed_at_cost(value * slow)


def training_pace(value: float, zone: str) -> float:
    """Return the middle of a zone, seconds a km: easy, long, marathon, threshold, interval or repetition."""
    fast, slow = training_pace_range(value, zone)
    return 2 / (1 / fast + 1 / slow)


DEFAULT_WEEKLY_KM: Final = 50.0
EXPONENTS: Final = (1.08, 1.15)
KM_PER_MILE: Final = 1.609344


def endurance_exponent(half_seconds: float, weekly_km: float) -> float:
    """Return the exponent of Riegel's rule from half marathon to marathon, 1.08 (much running) to 1.15 (little).

    The one-race model of Vickers & Vertosick 2016 (2,303 recreational runners; speeds in m/s, volume in miles a
    week), kept within the range that it was fitted on: its straight line leaves it for very fast and very slow
    runners.
    """
    riegel = MARATHON_M / (half_seconds * (MARATHON_M / HALF_M) ** 1.07)
    speed = 0.16018617 + 0.83076202 * riegel + 0.06423826 * (weekly_km / KM_PER_MILE / 10)
    exponent = math.log(MARATHON_M / speed / half_seconds) / math.log(MARATHON_M / HALF_M)
    low, high = EXPONENTS
    return min(max(exponent, low), high)


def running_time(race: Race, value: float, weekly_km: float) -> float:
    """Return the race time, seconds, of a VDOT: Daniels' equivalent up to the half marathon, volume-dependent above
    it."""
    if race.distance_m <= HALF_M:
        return time_from_vdot(value, race.distance_m)
    half = time_from_vdot(value, HALF_M)
    return float(half * (race.distance_m / HALF_M) ** endurance_exponent(half, weekly_km))


GRAVITY, AIR_DENSITY, DRIVETRAIN = 9.81, 1.20, 0.976
FTP_OF_5MIN: Final = 0.82
MAX_DESCENT_M_S: Final = 13.0
SLOWEST_M_S, FASTEST_M_S = 0.3, 30.0
TOTAL_MASS_KG: Final = 83.0
"""Rider of 75 kg and 8 kg of bicycle and clothes: mass is not part of the performance scale."""


@dataclass(frozen=True, slots=True)
class Leg:
    """Part of a course: length (m), gradient (rise over run), drag area CdA (m²), rolling resistance."""

    length_m: float
    gradient: float
    cda: float
    crr: float = 0.004


COURSES: Final[dict[str, tuple[Leg, ...]]] = {
    # Time-trial position on a flat course without wind, out and back.
    "40km_tt": (Leg(40_000.0, 0.0, 0.26),),
    # 1,800 m up and down again at 6 %, the rest flat and half of it in a group (drag area about a fifth less).
    "gran_fondo": (Leg(30_000.0, 0.06, 0.36), Leg(30_000.0, -0.06, 0.36), Leg(60_000.0, 0.0, 0.29)),
}


def ftp_from_5min(watts: float) -> float:
    """Return functional threshold power for the mean power of a 5-minute test (about 82 % of it; Allen & Coggan)."""
    return FTP_OF_5MIN * watts


def speed_at_power(watts: float, leg: Leg, mass_kg: float = TOTAL_MASS_KG) -> float:
    """Return the speed, m/s, that a power at the pedals gives on a leg (Martin et al. 1998, without wind); descents are
    capped at 47 km/h, where riders brake."""
    slope = math.atan(leg.gradient)
    force = mass_kg * GRAVITY * (leg.crr * math.cos(slope) + math.sin(slope))
    drag = 0.5 * AIR_DENSITY * leg.cda
    speed = _largest_root(force / drag, -watts * DRIVETRAIN / drag)
    return min(max(speed, SLOWEST_M_S), MAX_DESCENT_M_S if leg.gradient < 0 else FASTEST_M_S)


def _largest_root(p: float, q: float) -> float:
    """Return the largest real root of x³ + px + q (Cardano; Viète's cosine where there are three)."""
    discriminant = (q / 2) ** 2 + (p / 3) ** 3
    if discriminant >= 0:
        root = math.sqrt(discriminant)
        return math.cbrt(root - q / 2) - math.cbrt(root + q / 2)
    radius = math.sqrt(-p / 3)
    return 2 * radius * math.cos(math.acos(-q / (2 * radius**3)) / 3)


def power_share(hours: float, weekly_hours: float | None) -> float:
    """Return the share of functional threshold power that can be held for a race of so many hours.

    Up to an hour the power law's exponent is 0.07 (Riegel's for cycling); beyond it falls faster with fewer hours of
    training: 0.20 at 4 hours a week and less, 0.14 at 12 and more (4 hours at 79 % for 8 hours a week, as Friel's
    table of intensity factors).
    """
    if hours <= 1:
        return float(min(hours**-0.07, 1.12))
    weekly = 8.0 if weekly_hours is None else min(max(weekly_hours, 4.0), 12.0)
    return float(hours ** -(0.20 - 0.06 * (weekly - 4.0) / 8.0))


def tt_time(race: Race, watts: float, *, weekly_hours: float | None = None, mass_kg: float = TOTAL_MASS_KG) -> float:
    """Return the race time, seconds, of a functional threshold power; power and duration are solved together.

    Raises:
        ValueError: power is not positive and finite. KeyError: no cycling course.
    """
    if not (math.isfinite(watts) and watts > 0):
        raise ValueError(f"a power of {watts:g} W is not possible")
    legs = COURSES[race.key]

    def too_short(seconds: float) -> float:
        power = watts * power_share(seconds / 3600, weekly_hours)
        return sum(leg.length_m / speed_at_power(power, leg, mass_kg) for leg in legs) - seconds

    return _crossing(too_short, race.distance_m / 25.0, race.distance_m / 0.4)


def race_time(
    race: Race, performance: float, *, weekly_km: float | None = None, weekly_hours: float | None = None
) -> float:
    """Return the expected race time, seconds, of a performance (running: VDOT; cycling: functional threshold watts).

    Training volume counts above the half marathon and in long rides; hours of running become km at the easy pace;
    without volume 50 km or 8 hours a week are assumed.

    Raises:
        ValueError: performance is not positive and finite.
    """
    if race.sport == "cycling":
        return tt_time(race, performance, weekly_hours=weekly_hours)
    if weekly_km is None and weekly_hours is not None:
        weekly_km = weekly_hours * 3600 / training_pace(performance, "easy")
    return running_time(race, performance, DEFAULT_WEEKLY_KM if weekly_km is None else weekly_km)


BOUNDS_S: Final[dict[str, tuple[float, float, float]]] = {
    "5k": (755.36, 838.06, 75 * 60.0),
    "10k": (1_571.0, 1_734.14, 150 * 60.0),
    "half_marathon": (3_402.0, 3_772.0, 4.5 * 3600),
    "marathon": (7_235.0, 7_796.0, 9 * 3600.0),
    "40km_tt": (2_536.0, 2_854.0, 3 * 3600.0),
    "gran_fondo": (9_600.0, 10_800.0, 13 * 3600.0),
}
"""World records of men and women (seconds; World Athletics, 2025; 40 km from the hour records; gran fondo: our own
bound of 45 and 40 km/h), and the slow bound: a walk, or a ride at little above walking effort."""
RECORD_MARGIN: Final = 0.99


def plausible_goal(race: Race, seconds: float, sex: str = "unspecified") -> None:
    """Check that a goal time is humanly possible and not slower than a walk.

    Raises:
        ValueError: over 1 % faster than the world record (the men's unless `sex` is "female"), or beyond the slow
        bound.
    """
    men, women, slow = BOUNDS_S[race.key]
    record = women if sex == "female" else men
    if not math.isfinite(seconds) or seconds < record * RECORD_MARGIN:
        best = "the world's best" if race.sport == "cycling" else "the world record"
        raise ValueError(f"{clock(seconds)} over {race.label} is faster than {best} ({clock(record)}).")
    if seconds > slow:
        raise ValueError(
            f"{clock(seconds)} over {race.label} is slower than {clock(slow)}, the slowest time we plan for."
        )


def clock(seconds: float) -> str:
    """Return a time as "h:mm:ss", or "m:ss" below an hour."""
    if not math.isfinite(seconds):
        return "an unknown time"
    whole = round(seconds)
    if abs(whole) < 3600:
        return f"{whole // 60}:{whole % 60:02d}"
    return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
