"""Tails agree with scipy.stats where it has digits, go on where it has none, and never disagree with themselves."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiments.analysis.tails import SMALLEST, critical, log_tail, normal_score, probability

pytestmark = pytest.mark.pure

degrees = st.sampled_from([1.0, 2.5, 4.0, 11.0, 60.3, 1e3, 1e6, math.inf])


@given(st.floats(0, 20), degrees)
def test_the_tail_is_students(t, df):
    expected = stats.norm.logsf(t) if math.isinf(df) else stats.t.logsf(t, df)
    assert log_tail(t, df) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("df", [40.0, 300.0, 1e4, 1e6])
def test_far_out_the_logarithm_is_that_of_the_integral(df):
    """Trapezoids of the density on a log scale, scaled by its value at t."""
    t = 400.0
    at = np.log(t) + np.linspace(0, 60 / min(df, 1e5), 400_001)
    log_density = stats.t.logpdf(np.exp(at), df) + at
    expected = log_density[0] + math.log(np.trapezoid(np.exp(log_density - log_density[0]), at))
    assert log_tail(t, df) == pytest.approx(expected, rel=1e-8)


@given(st.floats(-2000, -0.7), st.sampled_from([30.0, 200.0, 1e5, math.inf]))
def test_critical_values_are_the_inverse(log_probability, df):
    assert log_tail(critical(log_probability, df), df) == pytest.approx(log_probability, rel=1e-9)


def test_with_few_degrees_of_freedom_what_nothing_could_show_stays_finite():
    assert critical(-2000.0, 3.0) == pytest.approx(1e30)


@given(st.floats(-30, 30), degrees)
def test_a_normal_score_keeps_the_sign_and_is_never_farther_out(t, df):
    z = normal_score(t, df)
    assert z * t >= 0
    assert abs(z) <= abs(t) * (1 + 1e-9) + 1e-9


def test_a_probability_is_never_shown_as_nothing():
    assert probability(-1e6) == SMALLEST > 0
    assert probability(0.3) == 1
    assert probability(-1.5) == pytest.approx(math.exp(-1.5))
