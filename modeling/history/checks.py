"""What an activity may be: ranges beyond which a value is a mistake, and the one place where activities are made.

The bounds are deliberately wide: they catch wrong units and broken sensors, not strong athletes.
"""

from __future__ import annotations

import hashlib
import math
from datetime import UTC, date, datetime, tzinfo
from typing import Any

from modeling.history.contract import ParsedActivity, Sport

MAX_DURATION_S = 48 * 3600.0
MAX_LOAD = 2000.0
"""A day above this is refused by the load series as well: more than 20 hours at threshold."""
MAX_MEAN_SPEED_M_S = {"running": 8.0, "cycling": 25.0, "other": 60.0}
"""Running: the world record over 800 m is 7.9 m/s; cycling: the flying kilometre behind no car is 18 m/s, descents
faster.
"""
MIN_DISTANCE_FOR_SPEED_M = 800.0
EARLIEST, LATEST = date(1980, 1, 1), date(2100, 1, 1)

_RANGES: dict[str, tuple[str, float, float]] = {
    "duration_s": ("duration", 0.0, MAX_DURATION_S),
    "moving_s": ("moving time", 0.0, MAX_DURATION_S),
    "elapsed_s": ("elapsed time", 0.0, 8 * 86400.0),
    "distance_m": ("distance", 0.0, 2_000_000.0),
    "mean_hr": ("mean heart rate", 25.0, 250.0),
    "max_hr": ("maximum heart rate", 25.0, 260.0),
    "normalised_power_w": ("normalised power", 0.0, 2000.0),
    "mean_power_w": ("mean power", 0.0, 2000.0),
    "rpe": ("RPE", 0.0, 10.0),
    "load": ("load", 0.0, MAX_LOAD),
}
_UNITS = {"duration_s": "s", "moving_s": "s", "elapsed_s": "s", "distance_m": "m", "mean_hr": "bpm", "max_hr": "bpm"}


class BadValue(ValueError):
    """A row or session that cannot be an activity; the message is the reason shown to people."""


def check_range(field: str, value: float) -> float:
    """Return the value of a field of `ParsedActivity`, or raise BadValue saying what is wrong with it."""
    label, low, high = _RANGES[field]
    unit = f" {_UNITS[field]}" if field in _UNITS else ""
    if not math.isfinite(value):
        raise BadValue(f"{label} is not a number ({value})")
    if value < 0:
        raise BadValue(f"{label} is negative ({value:g}{unit})")
    if not low <= value <= high:
        raise BadValue(f"{label} {value:g}{unit} is outside {low:g}–{high:g}{unit}")
    return value


def make_activity(
    *,
    source_name: str,
    sport: Sport,
    line: int | None = None,
    started_at: datetime | None = None,
    day: date | None = None,
    time_zone: tzinfo | None = None,
    occurrence: int = 0,
    **values: Any,  # noqa: ANN401  checked by name below
) -> ParsedActivity:
    """Check the values and build the activity with its fingerprint.

    Args:
        started_at: aware; stored as UTC. `day` is derived from it in `time_zone` (UTC if None) unless given.
        occurrence: number of the activity among those of one source that are equal in every field (0 = first).
        values: further fields of `ParsedActivity`; numbers are checked, zero heart rates and powers mean "not
        recorded".

    Raises:
        BadValue: a value is not finite, negative or absurd, or there is neither time, distance nor load.
    """
    started_at = started_at.astimezone(UTC) if started_at else None
    if day is None:
        if started_at is None:
            raise BadValue("no date")
        day = started_at.astimezone(time_zone or UTC).date()
    if not EARLIEST <= day < LATEST:
        raise BadValue(f"the date {day.isoformat()} is outside {EARLIEST.year}–{LATEST.year}")
    fields = _clean(values)
    duration = fields.get("duration_s") or fields.get("moving_s") or fields.get("elapsed_s") or 0.0
    fields["duration_s"] = check_range("duration_s", duration)
    if not duration and fields.get("load") is None:
        raise BadValue("neither load nor duration")
    _check_speed(sport, fields)
    print_ = fingerprint(started_at, day, fields, occurrence)
    return ParsedActivity(
        source_name=source_name, line=line, started_at=started_at, day=day, sport=sport, fingerprint=print_, **fields
    )


def _clean(values: dict[str, Any]) -> dict[str, Any]:
    fields = {key: value for key, value in values.items() if value is not None}
    for key in ("mean_hr", "max_hr", "normalised_power_w", "mean_power_w", "rpe"):
        if fields.get(key) == 0:
            del fields[key]
    for key in _RANGES.keys() & fields.keys():
        fields[key] = check_range(key, float(fields[key]))
    return fields


def _check_speed(sport: Sport, fields: dict[str, Any]) -> None:
    distance, seconds = fields.get("distance_m") or 0.0, fields.get("moving_s") or fields["duration_s"]
    if distance < MIN_DISTANCE_FOR_SPEED_M or not seconds:
        return
    if distance / seconds > MAX_MEAN_SPEED_M_S[sport]:
        raise BadValue(f"{distance / 1000:.4g} km in {seconds:.4g} s is not possible ({sport}); check the units")


def fingerprint(started_at: datetime | None, day: date, fields: dict[str, Any], occurrence: int) -> str:
    """Return a stable hash: start, duration and distance if there is a clock time, else all that the row says."""
    if started_at is not None:
        parts = [
            started_at.replace(microsecond=0).isoformat(),
            f"{fields['duration_s']:.0f}",
            f"{fields.get('distance_m', 0):.0f}",
        ]
    else:
        names = ("duration_s", "distance_m", "mean_hr", "mean_power_w", "normalised_power_w", "rpe", "load")
        parts = [day.isoformat(), *(f"{fields[n]:.6g}" if n in fields else "" for n in names), str(occurrence)]
    return hashlib.sha256("|".join(["1", *parts]).encode()).hexdigest()[:40]
