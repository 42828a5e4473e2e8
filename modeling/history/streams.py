"""From a recorded stream of points to the few numbers that matter: times, distance, heart rate, power, best efforts.

All three workout formats go through here, so that one ride gives one load, whichever file it came in. Between two
points the earlier one's heart rate and power hold; an interval of more than `GAP_S` is a pause (or lost signal) and
counts as nothing.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from modeling.core.loads import normalised_power
from modeling.history.checks import BadValue
from modeling.history.contract import Effort, Sport
from modeling.history.limits import Deadline, Refused

Vector = NDArray[np.float64]

GAP_S: Final = 30.0
"""Longest interval between two points that still counts as recorded ("smart recording" writes every 1–8 s)."""
HOLD_POWER_S: Final = 10
MOVING_M_S: Final = 0.5
MAX_GPS_M_S: Final = 40.0
MAX_SPAN_S: Final = 7 * 86400.0
MIN_POWER_COVER: Final = 0.5
EARTH_RADIUS_M: Final = 6_371_008.8

DISTANCE_EFFORTS: Final = {
    "1k": 1000.0,
    "3k": 3000.0,
    "5k": 5000.0,
    "10k": 10_000.0,
    "half_marathon": 21_097.5,
    "marathon": 42_195.0,
}
POWER_EFFORTS: Final = {"5min": 300, "20min": 1200, "60min": 3600}
MAX_EFFORT_M_S: Final = 7.7
"""A little above the world record over 1,000 m (7.58 m/s): a faster stretch of running is a GPS glitch."""

CHANNELS: Final = ("time", "hr", "power", "distance", "lat", "lon", "altitude")
NAN: Final = float("nan")


class StreamBuilder:
    """Collects points in compact arrays (56 bytes a point) and refuses beyond `max_points`."""

    def __init__(self, max_points: int, deadline: Deadline) -> None:
        self._columns = {channel: array("d") for channel in CHANNELS}
        self._max_points = max_points
        self._deadline = deadline

    def __len__(self) -> int:
        return len(self._columns["time"])

    def add(self, **values: float | None) -> None:
        """Append one point; `time` (epoch seconds) is required, other channels of `CHANNELS` may be missing or None."""
        self._deadline.tick()
        if len(self) >= self._max_points:
            raise Refused(f"more than {self._max_points:,} points")
        for channel, column in self._columns.items():
            value = values.get(channel)
            column.append(NAN if value is None else value)

    def build(self) -> Stream:
        """Return the points in order of time, one a timestamp."""
        data = np.array([np.frombuffer(self._columns[c], dtype=np.float64) for c in CHANNELS]).reshape(
            len(CHANNELS), -1
        )
        data = data[:, np.isfinite(data[0])]
        data = data[:, np.argsort(data[0], kind="stable")]
        if data.shape[1]:
            data = data[:, np.concatenate([[True], np.diff(data[0]) > 0])]
        return Stream(**{channel: data[i] for i, channel in enumerate(CHANNELS)})


@dataclass(frozen=True)
class Stream:
    """Points in strictly increasing time; every array (n,) float64, NaN where not recorded.

    time: epoch s; hr: bpm; power: W; distance: m, cumulative (may restart at laps); lat, lon: degrees; altitude: m.
    """

    time: Vector
    hr: Vector
    power: Vector
    distance: Vector
    lat: Vector
    lon: Vector
    altitude: Vector

    def between(self, start: float, end: float) -> Stream:
        """Return the points with start ≤ time ≤ end."""
        keep = (self.time >= start) & (self.time <= end)
        return Stream(**{channel: getattr(self, channel)[keep] for channel in CHANNELS})


@dataclass(frozen=True)
class Summary:
    """What a stream says; None where the channel was not recorded. `recorded_s` leaves pauses out."""

    started: float
    recorded_s: float
    elapsed_s: float
    moving_s: float | None
    distance_m: float | None
    mean_hr: float | None
    max_hr: float | None
    mean_power_w: float | None
    normalised_power_w: float | None
    ascent_m: float | None
    efforts: tuple[Effort, ...]

    def fields(self) -> dict[str, Any]:
        """Return the values under the names that `make_activity` takes."""
        names = (
            "elapsed_s",
            "moving_s",
            "distance_m",
            "mean_hr",
            "max_hr",
            "mean_power_w",
            "normalised_power_w",
            "ascent_m",
        )
        return {"duration_s": self.recorded_s, **{n: getattr(self, n) for n in names}, "efforts": self.efforts}


def summarise(stream: Stream, sport: Sport) -> Summary:
    """Reduce a stream of at least two points.

    Raises:
        BadValue: fewer than two points, or a span of more than a week (a wrong clock).
    """
    if stream.time.size < 2:
        raise BadValue("fewer than two points with a time")
    elapsed = float(stream.time[-1] - stream.time[0])
    if elapsed > MAX_SPAN_S:
        raise BadValue(f"the points span {elapsed / 86400:.0f} days")
    steps = np.diff(stream.time)
    counted = np.where(steps <= GAP_S, steps, 0.0)
    hr = _within(stream.hr, 25.0, 250.0)
    travelled = cumulative_distance(stream)
    power = power_per_second(stream)
    efforts = _power_efforts(stream, power, hr) if sport == "cycling" else ()
    if sport == "running" and travelled is not None:
        efforts = _distance_efforts(stream.time, travelled, hr)
    moving = None
    if travelled is not None:
        moving = float(counted[np.diff(travelled) >= MOVING_M_S * steps].sum())
    return Summary(
        started=float(stream.time[0]),
        recorded_s=float(counted.sum()),
        elapsed_s=elapsed,
        moving_s=moving,
        distance_m=None if travelled is None else float(travelled[-1]),
        mean_hr=_weighted_mean(hr[:-1], counted),
        max_hr=float(np.nanmax(hr)) if np.isfinite(hr).any() else None,
        mean_power_w=None if power is None else float(np.nanmean(power)),
        normalised_power_w=None if power is None else normalised_power(power[np.isfinite(power)]),
        ascent_m=_ascent(stream.altitude),
        efforts=efforts,
    )


def cumulative_distance(stream: Stream) -> Vector | None:
    """Return metres travelled up to each point (n,): the device's distance if it wrote one, else from the positions."""
    known = np.isfinite(stream.distance)
    if known.sum() >= 2 and np.ptp(stream.distance[known]) > 0:
        values = stream.distance[known]
        gains = np.diff(values)
        # A distance that falls has restarted (some exporters count per lap).
        gains = np.where(gains < 0, np.maximum(values[1:], 0.0), gains)
        first = values[0] if 0 <= values[0] <= 50 else 0.0
        metres: Vector = np.interp(stream.time, stream.time[known], first + np.concatenate([[0.0], np.cumsum(gains)]))
        return metres
    return _gps_distance(stream)


def _gps_distance(stream: Stream) -> Vector | None:
    placed = (np.abs(stream.lat) <= 90) & (np.abs(stream.lon) <= 180)
    if placed.sum() < 2:
        return None
    time, lat, lon = stream.time[placed], np.radians(stream.lat[placed]), np.radians(stream.lon[placed])
    haversine = np.sin(np.diff(lat) / 2) ** 2 + np.cos(lat[:-1]) * np.cos(lat[1:]) * np.sin(np.diff(lon) / 2) ** 2
    metres = 2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.clip(haversine, 0.0, 1.0)))
    steps = np.diff(time)
    # A glitch, or the way between pausing and resuming, which devices leave out of their own distance as well.
    metres[(metres > MAX_GPS_M_S * steps) | (steps > GAP_S)] = 0.0
    travelled: Vector = np.interp(stream.time, time, np.concatenate([[0.0], np.cumsum(metres)]))
    return travelled


def power_per_second(stream: Stream) -> Vector | None:
    """Return power at 1 Hz over the elapsed time, NaN where none was recorded; None if that is most of the time.

    A value holds until the next one, for `HOLD_POWER_S` at most.
    """
    valid = np.isfinite(_within(stream.power, 0.0, 3000.0))
    if valid.sum() < 2:
        return None
    seconds = np.rint(stream.time - stream.time[0]).astype(np.int64)
    grid = np.arange(seconds[-1] + 1)
    latest = np.searchsorted(seconds[valid], grid, side="right") - 1
    age = grid - seconds[valid][np.maximum(latest, 0)]
    held: Vector = np.where((latest >= 0) & (age < HOLD_POWER_S), stream.power[valid][np.maximum(latest, 0)], np.nan)
    steps = np.diff(stream.time)
    recorded = steps[steps <= GAP_S].sum()
    covered = bool(np.isfinite(held).sum() >= MIN_POWER_COVER * recorded)
    return held if covered else None


def _power_efforts(stream: Stream, power: Vector | None, hr: Vector) -> tuple[Effort, ...]:
    if power is None:
        return ()
    total = np.concatenate([[0.0], np.cumsum(np.nan_to_num(power))])
    efforts = []
    for name, seconds in POWER_EFFORTS.items():
        if power.size < seconds:
            continue
        sums = total[seconds:] - total[:-seconds]
        best = int(np.argmax(sums))
        start = stream.time[0] + best
        mean_hr = _mean_between(stream.time, hr, start, start + seconds)
        efforts.append(Effort("power", name, float(seconds), watts=float(sums[best] / seconds), mean_hr=mean_hr))
    return tuple(efforts)


def _distance_efforts(time: Vector, travelled: Vector, hr: Vector) -> tuple[Effort, ...]:
    moved = np.concatenate([[True], np.diff(travelled) > 0])
    metres, clock = travelled[moved], time[moved]
    efforts = []
    for name, length in DISTANCE_EFFORTS.items():
        if metres[-1] - metres[0] < length:
            continue
        starts = metres <= metres[-1] - length
        taken = np.interp(metres[starts] + length, metres, clock) - clock[starts]
        best = int(np.argmin(taken))
        seconds, start = float(taken[best]), float(clock[starts][best])
        if length / seconds > MAX_EFFORT_M_S:
            continue
        mean_hr = _mean_between(time, hr, start, start + seconds)
        efforts.append(Effort("distance", name, seconds, distance_m=length, mean_hr=mean_hr))
    return tuple(efforts)


def _within(values: Vector, low: float, high: float) -> Vector:
    return np.where((values >= low) & (values <= high), values, np.nan)


def _weighted_mean(values: Vector, weights: Vector) -> float | None:
    usable = np.isfinite(values) & (weights > 0)
    if not usable.any():
        return None
    return float(np.average(values[usable], weights=weights[usable]))


def _mean_between(time: Vector, values: Vector, start: float, end: float) -> float | None:
    chosen = values[(time >= start) & (time <= end)]
    return float(np.nanmean(chosen)) if np.isfinite(chosen).any() else None


def _ascent(altitude: Vector, *, hysteresis: float = 3.0) -> float | None:
    """Climb by steps of at least `hysteresis` metres, so that barometer noise does not add up."""
    known = altitude[np.isfinite(altitude)]
    if known.size < 2:
        return None
    climbed, reference = 0.0, float(known[0])
    for value in known.tolist():
        if value - reference >= hysteresis:
            climbed, reference = climbed + value - reference, value
        elif reference - value >= hysteresis:
            reference = value
    return climbed
