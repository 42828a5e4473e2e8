"""The posterior: linearity, calibration on simulated athletes, honest widening."""

from __future__ import annotations

import random
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modeling.core.conventions import exponential_sums, pmc
from modeling.core.errors import FitError
from modeling.core.posterior import fit_posterior
from modeling.core.report import fit_report
from modeling.core.series import LoadSeries, PerformanceTest
from tests.modeling.evaluation import evaluate
from tests.modeling.simulator import START, simulate
from tests.support import chance

pytestmark = pytest.mark.pure


def fitted(n_tests: int = 8, seed: int = 3, noise: float = 0.015):
    athlete = simulate(random.Random(seed), n_tests=n_tests, noise=noise, days=300)
    series = LoadSeries(START, np.array(athlete.loads), np.ones(300, dtype=np.bool_))
    tests = [PerformanceTest(athlete.day(day), value, "race") for day, value in athlete.tests]
    return athlete, series, tests, fit_posterior(series, tests)


@pytest.mark.chance
def test_sixty_fresh_athletes_are_covered_and_beat_the_last_test():
    seed = chance.seed()
    score = evaluate(60, seed)
    # Binomial bounds: a calibrated fit misses these about once in ten thousand runs.
    assert 0.68 <= np.mean(score.inside80) <= 0.99, seed
    assert np.mean(score.inside95) >= 0.85, seed
    assert np.mean(score.tau1_inside95) >= 0.85, seed
    assert np.mean(score.ours) < np.mean(score.last), seed


def test_race_day_agrees_with_the_prediction_and_is_linear_in_the_loads():
    *_, fit = fitted()
    rng = np.random.default_rng(1)
    a, b = rng.uniform(0, 120, (2, 70))
    response = fit.race_day(70)
    assert response.expected(a) == pytest.approx(fit.predict(a).mean[-1])
    morning = fit.predict_at(np.array([370.0]), np.concatenate([fit.series.loads, a]), level=0.8, kind="race")
    assert response.interval(a) == pytest.approx((morning.low[0], morning.high[0]), rel=1e-5)
    assert response.expected((a + b) / 2) == pytest.approx((response.expected(a) + response.expected(b)) / 2)


def test_interval_widens_with_the_horizon():
    *_, fit = fitted()
    prediction = fit.predict(np.full(150, 50.0))
    width = (prediction.high - prediction.low)[-151:]
    assert width[-1] > width[30] > width[0]


def test_an_unknown_gap_widens_the_interval_and_is_reported():
    athlete, series, tests, fit = fitted()
    known = series.known.copy()
    known[-60:] = False
    early = [test for test in tests if series.index(test.day) < 240]
    gap = fit_posterior(LoadSeries(series.start, series.loads, known), early)
    whole = fit_posterior(series, early)
    width = gap.predict(np.zeros(0)).high[-1] - gap.predict(np.zeros(0)).low[-1]
    assert width > 1.1 * (whole.predict(np.zeros(0)).high[-1] - whole.predict(np.zeros(0)).low[-1])
    report = fit_report(LoadSeries(series.start, series.loads, known), early).as_dict()
    assert any("unknown, not rest" in warning for warning in report["warnings"])


def test_with_sixty_clean_tests_the_prior_has_no_say_left():
    athlete, _, _, fit = fitted(n_tests=60, noise=0.001)
    loads = np.array(athlete.loads)
    days = np.arange(30, 300, dtype=np.float64)
    predicted = fit.predict_at(days, loads, level=0.8, kind="lab", same_day=True).mean
    truth = np.array(athlete.truth)[30:]
    assert np.abs(predicted / truth - 1).max() < 0.01


def test_fewer_than_five_tests_are_a_labelled_population_fit():
    _, series, tests, _ = fitted()
    report = fit_report(series, tests[:4]).as_dict()
    assert report["grade"] == "population"
    assert any("population" in warning for warning in report["warnings"])


def test_order_of_tests_does_not_matter():
    _, series, tests, fit = fitted()
    again = fit_posterior(series, list(reversed(tests)))
    assert again.parameters() == fit.parameters()


@pytest.mark.parametrize("load", [float("nan"), -1.0, 1e6, float("inf")])
def test_impossible_loads_are_refused_by_day(load):
    with pytest.raises(FitError, match=str(START)) as refused:
        LoadSeries.from_daily({START: load})
    assert refused.value.field == "loads"


@pytest.mark.parametrize("value", [0.0, -3.0, float("nan")])
def test_impossible_test_values_are_refused(value):
    with pytest.raises(FitError, match="test value"):
        PerformanceTest(START, value)


def test_least_squares_refuses_tests_on_one_day():
    _, series, tests, _ = fitted()
    same_day = [PerformanceTest(tests[0].day, 40 + i) for i in range(6)]
    with pytest.raises(FitError, match="all tests are on one day"):
        fit_report(series, same_day, method="least-squares")
    assert fit_report(series, same_day).grade == "population"


def test_gaps_over_21_days_are_unknown_and_shorter_ones_are_rest():
    days = [START, START + timedelta(days=21), START + timedelta(days=60)]
    series = LoadSeries.from_daily(dict.fromkeys(days, 50.0))
    assert series.known[:22].all()
    assert not series.known[22:60].any()
    assert series.known[60]


@given(st.lists(st.floats(0, 300), min_size=1, max_size=80), st.floats(3, 90))
def test_two_conventions_differ_by_a_gain_only(loads, tau):
    """Counting the day's own load or only those before it rescales the sum, given that the day itself is a rest day."""
    padded = np.array([*loads, 0.0])
    same_day = exponential_sums(padded, np.array([tau]))[0, -1]
    day_before = exponential_sums(padded[:-1], np.array([tau]))[0, -1]
    assert same_day == pytest.approx(day_before * np.exp(-1 / tau), abs=1e-9)


@given(st.lists(st.floats(0, 300), min_size=1, max_size=60), st.floats(0, 120), st.floats(0, 150))
def test_pmc_matches_the_plain_recursion(loads, ctl0, atl0):
    states = pmc(np.array(loads), ctl0, atl0)
    ctl, atl = ctl0, atl0
    for day, load in enumerate(loads):
        assert states.ctl[day] == pytest.approx(ctl, abs=1e-9)
        assert states.tsb[day] == pytest.approx(ctl - atl, abs=1e-9)
        ctl += (load - ctl) * (1 - np.exp(-1 / 42))
        atl += (load - atl) * (1 - np.exp(-1 / 7))
    assert states.ctl[-1] == pytest.approx(ctl, abs=1e-9)
