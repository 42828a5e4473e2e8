"""Loads: what an hour at threshold is worth, by every method, and how the best method is picked."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modeling.core.loads import (
    GIVEN_FIRST,
    LoadResult,
    Thresholds,
    best_load,
    hr_tss,
    normalised_power,
    one_unit,
    rtss,
    srpe,
    srpe_tss,
    threshold_is_stale,
    trimp,
    tss,
)
from modeling.history.checks import make_activity
from modeling.history.contract import ParsedActivity

pytestmark = pytest.mark.pure

ALL = Thresholds(ftp_w=250, threshold_pace_s_per_km=240, threshold_hr=170, max_hr=190, resting_hr=50)


def activity(sport: str = "cycling", **values: Any) -> ParsedActivity:
    return make_activity(source_name="x", sport=sport, day=date(2024, 5, 1), **{"duration_s": 3600, **values})  # type: ignore[arg-type]


def test_an_hour_at_threshold_is_100_by_every_method() -> None:
    assert tss(3600, 250, 250) == pytest.approx(100)
    assert rtss(3600, 1000 / 240, 1000 / 240) == pytest.approx(100)
    assert hr_tss(3600, 170, threshold_hr=170, resting_hr=50, max_hr=190) == pytest.approx(100)
    assert hr_tss(3600, 170, threshold_hr=170, resting_hr=50, max_hr=190, female=True) == pytest.approx(100)
    assert srpe_tss(3600, 8) == pytest.approx(100)


def test_trimp_follows_banister_for_men_and_women() -> None:
    # 60 min at half of the heart rate reserve, by hand: 60 · 0.5 · 0.64 · e^0.96 and 60 · 0.5 · 0.86 · e^0.835
    assert trimp(3600, 120, resting_hr=50, max_hr=190) == pytest.approx(50.14, abs=0.01)
    assert trimp(3600, 120, resting_hr=50, max_hr=190, female=True) == pytest.approx(59.46, abs=0.01)


def test_session_rpe_is_minutes_times_rating() -> None:
    assert srpe(45 * 60, 6) == 270


@given(st.floats(1, 1500), st.integers(30, 400))
def test_normalised_power_of_constant_power_is_that_power(watts: float, seconds: int) -> None:
    assert normalised_power(np.full(seconds, watts)) == pytest.approx(watts)


@given(st.lists(st.floats(0, 1500), min_size=31, max_size=120))
def test_normalised_power_lies_between_rolling_mean_and_maximum(power: list[float]) -> None:
    series = np.array(power)
    rolling = np.convolve(series, np.ones(30) / 30, mode="valid")
    assert rolling.mean() - 1e-6 <= normalised_power(series) <= series.max() + 1e-6


@pytest.mark.parametrize("power", [[], [1.0, float("nan")], [-1.0, 2.0]])
def test_normalised_power_refuses_what_is_no_power(power: list[float]) -> None:
    with pytest.raises(ValueError, match="finite watts"):
        normalised_power(np.array(power, dtype=float))


def test_power_comes_before_heart_rate_and_heart_rate_before_rpe() -> None:
    full = {"normalised_power_w": 200, "mean_hr": 150, "rpe": 5, "load": 77}
    methods = []
    for dropped in (
        [],
        ["normalised_power_w"],
        ["normalised_power_w", "mean_hr"],
        ["normalised_power_w", "mean_hr", "rpe"],
    ):
        result = best_load(activity(**{k: v for k, v in full.items() if k not in dropped}), ALL)
        assert result is not None and result.unit == "TSS"
        methods.append(result.method)
    assert methods == ["power", "hr", "rpe", "given"]


def test_pace_counts_for_runs_only_and_power_for_rides_only() -> None:
    run = best_load(activity("running", distance_m=12_000, normalised_power_w=300, mean_hr=150), ALL)
    ride = best_load(activity("cycling", distance_m=30_000, mean_hr=150), ALL)
    assert run is not None and run.method == "pace"
    assert run.value == pytest.approx(100 * (12 / 15) ** 2)
    assert ride is not None and ride.method == "hr"


def test_a_given_load_can_go_first() -> None:
    result = best_load(activity(mean_hr=150, load=77), ALL, order=GIVEN_FIRST)
    assert result is not None and (result.method, result.value) == ("given", 77)


def test_without_any_threshold_there_is_no_load() -> None:
    assert best_load(activity(mean_hr=150, normalised_power_w=200, distance_m=9000), Thresholds()) is None


def test_assumed_heart_rates_are_flagged() -> None:
    result = best_load(activity(mean_hr=150), Thresholds(threshold_hr=170))
    assert result is not None and set(result.flags) == {"resting-hr-assumed", "max-hr-assumed"}


def test_a_threshold_that_was_beaten_for_hours_is_flagged_stale() -> None:
    # Seen in a real series: intensity factor 1.34 for 2.3 hours.
    result = best_load(activity(duration_s=2.3 * 3600, normalised_power_w=1.34 * 250), ALL)
    assert result is not None and "threshold-stale" in result.flags
    assert not threshold_is_stale(3500, 1.05)
    assert not threshold_is_stale(4700, 0.956)
    assert threshold_is_stale(3600, 1.06)


def test_an_absurd_result_is_passed_over() -> None:
    result = best_load(activity(duration_s=30 * 3600, normalised_power_w=300, rpe=2), ALL)
    assert result is not None and result.method == "rpe"


def test_units_are_never_mixed() -> None:
    a, b, c = LoadResult(50, "TRIMP", "given"), LoadResult(60, "TRIMP", "given"), LoadResult(70, "TSS", "hr")
    assert one_unit([a, b, c]) == ("TSS", [c], [a, b])
    assert one_unit([a, b]) == ("TRIMP", [a, b], [])
    assert one_unit([]) == ("TSS", [], [])


@given(st.floats(60, 200), st.floats(60, 200), st.floats(0, 36_000))
def test_more_heart_rate_never_means_less_load(one: float, other: float, seconds: float) -> None:
    low, high = sorted((one, other))
    loads = [hr_tss(seconds, hr, threshold_hr=170, resting_hr=50, max_hr=190) for hr in (low, high)]
    assert loads[0] <= loads[1]
