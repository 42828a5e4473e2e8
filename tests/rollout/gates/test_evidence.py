"""Tallies add up and survive being stored."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.stats.histogram import Histogram
from common.stats.streak import Streak
from rollout.gates.evidence import Tally

pytestmark = pytest.mark.pure

_COUNTS = [name for name in Tally.__slots__ if name not in ("latency", "streak")]
_quarters = st.integers(0, 4000).map(lambda n: n / 4)  # their sums are exact

tallies = st.builds(
    Tally,
    **{name: _quarters if name in ("rating_sum", "rating_squares", "cost_seconds") else st.integers(0, 999)
       for name in _COUNTS},
    latency=st.lists(st.floats(0.1, 1e5), max_size=5).map(lambda values: Histogram.of(*values)),
    streak=st.lists(st.booleans(), max_size=8).map(Streak.of),
)  # fmt: skip


@given(tallies, tallies, tallies)
def test_addition_is_associative(a, b, c):
    assert (a + b) + c == a + (b + c)


@given(tallies)
def test_an_empty_tally_adds_nothing(tally):
    assert tally + Tally() == Tally() + tally == tally


@given(tallies)
def test_a_tally_survives_json(tally):
    assert Tally.from_json(json.loads(json.dumps(tally.as_json()))) == tally


def test_an_empty_object_is_an_empty_tally():
    assert Tally.from_json({}) == Tally()
