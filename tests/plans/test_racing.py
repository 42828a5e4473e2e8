"""What a race came to, by hand: against the promise, against the test before."""

from __future__ import annotations

import pytest

from modeling.core.performance import MARATHON_M, RACES, race_time, vdot
from plans.racing import Performance, result_of

pytestmark = pytest.mark.pure
PROMISED = {"value": 2970.0, "low": 2880.0, "high": 3060.0, "unit": "s", "level": 0.8}


def ten_km(seconds: float) -> float:
    return round(vdot(10_000, seconds), 2)


def test_a_runners_result_is_a_time() -> None:
    found = result_of("10k", Performance(ten_km(3000)), predicted=PROMISED, before=Performance(ten_km(3150)))
    assert (found.unit, found.predicted, found.predicted_low, found.predicted_high) == ("s", 2970.0, 2880.0, 3060.0)
    assert found.raced == pytest.approx(3000, rel=2e-4)
    assert found.error_percent == pytest.approx(-1.0, abs=0.03)
    assert found.before == pytest.approx(3150, rel=2e-4)
    assert found.improvement_percent == pytest.approx(100 * 150 / 3150, abs=0.05)


def test_a_riders_result_is_power_of_which_more_is_better() -> None:
    found = result_of("40km_tt", Performance(262.5), predicted=PROMISED, before=Performance(250.0))
    assert (found.unit, found.raced, found.before, found.improvement_percent) == ("w", 262.5, 250.0, 5.0)
    assert (found.predicted, found.error_percent) == (None, None)


def test_nothing_is_compared_with_nothing() -> None:
    found = result_of("5k", Performance(50.0), predicted=None, before=None)
    assert (found.predicted, found.error_percent, found.before, found.improvement_percent) == (None,) * 4


def test_another_race_before_is_converted_and_the_same_race_is_not() -> None:
    value = round(vdot(MARATHON_M, 11_000), 2)
    same, other = (
        result_of("marathon", Performance(value, note), predicted=None, before=Performance(value, note)).before
        for note in ("marathon result", "5k result")
    )
    assert same == pytest.approx(11_000, rel=2e-4)
    assert other == pytest.approx(race_time(RACES["marathon"], value), abs=0.1)
    assert other is not None
    assert other > 11_100
