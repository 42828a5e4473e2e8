"""What the race of a plan came to: against what the plan promised, and against what the athlete could do before. Pure.

Runners' results are race times in seconds, cyclists' are watts: a ride's time says little without its power, and none
is kept. Tests keep a runner's race as its VDOT to two decimals, so its time comes back within 0.02 %.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from modeling.core.performance import RACES, Race, race_time, time_from_vdot

SECONDS, WATTS = "s", "w"
NOTE: Final = "{race} result"


@dataclass(frozen=True, slots=True)
class Performance:
    """A recorded performance: VDOT or watts, and what was noted with it."""

    value: float
    note: str = ""

    @property
    def race(self) -> str:
        """The race that it is the result of, where its note says so as we write it; else blank."""
        return next((name for name in RACES if self.note == NOTE.format(race=name)), "")


@dataclass(frozen=True, slots=True)
class RaceResult:
    """The figures of a race, all in `unit` but the percentages; None where there is nothing to compare with.

    error_percent: how far the promise was above the result. improvement_percent: positive is better in either unit.
    """

    unit: str
    raced: float
    predicted: float | None
    predicted_low: float | None
    predicted_high: float | None
    error_percent: float | None
    before: float | None
    improvement_percent: float | None


def result_of(
    race: str, raced: Performance, *, predicted: Mapping[str, Any] | None, before: Performance | None
) -> RaceResult:
    """Return what a race came to.

    Args:
        race: key of the plan's race. raced: the performance of the race day.
        predicted: what the plan's version promised (`PredictedOutcome` as JSON). before: the last performance before
            the plan began.
    """
    found = RACES[race]
    unit = SECONDS if found.sport == "running" else WATTS
    result = _in_unit(found, raced, is_this_race=True)
    promised = _promised(predicted, unit)
    earlier = None if before is None else _in_unit(found, before, is_this_race=before.race == race)
    better = None if earlier is None else (earlier - result if unit == SECONDS else result - earlier)
    return RaceResult(
        unit=unit,
        raced=result,
        predicted=promised[0],
        predicted_low=promised[1],
        predicted_high=promised[2],
        error_percent=None if promised[0] is None else round(100 * (promised[0] - result) / result, 2),
        before=earlier,
        improvement_percent=None if earlier is None or better is None else round(100 * better / earlier, 2),
    )


def _promised(predicted: Mapping[str, Any] | None, unit: str) -> tuple[float | None, float | None, float | None]:
    """Return value, low and high of a promise; nothing of one in another unit."""
    if not predicted or predicted["unit"] != unit:
        return None, None, None
    return float(predicted["value"]), float(predicted["low"]), float(predicted["high"])


def _in_unit(race: Race, performance: Performance, *, is_this_race: bool) -> float:
    """Return a performance in the race's unit; another race or test by the conversion that predictions use as well."""
    if race.sport != "running":
        return round(performance.value, 1)
    if is_this_race:
        return round(time_from_vdot(performance.value, race.distance_m), 1)
    return round(race_time(race, performance.value), 1)
