"""Race performance against Daniels' published tables, records and published volume effects."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modeling.core.performance import (
    BOUNDS_S,
    MARATHON_M,
    RACES,
    endurance_exponent,
    plausible_goal,
    race_time,
    speed_at_power,
    time_from_vdot,
    training_pace,
    training_pace_range,
    tt_time,
    vdot,
)
from modeling.core.performance import COURSES as LEGS

pytestmark = pytest.mark.pure
HALF_M = MARATHON_M / 2


def seconds(text: str) -> float:
    parts = [int(p) for p in text.split(":")]
    return float(sum(p * 60**k for k, p in enumerate(reversed(parts))))


@pytest.mark.parametrize(
    ("value", "metres", "table"),
    [
        (30, 5000, "30:40"), (40, 5000, "24:08"), (50, 5000, "19:57"), (60, 5000, "17:03"), (70, 5000, "14:55"),
        (40, 10000, "50:03"), (50, 10000, "41:21"), (60, 10000, "35:22"),
        (40, HALF_M, "1:50:59"), (50, HALF_M, "1:31:35"), (60, HALF_M, "1:18:09"),
        (40, MARATHON_M, "3:49:45"), (50, MARATHON_M, "3:10:49"), (60, MARATHON_M, "2:43:25"),
    ],
)  # fmt: skip
def test_race_times_are_those_of_daniels_tables(value: float, metres: float, table: str) -> None:
    assert time_from_vdot(value, metres) == pytest.approx(seconds(table), rel=0.002)
    assert vdot(metres, seconds(table)) == pytest.approx(value, abs=0.15)


@pytest.mark.parametrize(
    ("value", "zone", "table"),
    [
        (50, "marathon", "4:31"), (50, "threshold", "4:15"), (50, "interval", "3:55"), (50, "repetition", "3:37"),
        (40, "threshold", "5:06"), (40, "interval", "4:42"), (60, "threshold", "3:40"), (60, "interval", "3:23"),
    ],
)  # fmt: skip
def test_training_paces_are_those_of_daniels_tables(value: float, zone: str, table: str) -> None:
    assert training_pace(value, zone) == pytest.approx(seconds(table), rel=0.012)


def test_easy_pace_spans_the_range_of_daniels_table() -> None:
    fast, slow = training_pace_range(50, "easy")
    assert fast == pytest.approx(seconds("5:07"), rel=0.015) and slow == pytest.approx(seconds("5:52"), rel=0.02)


@given(st.floats(20, 85), st.sampled_from([3000.0, 5000.0, 10000.0, HALF_M, MARATHON_M]))
def test_time_and_vdot_are_inverse(value: float, metres: float) -> None:
    assert vdot(metres, time_from_vdot(value, metres)) == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize("bad", [0.0, -5.0, float("nan"), float("inf")])
def test_impossible_results_are_refused(bad: float) -> None:
    with pytest.raises(ValueError):
        vdot(5000, bad)
    with pytest.raises(ValueError):
        time_from_vdot(bad, 5000)
    with pytest.raises(ValueError):
        race_time(RACES["40km_tt"], bad)


def test_little_training_costs_minutes_in_the_marathon_and_nothing_in_the_half() -> None:
    marathon, half = RACES["marathon"], RACES["half_marathon"]
    little, much = (race_time(marathon, 43, weekly_km=km) for km in (25, 100))
    assert 5 * 60 < little - much < 15 * 60
    assert race_time(half, 43, weekly_km=25) == race_time(half, 43, weekly_km=100)
    by_hours = race_time(marathon, 43, weekly_hours=100 * training_pace(43, "easy") / 3600)
    assert by_hours == pytest.approx(much)


@given(st.floats(3500, 10000), st.floats(0, 250))
def test_exponent_stays_within_the_published_range(half_seconds: float, km: float) -> None:
    assert 1.08 <= endurance_exponent(half_seconds, km) <= 1.15
    assert endurance_exponent(half_seconds, km + 20) <= endurance_exponent(half_seconds, km)


def test_forty_kilometres_take_about_an_hour_at_usual_power() -> None:
    race = RACES["40km_tt"]
    assert tt_time(race, 250) == pytest.approx(3600, rel=0.05)
    assert 48 * 60 < tt_time(race, 400) < 53 * 60
    # Three metres a second up a 6 % slope is what 165 W carry 83 kg up.
    assert speed_at_power(172, LEGS["gran_fondo"][0]) == pytest.approx(3.05, rel=0.03)


@given(st.floats(60, 550), st.sampled_from(["40km_tt", "gran_fondo"]))
def test_more_watts_are_never_slower(watts: float, key: str) -> None:
    assert tt_time(RACES[key], watts * 1.02) < tt_time(RACES[key], watts)


def test_gran_fondo_takes_what_riders_need() -> None:
    assert 4.5 * 3600 < tt_time(RACES["gran_fondo"], 220) < 6 * 3600
    more = tt_time(RACES["gran_fondo"], 220, weekly_hours=12)
    assert more < tt_time(RACES["gran_fondo"], 220, weekly_hours=4)


@pytest.mark.parametrize("key", list(RACES))
def test_goals_beyond_record_or_walk_are_refused(key: str) -> None:
    race, (men, women, slow) = RACES[key], BOUNDS_S[key]
    plausible_goal(race, men, "male")
    plausible_goal(race, slow)
    with pytest.raises(ValueError, match="faster than"):
        plausible_goal(race, men * 0.98, "male")
    with pytest.raises(ValueError, match="faster than"):
        plausible_goal(race, women * 0.98, "female")
    with pytest.raises(ValueError, match="slower than"):
        plausible_goal(race, slow + 1)
    plausible_goal(race, women * 0.98, "unspecified")
