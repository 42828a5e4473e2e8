"""What adds up over windows: histograms and runs of failures."""

from __future__ import annotations

import json
import math
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.stats.histogram import ACCURACY, Histogram
from common.stats.streak import Streak

pytestmark = pytest.mark.pure

values = st.lists(st.floats(0.001, 1e7), max_size=40)
sequences = st.lists(st.booleans(), max_size=30)


@given(values, values)
def test_merged_histogram_is_the_histogram_of_all(first, second):
    assert Histogram.of(*first) + Histogram.of(*second) == Histogram.of(*first, *second)


@given(values.filter(bool), st.floats(0, 1))
def test_quantile_is_within_one_percent(found, share):
    exact = sorted(found)[int(share * (len(found) - 1))]
    assert Histogram.of(*found).quantile(share) == pytest.approx(exact, rel=ACCURACY * (1 + 1e-9))


@given(values, st.floats(0.001, 1e7))
def test_above_counts_all_but_those_within_a_bucket_of_the_value(found, value):
    above = Histogram.of(*found).above(value)
    assert sum(each > value * (1 + 3 * ACCURACY) for each in found) <= above <= sum(each > value for each in found)


@given(values)
def test_histogram_survives_json(found):
    histogram = Histogram.of(*found)
    assert Histogram.from_json(json.loads(json.dumps(histogram.as_json()))) == histogram


def test_nothing_has_no_quantile():
    assert Histogram().quantile(0.5) is None


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_histogram_refuses_what_is_no_number(value):
    with pytest.raises(ValueError, match="finite"):
        Histogram.of(value)


def naive(bad: list[bool]) -> Streak:
    runs = [(is_bad, len(list(run))) for is_bad, run in groupby(bad)]
    head = runs[0][1] if runs and runs[0][0] else 0
    tail = runs[-1][1] if runs and runs[-1][0] else 0
    return Streak(len(bad), head, tail, max((length for is_bad, length in runs if is_bad), default=0))


@given(sequences)
def test_streak_equals_counting_by_hand(bad):
    assert Streak.of(bad) == naive(bad)


@given(sequences, sequences, sequences)
def test_streaks_of_parts_add_up_to_the_whole_in_any_grouping(a, b, c):
    x, y, z = Streak.of(a), Streak.of(b), Streak.of(c)
    assert (x + y) + z == x + (y + z) == naive(a + b + c)


@given(sequences)
def test_streak_survives_json_and_nothing_adds_nothing(bad):
    streak = Streak.of(bad)
    assert Streak.from_json(json.loads(json.dumps(streak.as_json()))) == streak
    assert streak + Streak() == Streak() + streak == streak
