"""The confidence sequence is the paper's, its evidence is fair, and daily looks do not mislead."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiments.analysis import Pair, Tuning, sequence
from experiments.analysis.sequences import boundary, boundary_above, log_evidence_above
from tests.experiments.analysis.simulating import SETTINGS, misled

pytestmark = pytest.mark.pure

RUNS = 80
LEVELS = st.sampled_from([0.001, 0.01, 0.05, 0.2])


def pair(difference, variance, n=100, df=math.inf):
    return Pair("treatment", "control", 10.0 + difference, 10.0, variance / 2, variance / 2, 0.0, df, n, n)


@given(st.integers(2, 10**6), st.integers(10, 10**6), LEVELS, st.floats(0.1, 10))
def test_the_radius_is_that_of_the_paper(n, planned, alpha, sd):
    """Waudby-Smith et al. 2024: sd sqrt(2 (n rho^2 + 1) / (n^2 rho^2) log(sqrt(n rho^2 + 1) / alpha))."""
    found = sequence(pair(0.3, sd**2 / (2 * n), n), Tuning(planned, 0.05), alpha=alpha)
    rho2 = (-2 * math.log(0.05) + math.log(-2 * math.log(0.05) + 1)) / planned
    t = 2 * n
    radius = sd * math.sqrt(2 * (t * rho2 + 1) / (t**2 * rho2) * math.log(math.sqrt(t * rho2 + 1) / alpha))
    assert found.interval.high - found.pair.difference == pytest.approx(radius, rel=1e-9)


@given(st.floats(0.001, 1e4))
def test_expected_evidence_is_one_where_there_is_no_effect(u):
    z = np.linspace(-12, 12, 4001) * math.sqrt(1 + u)
    two_sided = stats.norm.logpdf(z) + z * z * u / (1 + u) / 2 - math.log1p(u) / 2
    assert np.trapezoid(np.exp(two_sided), z) == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize("u", [0.01, 1.0, 30.0, 1000.0])
def test_expected_one_sided_evidence_is_one_at_the_margin_and_less_below(u):
    z = np.linspace(-12, 12 * math.sqrt(1 + u), 4001)
    evidence = np.array([math.exp(log_evidence_above(float(each), u) + stats.norm.logpdf(each)) for each in z])
    assert np.trapezoid(evidence, z) == pytest.approx(1, rel=1e-4)
    shifted = np.array([math.exp(log_evidence_above(float(each), u) + stats.norm.logpdf(each + 0.5)) for each in z])
    assert np.trapezoid(shifted, z) < 1


@given(st.floats(0.001, 1e4), LEVELS)
def test_boundaries_are_where_the_evidence_is_enough(u, alpha):
    z = boundary(u, alpha)
    assert z * z * u / (1 + u) / 2 - math.log1p(u) / 2 == pytest.approx(-math.log(alpha), rel=1e-9)
    above = boundary_above(u, alpha)
    assert log_evidence_above(above, u) == pytest.approx(-math.log(alpha), rel=1e-9)
    assert 0 < above < z


@pytest.mark.parametrize("alpha", [0.01, 0.05])
def test_the_boundary_is_lower_at_the_planned_n_than_one_tuned_for_another(alpha):
    tuning = Tuning(1000, alpha)
    for planned in (300, 3000):
        assert boundary(Tuning(planned, alpha).u(1000), alpha) > boundary(tuning.u(1000), alpha)


@given(st.floats(0.001, 5), st.sampled_from([4.0, 9.0, 40.0]))
def test_few_clusters_make_it_wider(difference, df):
    few, many = sequence(pair(difference, 1.0, df=df), Tuning(200)), sequence(pair(difference, 1.0), Tuning(200))
    assert few.interval.high > many.interval.high
    assert few.p_value >= many.p_value


@pytest.mark.parametrize("name", ["skewed, CUPED", "12 coaches in both arms"])
def test_thirty_daily_looks_mislead_in_five_percent_at_most(name):
    found = [misled(SETTINGS[name], seed) for seed in range(RUNS)]
    most = 0.05 + 3 * math.sqrt(0.05 * 0.95 / RUNS)
    assert sum(each.sequence for each in found) / RUNS <= most
    assert sum(each.guardrail for each in found) / RUNS <= most
    assert sum(each.peeking for each in found) / RUNS > most  # what the sequence is for


@pytest.mark.parametrize("planned", [0, -1, math.inf, math.nan])
def test_a_planned_n_is_positive(planned):
    with pytest.raises(ValueError, match="planned"):
        Tuning(planned)
