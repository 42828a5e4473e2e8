"""Distances, paces and speeds as people write them: in kilometres or in miles. The one place that converts; pure.

What is stored, hashed, sent by the API or reckoned with stays in SI units and km; only what is read is converted.
"""

from __future__ import annotations

import math
import re
from typing import Final

METRIC: Final = "metric"
IMPERIAL: Final = "imperial"
KM_PER_MILE: Final = 1.609344
"""The international mile (1959): 5280 feet of 0.3048 m."""
_PACE: Final = re.compile(r"^(\d{1,3}):([0-5]\d)$")


def miles(km: float) -> float:
    """Return kilometres in international miles."""
    return km / KM_PER_MILE


def kilometres(miles: float) -> float:
    """Return international miles in kilometres."""
    return miles * KM_PER_MILE


def distance_unit(units: str) -> str:
    """Return `km` or `mi`.

    Raises:
        ValueError: neither metric nor imperial.
    """
    if units not in (METRIC, IMPERIAL):
        raise ValueError(f"{units!r} is neither {METRIC} nor {IMPERIAL}")
    return "km" if units == METRIC else "mi"


def in_units(km: float, units: str) -> float:
    """Return a distance (km) in the unit of `units`, not rounded; also a speed (km/h)."""
    return km if distance_unit(units) == "km" else miles(km)


def km_from(distance: float, units: str) -> float:
    """Return a distance that somebody wrote in their unit, in km: the inverse of `in_units`."""
    return distance if distance_unit(units) == "km" else kilometres(distance)


def pace_in_units(seconds_per_km: float, units: str) -> int:
    """Return a pace (seconds a km) in whole seconds a km or a mile, as watches show it.

    298 s/km (4:58 /km) is 480 s/mi (8:00 /mi): 479.6 s, rounded to the nearest second.

    Raises:
        ValueError: no positive number.
    """
    if not (math.isfinite(seconds_per_km) and seconds_per_km > 0):
        raise ValueError(f"a pace is a positive number of seconds, not {seconds_per_km!r}")
    return round(seconds_per_km if distance_unit(units) == "km" else seconds_per_km * KM_PER_MILE)


def pace_from(text: str, units: str) -> float:
    """Return a pace that somebody wrote (`4:58` a km, `8:00` a mile) in seconds a km.

    Raises:
        ValueError: not m:ss.
    """
    match = _PACE.match(text.strip())
    if not match or text.strip() in ("0:00", "00:00"):
        raise ValueError(f"{text!r} is not a pace such as 4:58")
    seconds = 60 * int(match[1]) + int(match[2])
    return seconds if distance_unit(units) == "km" else seconds / KM_PER_MILE


def minutes_seconds(seconds: float) -> str:
    """Return whole seconds as m:ss."""
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


def pace_text(seconds_per_km: float, units: str) -> str:
    """Return `4:58 /km` or `8:00 /mi`."""
    return f"{minutes_seconds(pace_in_units(seconds_per_km, units))} /{distance_unit(units)}"


def pace_range_text(fast: float, slow: float, units: str) -> str:
    """Return a range of paces, seconds a km, fastest first: `3:52–3:58 /km`."""
    return f"{minutes_seconds(pace_in_units(fast, units))}–{pace_text(slow, units)}"


def distance_number(km: float, units: str) -> float:
    """Return a distance rounded as people write it: one decimal, none from 100 on (10 km = 6.2 mi)."""
    found = in_units(km, units)
    return round(found, 1) if abs(found) < 100 else float(round(found))


def step_distance(metres: float, units: str) -> tuple[float, str]:
    """Return a step's distance as (number, unit).

    Repetitions stay in metres for everybody, since tracks and watches' intervals are metric; from 2 km on the distance
    is one of the road, in km or miles.
    """
    if metres < 2000:
        return float(round(metres)), "m"
    if distance_unit(units) == "km":
        return round(metres / 1000, 2), "km"
    return distance_number(metres / 1000, units), "mi"
