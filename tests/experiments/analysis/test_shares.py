"""Score intervals of two shares, also where other libraries give up."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiments.analysis import Comparison, Count, NotIdentified, Shape, compare_shares

pytestmark = pytest.mark.pure

Z = stats.norm.ppf(0.975)


def compared(x, n, y, m) -> Comparison:
    found = compare_shares("treatment", "control", Count(x, n), Count(y, m))
    assert isinstance(found, Comparison)
    return found


def score_of_difference(x, n, y, m, difference):
    """With the likeliest share as the root of the cubic (Farrington & Manning 1990), by its companion matrix."""
    a = n + m
    b = -(n + m + x + y - difference * (n + 2 * m))
    # For control share q and treatment q + difference: x/p - (n-x)/(1-p) + y/q - (m-y)/(1-q) = 0, multiplied out.
    p, one_minus_p = np.poly1d([1, difference]), np.poly1d([-1, 1 - difference])
    q, one_minus_q = np.poly1d([1, 0]), np.poly1d([-1, 1])
    slope = x * one_minus_p * q * one_minus_q - (n - x) * p * q * one_minus_q
    slope += y * p * one_minus_p * one_minus_q - (m - y) * p * one_minus_p * q
    assert a > 0 > b - a - abs(b) * 2 or slope.order <= 3
    inside = [r.real for r in slope.roots if abs(r.imag) < 1e-7]
    low, high = max(0.0, -difference), min(1.0, 1.0 - difference)

    def log_likelihood(r):
        terms = ((x, r + difference), (n - x, 1 - r - difference), (y, r), (m - y, 1 - r))
        return sum(k * math.log(max(s, 1e-300)) for k, s in terms if k)

    r = max((min(max(r, low), high) for r in (*inside, low, high)), key=log_likelihood)
    s = r + difference
    variance = (s * (1 - s) / n + r * (1 - r) / m) * (n + m) / (n + m - 1)
    return (x / n - y / m - difference) / math.sqrt(variance)


@given(st.integers(5, 60), st.integers(5, 60), st.data())
def test_the_ends_of_the_interval_are_where_the_score_is_critical(n, m, data):
    x, y = data.draw(st.integers(1, n - 1)), data.draw(st.integers(1, m - 1))
    found = compared(x, n, y, m)
    assert score_of_difference(x, n, y, m, found.interval.low) == pytest.approx(Z, abs=1e-6)
    assert score_of_difference(x, n, y, m, found.interval.high) == pytest.approx(-Z, abs=1e-6)


@given(st.integers(5, 60), st.integers(5, 60), st.data())
def test_the_p_value_is_that_of_the_pooled_test(n, m, data):
    x, y = data.draw(st.integers(1, n - 1)), data.draw(st.integers(1, m - 1))
    pooled = (x + y) / (n + m)
    variance = pooled * (1 - pooled) * (1 / n + 1 / m) * (n + m) / (n + m - 1)
    expected = 2 * stats.norm.sf(abs(x / n - y / m) / math.sqrt(variance))
    assert compared(x, n, y, m).p_value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("counts", "low", "high"), [((56, 70, 48, 80), 0.0528, 0.3382), ((9, 10, 3, 10), 0.1700, 0.8406)]
)
def test_published_intervals_are_met(counts, low, high):
    """Newcombe 1998, Statistics in Medicine 17, table II, method 6 (Miettinen & Nurminen)."""
    found = compared(*counts)
    assert (found.interval.low, found.interval.high) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(5, 60), st.integers(5, 60), st.data())
def test_lifts_are_where_the_score_of_the_ratio_is_critical(n, m, data):
    """Miettinen & Nurminen 1985: the control's likeliest share under a ratio is a root of a quadratic."""
    x, y = data.draw(st.integers(1, n - 1)), data.draw(st.integers(1, m - 1))
    found = compared(x, n, y, m)
    assert found.lifts.shape is Shape.INTERVAL
    for end, sign in ((found.lifts.low, 1), (found.lifts.high, -1)):
        ratio = 1 + end
        a, b, c = (n + m) * ratio, -(n * ratio + x + m + y * ratio), x + y
        q = (-b - math.sqrt(b * b - 4 * a * c)) / (2 * a)
        p = ratio * q
        variance = (p * (1 - p) / n + ratio**2 * q * (1 - q) / m) * (n + m) / (n + m - 1)
        assert (x / n - ratio * y / m) / math.sqrt(variance) == pytest.approx(sign * Z, abs=1e-6)


def test_three_of_20_against_eight_of_22_has_an_interval():
    found = compared(3, 20, 8, 22)
    assert score_of_difference(3, 20, 8, 22, found.interval.low) == pytest.approx(Z, abs=1e-9)
    assert score_of_difference(3, 20, 8, 22, found.interval.high) == pytest.approx(-Z, abs=1e-9)


def test_a_control_of_zero_has_a_difference_and_a_lift_without_upper_bound():
    found = compared(9, 20, 0, 22)
    assert found.significant
    assert found.interval.low > 0
    assert found.lift is None
    assert found.lifts.shape is Shape.RAY
    assert found.lifts.low > 0
    assert "without bound" in found.lifts.describe()


def test_nobody_anywhere_tells_of_the_difference_and_nothing_of_the_lift():
    found = compared(0, 30, 0, 40)
    assert found.p_value == 1
    assert found.interval.low < 0 < found.interval.high
    assert found.lifts.shape is Shape.EVERYTHING


@pytest.mark.parametrize("counts", [(20, 20, 22, 22), (20, 20, 0, 22), (0, 1, 1, 1), (0, 20, 5, 22)])
def test_the_edges_have_finite_intervals(counts):
    found = compared(*counts)
    assert -1 <= found.interval.low <= found.pair.difference <= found.interval.high <= 1
    assert 0 < found.p_value <= 1


def test_huge_samples_give_a_p_value_that_is_not_zero():
    found = compared(400_000, 1_000_000, 500_000, 1_000_000)
    assert 0 < found.p_value < 1e-300
    assert found.log10_p < -4000


def test_an_arm_without_subjects_is_not_identified():
    assert isinstance(compare_shares("treatment", "control", Count(0, 0), Count(3, 9)), NotIdentified)


@pytest.mark.parametrize(("successes", "n"), [(-1, 3), (4, 3)])
def test_impossible_counts_are_refused(successes, n):
    with pytest.raises(ValueError, match="0 to n"):
        Count(successes, n)
