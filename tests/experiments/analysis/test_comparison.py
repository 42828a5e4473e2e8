"""One test on two scales: p < alpha exactly where the interval excludes 0, of the difference and of the lift."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiments.analysis import (
    Comparison,
    Count,
    NotIdentified,
    Pair,
    Shape,
    Tuning,
    compare_shares,
    fixed,
    sequence,
)
from experiments.analysis.tails import SMALLEST

pytestmark = pytest.mark.pure


def pair(mean_treatment, mean_control, v_treatment, v_control, covariance=0.0, df=math.inf, n=100):
    return Pair("treatment", "control", mean_treatment, mean_control, v_treatment, v_control, covariance, df, n, n)


means = st.floats(-100, 100) | st.sampled_from([0.0, 1e-9, 1e6])
variances = st.floats(1e-6, 100)


@st.composite
def pairs(draw):
    v, w = draw(variances), draw(variances | st.just(0.0))
    covariance = draw(st.floats(-0.9, 0.9)) * math.sqrt(v * w)
    df = draw(st.sampled_from([3.0, 7.4, 30.0, 5e3, math.inf]))
    return pair(draw(means), draw(means), v, w, covariance, df, draw(st.integers(2, 5000)))


def agree(found: Comparison) -> None:
    if abs(math.log(found.p_value / found.alpha)) < 1e-9:
        return  # at the edge itself the two round apart
    assert (found.p_value < found.alpha) == found.significant == found.interval.excludes_zero
    assert found.lifts.excludes_zero == found.significant
    if found.lifts.shape is not Shape.UNDEFINED:
        assert (0.0 in found.lifts) == (not found.significant)


@given(pairs(), st.sampled_from([0.001, 0.05, 0.2]))
def test_p_and_both_intervals_agree_at_one_look(given_pair, alpha):
    agree(fixed(given_pair, alpha=alpha))


@given(pairs(), st.sampled_from([0.001, 0.05, 0.2]), st.integers(10, 20_000))
def test_p_and_both_intervals_agree_at_every_look(given_pair, alpha, planned):
    agree(sequence(given_pair, Tuning(planned), alpha=alpha))


@given(st.integers(1, 60), st.integers(1, 60), st.data(), st.sampled_from([0.01, 0.05, 0.2]))
def test_p_and_both_intervals_agree_for_shares(n, m, data, alpha):
    x, y = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    found = compare_shares("treatment", "control", Count(x, n), Count(y, m), alpha=alpha)
    assert not isinstance(found, NotIdentified)
    agree(found)


@given(pairs())
def test_the_estimate_lies_in_its_intervals(given_pair):
    found = fixed(given_pair)
    assert found.interval.low <= given_pair.difference <= found.interval.high
    if found.lift is not None and found.lifts.shape is not Shape.UNDEFINED and abs(given_pair.mean_control) > 1e-6:
        assert any(found.lift * (1 + slack) in found.lifts for slack in (0, 1e-9, -1e-9))


@given(st.floats(1, 50), st.floats(5, 50), st.floats(0.01, 1), st.floats(0.01, 1), st.floats(-0.5, 0.5))
def test_a_bounded_set_of_lifts_is_fiellers(m, k, v, w, correlation):
    """The textbook form for a ratio of two means with variances v, w and a covariance."""
    covariance = correlation * math.sqrt(v * w)
    found = fixed(pair(m, k, v, w, covariance, df=20.0))
    q = stats.t.ppf(0.975, 20)
    g = q * q * w / k**2
    ratio = m / k
    root = math.sqrt(v - 2 * ratio * covariance + ratio**2 * w - g * (v - covariance**2 / w))
    middle = ratio - g * covariance / w
    low, high = ((middle + sign * q / k * root) / (1 - g) - 1 for sign in (-1, 1))
    assert found.lifts.shape is Shape.INTERVAL
    assert (found.lifts.low, found.lifts.high) == pytest.approx((low, high), abs=1e-9)


@given(pairs(), st.floats(-20, 20))
def test_a_lift_is_in_the_set_exactly_where_the_test_does_not_refuse_it(given_pair, lift):
    found = fixed(given_pair)
    ratio = 1 + lift
    v, w, c = given_pair.variance_treatment, given_pair.variance_control, given_pair.covariance
    distance = abs(given_pair.mean_treatment - ratio * given_pair.mean_control)
    reach = stats.t.ppf(0.975, given_pair.df) * math.sqrt(v - 2 * ratio * c + ratio**2 * w)
    if found.lifts.shape is not Shape.UNDEFINED and abs(distance - reach) > 1e-6 * (distance + reach):
        assert (lift in found.lifts) == (distance < reach)


@pytest.mark.parametrize(
    ("given_pair", "shape", "words"),
    [
        (pair(5.0, 5.0, 0.1, 0.1), Shape.INTERVAL, "to"),
        (pair(9.0, 0.5, 0.1, 0.1), Shape.TWO_RAYS, "without bound"),
        (pair(0.1, 0.1, 1.0, 1.0), Shape.EVERYTHING, "without bound"),
        (pair(0.3, 0.0, 0.01, 0.0), Shape.UNDEFINED, "the control is zero"),
        (pair(0.1, 0.0, 0.01, 0.0), Shape.UNDEFINED, "the control is zero"),
    ],
)
def test_sets_without_bound_are_said_aloud(given_pair, shape, words):
    found = fixed(given_pair)
    assert found.lifts.shape is shape
    assert words in found.lifts.describe()
    assert found.lifts.bounded is (shape is Shape.INTERVAL)
    agree(found)


def test_two_rays_leave_out_what_lies_between():
    lifts = fixed(pair(9.0, 0.5, 0.1, 0.1)).lifts
    assert 0.0 not in lifts
    assert -100.0 in lifts
    assert 100.0 in lifts


def test_a_control_of_zero_has_a_result_in_the_metrics_unit():
    found = fixed(pair(0.3, 0.0, 0.01, 0.0, df=40.0))
    assert found.lift is None
    assert found.significant
    assert found.interval.low > 0


def test_a_tiny_p_value_is_not_zero():
    for df in (math.inf, 5e4):
        found = fixed(pair(100.0, 0.0, 1.0, 0.0, df=df))
        assert found.p_value == SMALLEST
        assert -2300 < found.log10_p < -1500
    assert fixed(pair(100.0, 0.0, 1.0, 0.0)).log10_p == pytest.approx(stats.norm.logsf(100) / math.log(10) + 0.30103)


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, math.nan])
def test_alpha_lies_between_0_and_1(alpha):
    with pytest.raises(ValueError, match="alpha"):
        fixed(pair(1.0, 1.0, 1.0, 1.0), alpha=alpha)
