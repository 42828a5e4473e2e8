"""Power and what follows from it, against scipy's noncentral t and against simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiments.analysis import Design, design_effect, detectable, power, run_time, standard_error, subjects_needed
from experiments.analysis.sequences import Tuning, boundary

pytestmark = pytest.mark.pure


@given(st.integers(8, 5000), st.floats(0.01, 1), st.floats(0.2, 0.8))
def test_power_is_that_of_the_two_sample_t_test(n, effect, share):
    design = Design(2.0, share, 1 - share, sequential=False)
    se = 2.0 * math.sqrt(1 / (n * share) + 1 / (n * (1 - share)))
    beyond = stats.t.ppf(0.975, n - 2)
    below = stats.nct.sf(beyond, n - 2, -effect / se)  # the cdf at -beyond is NaN at ordinary sizes
    expected = stats.nct.sf(beyond, n - 2, effect / se) + np.nan_to_num(below)
    assert power(design, n, effect) == pytest.approx(expected, abs=1e-9)
    assert power(design, n, -effect) == pytest.approx(expected, abs=1e-9)


def test_power_of_a_simulated_test():
    rng = np.random.default_rng(3)
    a, b = rng.normal(0, 1, (20_000, 30)), rng.normal(0.7, 1, (20_000, 30))
    seen = (stats.ttest_ind(a, b, axis=1).pvalue < 0.05).mean()
    assert power(Design(1.0, sequential=False), 60, 0.7) == pytest.approx(seen, abs=0.01)


@given(st.integers(10, 5000), st.floats(0.3, 0.99), st.booleans())
def test_the_detectable_effect_is_found_with_its_power(n, wanted, sequential):
    design = Design(3.0, sequential=sequential)
    effect = detectable(design, n, power=wanted)
    assert effect is not None
    assert power(design, n, effect) == pytest.approx(wanted, abs=1e-9)


@given(st.floats(0.05, 2), st.booleans())
def test_one_subject_fewer_is_not_enough(effect, sequential):
    design = Design(1.0, 0.3, 0.7, sequential=sequential)
    n = subjects_needed(design, effect)
    assert n is not None
    assert detectable(design, n) <= effect < detectable(design, n - 1)


def test_a_sequence_asks_for_its_boundary_at_the_planned_n():
    alpha = 0.05
    beyond = boundary(Tuning(10**6).u(10**6), alpha)
    expected = (beyond + stats.norm.ppf(0.8)) * 2 * math.sqrt(1 / 10**6)
    assert detectable(Design(1.0), 10**6) == pytest.approx(expected, rel=1e-5)


def test_cuped_and_clusters_change_the_standard_error():
    plain = standard_error(Design(2.0), 240)
    assert plain == pytest.approx(2 * math.sqrt(2 / 120))
    assert standard_error(Design(2.0, variance_reduction=0.36), 240) == pytest.approx(0.8 * plain)
    clustered = Design(2.0, clusters=12, icc=0.1, cluster_size_cv=0.5)
    assert design_effect(10, 0.1, 0.5) == pytest.approx(1 + (1.25 * 10 - 1) * 0.1)
    assert standard_error(clustered, 240) == pytest.approx(plain * math.sqrt(design_effect(10, 0.1, 0.5)))


def test_more_treatments_ask_for_more():
    design, three = Design(1.0, 0.25, 0.25), Design(1.0, 0.25, 0.25, comparisons=3)
    assert detectable(three, 400) > detectable(design, 400)
    bonferroni = Design(1.0, 0.25, 0.25, alpha=0.05 / 3)
    assert detectable(three, 400) == pytest.approx(detectable(bonferroni, 400))


def test_twelve_coaches_never_show_what_they_differ_by():
    assert subjects_needed(Design(1.0, clusters=12, icc=0.2), 0.1) is None
    assert subjects_needed(Design(1.0, clusters=12, icc=0.0), 0.1) is not None


def test_an_arm_of_weight_zero_shows_nothing():
    design = Design(1.0, 0.0, 1.0)
    assert detectable(design, 1000) is None
    assert power(design, 1000, 1.0) == 0
    assert subjects_needed(design, 1.0) is None


@pytest.mark.parametrize(("n", "a_day", "days"), [(100, 10, 14), (70, 10, 7), (71, 10, 14), (1, 1000, 7), (9, 0, None)])
def test_an_experiment_runs_whole_weeks(n, a_day, days):
    assert run_time(n, a_day) == days


@pytest.mark.parametrize(
    "wrong",
    [
        {"sd": 0.0},
        {"sd": math.nan},
        {"sd": 1.0, "share_treatment": -0.1},
        {"sd": 1.0, "share_treatment": 0.9},
        {"sd": 1.0, "comparisons": 0},
        {"sd": 1.0, "variance_reduction": 1.0},
        {"sd": 1.0, "clusters": 1},
        {"sd": 1.0, "icc": 1.5},
        {"sd": 1.0, "alpha": 0.0},
    ],
)
def test_impossible_designs_are_refused(wrong):
    with pytest.raises(ValueError, match=r"."):
        Design(**wrong)


def test_impossible_questions_are_refused():
    with pytest.raises(ValueError, match="nothing"):
        subjects_needed(Design(1.0), 0.0)
    with pytest.raises(ValueError, match="power"):
        detectable(Design(1.0), 100, power=1.0)
