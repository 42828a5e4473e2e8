"""Distances and paces: there and back, and rounded as runners write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import units

pytestmark = pytest.mark.pure
SYSTEMS = st.sampled_from([units.METRIC, units.IMPERIAL])


@given(seconds=st.integers(100, 1200))
def test_a_pace_in_whole_seconds_a_km_survives_the_mile(seconds):
    there = units.minutes_seconds(units.pace_in_units(seconds, units.IMPERIAL))
    assert units.pace_in_units(units.pace_from(there, units.IMPERIAL), units.METRIC) == seconds


@given(km=st.floats(0, 1000), system=SYSTEMS)
def test_what_somebody_writes_is_the_inverse_of_what_they_read(km, system):
    assert units.km_from(units.in_units(km, system), system) == pytest.approx(km)


@given(fast=st.floats(100, 1200), slow=st.floats(100, 1200), system=SYSTEMS)
def test_the_faster_pace_never_reads_slower(fast, slow, system):
    fast, slow = sorted((fast, slow))
    assert units.pace_in_units(fast, system) <= units.pace_in_units(slow, system)


def test_paces_and_distances_read_as_runners_write_them():
    assert units.pace_text(298, units.METRIC) == "4:58 /km"
    assert units.pace_text(298, units.IMPERIAL) == "8:00 /mi"
    assert units.pace_text(179.7, units.METRIC) == "3:00 /km"
    assert units.pace_range_text(232, 238, units.IMPERIAL) == "6:13–6:23 /mi"
    assert units.distance_number(10, units.IMPERIAL) == 6.2
    assert units.distance_number(42.195, units.IMPERIAL) == 26.2
    assert units.distance_number(160.934, units.IMPERIAL) == 100
    assert units.step_distance(800, units.IMPERIAL) == (800, "m")
    assert units.step_distance(5000, units.METRIC) == (5, "km")
    assert units.step_distance(5000, units.IMPERIAL) == (3.1, "mi")


@pytest.mark.parametrize("wrong", ["", "4", "4:60", "0:00", "-4:58", "4:58 /km", "1e3"])
def test_what_is_no_pace_is_refused(wrong):
    with pytest.raises(ValueError, match="not a pace"):
        units.pace_from(wrong, units.METRIC)


@pytest.mark.parametrize("wrong", [0, -1, float("nan"), float("inf")])
def test_no_pace_is_shown_for_what_is_no_number(wrong):
    with pytest.raises(ValueError, match="positive"):
        units.pace_text(wrong, units.METRIC)
    with pytest.raises(ValueError, match="neither"):
        units.pace_text(300, "nautical")
