"""Training load of one session: power, pace, heart rate or session-RPE, all on the scale "one hour at threshold = 100".

    TSS     h · IF² · 100, IF = normalised power / FTP               Allen & Coggan
    rTSS    h · IF² · 100, IF = speed / threshold speed              McGregor's running variant; ground taken as flat
    hrTSS   TRIMP / TRIMP of an hour at threshold · 100              TRIMP: Banister 1991; women's weights Morton 1990
    sRPE    RPE · min, 480 (an hour at RPE 8) = 100                  Foster 2001; an hour's race is rated about 8

Since each is scaled by the athlete's own threshold, loads of one series are comparable whatever they were computed
from; every `LoadResult` still says its method. A load *given* in another unit (TRIMP, relative effort) is never mixed
in: `one_unit`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from modeling.history.contract import ParsedActivity

Vector = NDArray[np.float64]
Method = Literal["power", "pace", "hr", "rpe", "given"]

TSS: Final = "TSS"
BEST_FIRST: Final[tuple[Method, ...]] = ("power", "pace", "hr", "rpe", "given")
GIVEN_FIRST: Final[tuple[Method, ...]] = ("given", "power", "pace", "hr", "rpe")

NP_WINDOW_S: Final = 30
SRPE_OF_THRESHOLD_HOUR: Final = 480.0
MAX_SESSION_LOAD: Final = 2000.0
DEFAULT_RESTING_HR: Final = 60.0

STALE_FLAG: Final = "threshold-stale"
STALE_ABOVE: Final = ((3600.0, 1.05), (1800.0, 1.12), (600.0, 1.25))
"""(at least so many seconds, intensity factor above): harder than anybody can hold, so the threshold is too low.

An hour at 1.05 contradicts the definition of a threshold; the shorter ones follow the power–duration curve (half an
hour about 1.05–1.08, ten minutes about 1.15–1.20 of FTP in trained riders) with some room.
"""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What was valid on the day of the session; None where unknown.

    ftp_w: W; threshold_pace_s_per_km: s; threshold_hr, max_hr, resting_hr: bpm.
    """

    ftp_w: float | None = None
    threshold_pace_s_per_km: float | None = None
    threshold_hr: float | None = None
    max_hr: float | None = None
    resting_hr: float | None = None


@dataclass(frozen=True, slots=True)
class LoadResult:
    """A session's load. `intensity` is the intensity factor (1 = threshold) where the method has one.

    flags: "threshold-stale", "resting-hr-assumed", "max-hr-assumed", "scaled-from-session-rpe", "device".
    """

    value: float
    unit: str
    method: Method
    flags: tuple[str, ...] = ()
    intensity: float | None = None


def normalised_power(power_1hz: Vector) -> float:
    """Return normalised power, W: fourth-power mean of the 30 s rolling mean.

    Args:
        power_1hz: (n,) W, one sample a second, pauses left out; under 30 samples the plain mean is returned.

    Raises:
        ValueError: empty, NaN or negative.
    """
    power = np.asarray(power_1hz, dtype=np.float64)
    if power.ndim != 1 or not power.size or not (np.isfinite(power).all() and (power >= 0).all()):
        raise ValueError("power must be a non-empty series of finite watts ≥ 0")
    if power.size < NP_WINDOW_S:
        return float(power.mean())
    total = np.concatenate([[0.0], np.cumsum(power)])
    rolling = (total[NP_WINDOW_S:] - total[:-NP_WINDOW_S]) / NP_WINDOW_S
    return float(np.mean(rolling**4) ** 0.25)


def tss(seconds: float, np_w: float, ftp_w: float) -> float:
    """Return Training Stress Score of `seconds` at normalised power `np_w` for an FTP of `ftp_w` watts."""
    _require_positive(ftp_w=ftp_w)
    _require_not_negative(seconds=seconds, np_w=np_w)
    return seconds / 3600.0 * (np_w / ftp_w) ** 2 * 100.0


def rtss(seconds: float, speed_m_s: float, threshold_speed_m_s: float) -> float:
    """Return running TSS of `seconds` at a mean speed, for a threshold speed, both m/s (ground taken as flat)."""
    return tss(seconds, speed_m_s, threshold_speed_m_s)


def trimp(seconds: float, mean_hr: float, *, resting_hr: float, max_hr: float, female: bool = False) -> float:
    """Return Banister's TRIMP: minutes · ΔHR · 0.64 e^(1.92 ΔHR), for women 0.86 e^(1.67 ΔHR).

    ΔHR is the heart rate reserve fraction, held within 0–1.

    Raises:
        ValueError: negative seconds, or the resting rate is not below the maximum.
    """
    _require_not_negative(seconds=seconds, mean_hr=mean_hr)
    if not 0 < resting_hr < max_hr:
        raise ValueError("resting heart rate must lie between 0 and the maximum")
    reserve = min(max((mean_hr - resting_hr) / (max_hr - resting_hr), 0.0), 1.0)
    weight, slope = (0.86, 1.67) if female else (0.64, 1.92)
    return seconds / 60.0 * reserve * weight * math.exp(slope * reserve)


def hr_tss(
    seconds: float, mean_hr: float, *, threshold_hr: float, resting_hr: float, max_hr: float, female: bool = False
) -> float:
    """Return TRIMP scaled so that an hour at threshold heart rate is 100.

    Raises:
        ValueError: unless resting < threshold ≤ maximum.
    """
    if not resting_hr < threshold_hr <= max_hr:
        raise ValueError("threshold heart rate must lie above the resting and not above the maximum rate")
    hour = trimp(3600.0, threshold_hr, resting_hr=resting_hr, max_hr=max_hr, female=female)
    return trimp(seconds, mean_hr, resting_hr=resting_hr, max_hr=max_hr, female=female) / hour * 100.0


def srpe(seconds: float, rpe: float) -> float:
    """Return session-RPE load in Foster's arbitrary units: RPE (0–10) · minutes."""
    _require_not_negative(seconds=seconds)
    if not 0 <= rpe <= 10:
        raise ValueError("RPE must lie between 0 and 10")
    return rpe * seconds / 60.0


def srpe_tss(seconds: float, rpe: float) -> float:
    """Return session-RPE scaled so that an hour at RPE 8 is 100."""
    return srpe(seconds, rpe) / SRPE_OF_THRESHOLD_HOUR * 100.0


def threshold_is_stale(seconds: float, intensity: float) -> bool:
    """Tell whether such an intensity factor cannot be held so long, that is, whether the threshold is out of date."""
    return any(seconds >= least and intensity > bound for least, bound in STALE_ABOVE)


def best_load(
    activity: ParsedActivity,
    thresholds: Thresholds,
    *,
    female: bool = False,
    order: Sequence[Method] = BEST_FIRST,
) -> LoadResult | None:
    """Return the load by the first method of `order` for which the data and the thresholds suffice, None if none does.

    A stale threshold flags the result and does not change it. A result above 2,000 is passed over: no session is that
    hard, so its inputs are wrong. `GIVEN_FIRST` keeps a load that the athlete's own table states.
    """
    for method in order:
        result = _BY_METHOD[method](activity, thresholds, female)
        if result is not None and math.isfinite(result.value) and 0 <= result.value <= MAX_SESSION_LOAD:
            return result
    return None


def one_unit(results: Iterable[LoadResult]) -> tuple[str, list[LoadResult], list[LoadResult]]:
    """Split results into those of the series' unit and the others, which must stay out: units are never mixed.

    Returns:
        (unit, kept, left out). The unit is TSS if any result is in TSS, else the most frequent one (first of equals).
    """
    results = list(results)
    units = [result.unit for result in results]
    unit = TSS if TSS in units or not units else max(dict.fromkeys(units), key=units.count)
    return unit, [r for r in results if r.unit == unit], [r for r in results if r.unit != unit]


def _by_power(activity: ParsedActivity, thresholds: Thresholds, female: bool) -> LoadResult | None:
    watts = activity.normalised_power_w or activity.mean_power_w
    if activity.sport != "cycling" or not watts or not thresholds.ftp_w or not activity.duration_s:
        return None
    intensity = watts / thresholds.ftp_w
    flags = _stale(activity.duration_s, intensity)
    return LoadResult(tss(activity.duration_s, watts, thresholds.ftp_w), TSS, "power", flags, intensity)


def _by_pace(activity: ParsedActivity, thresholds: Thresholds, female: bool) -> LoadResult | None:
    seconds = activity.moving_s or activity.duration_s
    if activity.sport != "running" or not activity.distance_m or not seconds or not thresholds.threshold_pace_s_per_km:
        return None
    speed, threshold = activity.distance_m / seconds, 1000.0 / thresholds.threshold_pace_s_per_km
    return LoadResult(
        rtss(seconds, speed, threshold), TSS, "pace", _stale(seconds, speed / threshold), speed / threshold
    )


def _by_hr(activity: ParsedActivity, thresholds: Thresholds, female: bool) -> LoadResult | None:
    threshold = thresholds.threshold_hr
    if not activity.mean_hr or not threshold or not activity.duration_s:
        return None
    flags = []
    # A threshold lies at about 90 % of the maximum (Friel); the load hardly depends on this, being relative to
    # threshold.
    resting, highest = thresholds.resting_hr or DEFAULT_RESTING_HR, thresholds.max_hr or threshold / 0.9
    if thresholds.resting_hr is None:
        flags.append("resting-hr-assumed")
    if thresholds.max_hr is None:
        flags.append("max-hr-assumed")
    if not resting < threshold <= highest:
        return None
    value = hr_tss(
        activity.duration_s, activity.mean_hr, threshold_hr=threshold, resting_hr=resting, max_hr=highest, female=female
    )
    intensity = activity.mean_hr / threshold
    # Heart rate saturates: an hour at 1.05 of threshold is already beyond what a right threshold allows.
    if activity.duration_s >= 3600.0 and intensity > 1.05 or activity.mean_hr > highest:
        flags.append(STALE_FLAG)
    return LoadResult(value, TSS, "hr", tuple(flags), intensity)


def _by_rpe(activity: ParsedActivity, thresholds: Thresholds, female: bool) -> LoadResult | None:
    if activity.rpe is None or not activity.duration_s:
        return None
    value = srpe_tss(activity.duration_s, activity.rpe)
    return LoadResult(value, TSS, "rpe", ("scaled-from-session-rpe",), activity.rpe / 8.0)


def _given(activity: ParsedActivity, thresholds: Thresholds, female: bool) -> LoadResult | None:
    if activity.load is None:
        return None
    hours, flags = activity.duration_s / 3600.0, ["device"] if activity.load_source == "device" else []
    intensity = math.sqrt(activity.load / hours / 100.0) if hours and activity.load_unit == TSS else None
    if intensity is not None:
        flags += _stale(activity.duration_s, intensity)
    return LoadResult(activity.load, activity.load_unit, "given", tuple(flags), intensity)


_BY_METHOD: Final = {"power": _by_power, "pace": _by_pace, "hr": _by_hr, "rpe": _by_rpe, "given": _given}


def _stale(seconds: float, intensity: float) -> tuple[str, ...]:
    return (STALE_FLAG,) if threshold_is_stale(seconds, intensity) else ()


def _require_positive(**values: float) -> None:
    for name, value in values.items():
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{name} must be positive, not {value}")


def _require_not_negative(**values: float) -> None:
    for name, value in values.items():
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(f"{name} must be finite and not negative, not {value}")
