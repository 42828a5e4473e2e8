"""Near-maximal efforts in everyday training, proposed as performance tests for a person (or a rule) to accept.

They are *field* tests: noisy (3–4 %), since nobody asked for a best performance that day. Running values are VDOT
(Daniels & Gilbert 1979), cycling values watts: 95 % of the best 20-minute power (Allen & Coggan).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final, Literal

from modeling.core.loads import Thresholds
from modeling.core.performance import vdot

if TYPE_CHECKING:
    from modeling.history.contract import Effort, ParsedActivity

MIN_VDOT, MAX_VDOT = 15.0, 90.0
MIN_WATTS, MAX_WATTS = 40.0, 600.0
THRESHOLD_OF_MAX_HR: Final = 0.9
"""Where only the maximum is known: threshold heart rate lies near 90 % of it in trained athletes (Friel)."""


@dataclass(frozen=True, slots=True)
class EffortRule:
    """What counts as near-maximal.

    Attributes:
        hr_share: mean heart rate over the effort, as a share of threshold heart rate.
        min_distance_m: shorter running efforts say too little about endurance.
        max_pause_share: time standing still, as a share of moving time, beyond which a run was not one effort.
        power_share, power_window_days, min_rides: a ride's 20-minute power must reach this share of the best of the
        days
            before it, of which there must be so many rides with power; or its heart rate must reach `hr_share`.
    """

    hr_share: float = 0.97
    min_distance_m: float = 4500.0
    max_pause_share: float = 0.10
    power_share: float = 0.95
    power_window_days: int = 90
    min_rides: int = 3


DEFAULT_RULE: Final = EffortRule()


@dataclass(frozen=True, slots=True)
class ProposedTest:
    """A proposed field test.

    Attributes:
        value: VDOT (unit "VDOT") or watts (unit "W"), higher is better.
        activity: position of its activity in the sequence that was given.
        reason: one sentence for the person who accepts it.
    """

    day: date
    value: float
    unit: Literal["VDOT", "W"]
    reason: str
    activity: int
    fingerprint: str
    kind: Literal["field"] = "field"


def propose_tests(
    activities: Sequence[ParsedActivity],
    *,
    thresholds_on: Callable[[date], Thresholds],
    rule: EffortRule = DEFAULT_RULE,
) -> tuple[ProposedTest, ...]:
    """Return the best near-maximal effort of every week (Monday to Sunday) and sport, in order of days.

    Args:
        activities: any order, any sports; others than running and cycling give nothing.
        thresholds_on: what was valid on a day. Without threshold and maximum heart rate, runs give nothing and rides
        are
            judged by power alone.
    """
    candidates = [*_runs(activities, thresholds_on, rule), *_rides(activities, thresholds_on, rule)]
    return best_a_week(candidates)


def best_a_week(proposals: Iterable[ProposedTest]) -> tuple[ProposedTest, ...]:
    """Keep the highest value of every ISO week and unit (the earlier of equals), sorted by day."""
    best: dict[tuple[int, int, str], ProposedTest] = {}
    for proposal in sorted(proposals, key=lambda p: (p.day, p.activity)):
        year, week, _ = proposal.day.isocalendar()
        held = best.get((year, week, proposal.unit))
        if held is None or proposal.value > held.value:
            best[year, week, proposal.unit] = proposal
    return tuple(sorted(best.values(), key=lambda p: (p.day, p.unit)))


def _threshold_hr(thresholds: Thresholds) -> float | None:
    if thresholds.threshold_hr:
        return thresholds.threshold_hr
    return thresholds.max_hr * THRESHOLD_OF_MAX_HR if thresholds.max_hr else None


def _runs(
    activities: Sequence[ParsedActivity], thresholds_on: Callable[[date], Thresholds], rule: EffortRule
) -> Iterator[ProposedTest]:
    for index, activity in enumerate(activities):
        threshold = _threshold_hr(thresholds_on(activity.day)) if activity.sport == "running" else None
        if threshold is None:
            continue
        for metres, seconds, mean_hr in _stretches(activity, rule):
            if mean_hr < rule.hr_share * threshold or metres < rule.min_distance_m:
                continue
            value = vdot(metres, seconds)
            if MIN_VDOT <= value <= MAX_VDOT:
                reason = (
                    f"{metres / 1000:.1f} km in {_clock(seconds)} at a mean heart rate of {mean_hr:.0f}, "
                    f"{mean_hr / threshold:.0%} of threshold ({threshold:.0f})"
                )
                yield ProposedTest(activity.day, value, "VDOT", reason, index, activity.fingerprint)


def _stretches(activity: ParsedActivity, rule: EffortRule) -> Iterator[tuple[float, float, float]]:
    """Yield (metres, seconds, mean heart rate) of the whole run, if it was run through, and of its best stretches."""
    seconds = activity.moving_s or activity.duration_s
    run_through = not activity.elapsed_s or activity.elapsed_s <= (1 + rule.max_pause_share) * seconds
    if activity.distance_m and seconds and activity.mean_hr and run_through:
        yield activity.distance_m, seconds, activity.mean_hr
    for effort in activity.efforts:
        if effort.kind == "distance" and effort.distance_m and effort.mean_hr:
            yield effort.distance_m, effort.seconds, effort.mean_hr


def _rides(
    activities: Sequence[ParsedActivity], thresholds_on: Callable[[date], Thresholds], rule: EffortRule
) -> Iterator[ProposedTest]:
    rides = sorted(
        (
            (a.day, index, effort)
            for index, a in enumerate(activities)
            if a.sport == "cycling" and (effort := _twenty_minutes(a))
        ),
        key=lambda ride: ride[:2],
    )
    first = 0
    for position, (day, index, effort) in enumerate(rides):
        while rides[first][0] < day - timedelta(days=rule.power_window_days):
            first += 1
        before = [_watts(other) for _, _, other in rides[first:position]]
        watts, threshold = _watts(effort), _threshold_hr(thresholds_on(day))
        hard = bool(threshold and effort.mean_hr and effort.mean_hr >= rule.hr_share * threshold)
        strong = len(before) >= rule.min_rides and watts >= rule.power_share * max(before)
        value = 0.95 * watts
        if not (hard or strong) or not MIN_WATTS <= value <= MAX_WATTS:
            continue
        why = (
            f"at a mean heart rate of {effort.mean_hr:.0f}"
            if hard
            else f"{watts / max(before):.0%} of the best of the days before"
        )
        reason = f"20 min at {watts:.0f} W, {why}; 95 % of it counts"
        yield ProposedTest(day, value, "W", reason, index, activities[index].fingerprint)


def _twenty_minutes(activity: ParsedActivity) -> Effort | None:
    return next((e for e in activity.efforts if e.name == "20min" and e.watts), None)


def _watts(effort: Effort) -> float:
    return effort.watts or 0.0


def _clock(seconds: float) -> str:
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"
