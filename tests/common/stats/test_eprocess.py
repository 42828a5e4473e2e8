"""The sequential tests: exact ratios, false alarms within alpha, regressions found."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, nchypergeom_fisher

from common.stats.eprocess import MIXTURE, EProcess
from common.stats.srm import ALPHA, ShareProcess

pytestmark = pytest.mark.pure

RUNS = 600


@st.composite
def windows(draw):
    n_new, n_control = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    return draw(st.integers(0, n_new)), n_new, draw(st.integers(0, n_control)), n_control


@given(windows(), st.sampled_from([0.8, 1.0, 1.2, 2.0]))
def test_one_window_is_the_mixture_of_fishers_noncentral_ratios(window, margin):
    bad_new, n_new, bad_control, n_control = window
    process = EProcess(margin)
    process.observe_shares(*window)

    def chance(ratio):
        return nchypergeom_fisher.pmf(bad_new, n_new + n_control, bad_new + bad_control, n_new, ratio)

    expected = sum(share * chance(margin * multiple) / chance(margin) for multiple, share in MIXTURE)
    assert process.e == pytest.approx(expected, rel=1e-6)


@given(st.integers(1, 25), st.integers(1, 25), st.data(), st.sampled_from([0.2, 0.7, 1.0]))
def test_expected_evidence_is_at_most_one_where_the_odds_are_within_the_margin(n_new, n_control, data, share_of_margin):
    bad, margin = data.draw(st.integers(0, n_new + n_control)), 1.2
    total = 0.0
    for x in range(max(0, bad - n_control), min(n_new, bad) + 1):
        process = EProcess(margin)
        process.observe_shares(x, n_new, bad - x, n_control)
        total += process.e * nchypergeom_fisher.pmf(x, n_new + n_control, bad, n_new, margin * share_of_margin)
    assert total <= 1 + 1e-9


@given(st.integers(0, 12), st.integers(1, 500), st.integers(1, 500))
def test_expected_evidence_of_events_is_one_under_equal_rates(events, exposed, exposed_control):
    total = 0.0
    for x in range(events + 1):
        process = EProcess()
        process.observe_events(x, exposed, events - x, exposed_control)
        total += process.e * binom.pmf(x, events, exposed / (exposed + exposed_control))
    assert total == pytest.approx(1)


def highest(rng, truth, truth_control, *, share, windows=300, mean=60.0):
    """Evidence of arms whose size and error rate change by the hour."""
    process = EProcess()
    for index in range(windows):
        drift = 1 + 0.8 * math.sin(index / 20)
        n = rng.poisson(mean * drift)
        n_new = rng.binomial(n, share)
        process.observe_shares(
            rng.binomial(n_new, truth * drift), n_new, rng.binomial(n - n_new, truth_control * drift), n - n_new
        )
    return process.highest


def test_false_alarms_stay_within_alpha_though_sizes_and_rates_drift():
    rng, alpha = np.random.default_rng(11), 0.05
    alarms = sum(highest(rng, 0.03, 0.03, share=0.3) >= 1 / alpha for _ in range(RUNS)) / RUNS
    assert alarms <= alpha + 3 * math.sqrt(alpha * (1 - alpha) / RUNS)


def test_a_threefold_error_rate_is_found():
    rng = np.random.default_rng(12)
    found = [highest(rng, 0.03, 0.01, share=0.5) >= 100 for _ in range(50)]
    assert all(found)


def test_a_better_arm_never_gathers_evidence():
    assert highest(np.random.default_rng(13), 0.01, 0.03, share=0.5) < 20


@pytest.mark.parametrize("window", [(0, 10, 0, 10), (3, 3, 0, 0), (0, 0, 4, 4), (10, 10, 5, 5)])
def test_a_window_that_tells_nothing_changes_nothing(window):
    process = EProcess()
    process.observe_shares(*window)
    assert process.e == pytest.approx(1)


def test_large_counts_neither_overflow_nor_become_nan():
    process = EProcess()
    for _ in range(3):
        process.observe_shares(40_000, 50_000, 1_000, 50_000)
    assert 1e300 < process.highest < math.inf
    assert math.isfinite(process.log_e)


@pytest.mark.parametrize("window", [(-1, 3, 0, 3), (4, 3, 0, 3), (0, 3, 4, 3)])
def test_impossible_counts_are_refused(window):
    with pytest.raises(ValueError, match="0 to n"):
        EProcess().observe_shares(*window)


@pytest.mark.parametrize("margin", [0.0, -1.0, math.nan, math.inf])
def test_a_margin_is_a_positive_number(margin):
    with pytest.raises(ValueError, match="margin"):
        EProcess(margin)


@given(st.floats(0.01, 0.99), st.integers(1, 40))
def test_expected_evidence_of_a_mismatch_is_one_under_the_expected_share(share, n):
    total = 0.0
    for new in range(n + 1):
        process = ShareProcess()
        process.observe(new, n - new, share)
        total += math.exp(process.log_e) * binom.pmf(new, n, share)
    assert total == pytest.approx(1)


def test_a_mismatch_is_not_found_where_there_is_none_and_the_share_changes():
    rng, alarms = np.random.default_rng(14), 0
    for _ in range(300):
        process = ShareProcess()
        for index in range(200):
            share = 0.05 if index < 80 else 0.15
            new = rng.binomial(100, share)
            process.observe(new, 100 - new, share)
        alarms += process.mismatch(0.05)
    assert alarms / 300 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 300)


def test_a_mismatch_of_two_points_is_found_and_stays_found():
    process = ShareProcess()
    for _ in range(200):
        process.observe(52, 48, 0.5)
    assert process.mismatch(ALPHA)
    for _ in range(1000):
        process.observe(50, 50, 0.5)
    assert process.mismatch(ALPHA)


def test_no_split_is_no_mismatch():
    process = ShareProcess()
    process.observe(10_000, 0, 0.0)
    process.observe(10_000, 0, 1.0)
    assert process.log_e == 0
