"""A split that is as it should be stays quiet, a leak is found, in all subjects or in a stratum."""

from __future__ import annotations

import itertools
import math
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from common.stats.eprocess import LARGEST
from common.stats.srm import ShareProcess, SplitProcess
from experiments.analysis import Arrivals, sample_ratio
from tests.experiments.analysis.simulating import first_alarm

pytestmark = pytest.mark.pure

EVEN = {"control": 1.0, "treatment": 1.0}


@given(st.integers(1, 14), st.sampled_from([(1, 1, 1), (0.5, 0.3, 0.2), (3, 1, 0)]))
def test_expected_evidence_is_one_under_the_weights(n, weights):
    shares = np.array(weights) / sum(weights)
    total = 0.0
    for counts in itertools.product(range(n + 1), repeat=3):
        if sum(counts) == n and (chance := stats.multinomial.pmf(counts, n, shares)) > 0:
            process = SplitProcess()
            process.observe(counts, weights)
            total += math.exp(process.log_e) * chance
    assert total == pytest.approx(1)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=6), st.floats(0.05, 0.95))
def test_two_arms_give_the_bayes_factor_of_a_beta_binomial(days, share):
    process = ShareProcess()
    for new, control in days:
        process.observe(new, control, share)
    new, n = sum(day[0] for day in days), sum(map(sum, days))
    expected = stats.betabinom.logpmf(new, n, 1000 * share, 1000 * (1 - share)) - stats.binom.logpmf(new, n, share)
    assert process.log_e == pytest.approx(expected, abs=1e-8)


def test_where_the_weights_change_the_evidence_so_far_stands():
    process, later = SplitProcess(), SplitProcess()
    process.observe((60, 40), (1, 1))
    before = process.log_e
    process.observe((30, 70), (1, 3))
    later.observe((30, 70), (1, 3))
    assert process.log_e == pytest.approx(before + later.log_e)


def test_a_phase_that_trades_an_arm_for_another_is_no_mismatch():
    phases = [Arrivals({"a": 500, "b": 500}, {"a": 1, "b": 1}), Arrivals({"a": 500, "c": 500}, {"a": 1, "c": 1})]
    found = sample_ratio(phases)
    assert not found.mismatch
    assert found.e_value == 1


def test_an_arm_of_weight_zero_takes_nobody():
    weights = {"control": 1.0, "treatment": 1.0, "closed": 0.0}
    assert not sample_ratio([Arrivals({"control": 50, "treatment": 50}, weights)]).mismatch
    found = sample_ratio([Arrivals({"control": 50, "treatment": 50, "closed": 1}, weights)])
    assert found.mismatch
    assert found.e_value == pytest.approx(math.exp(LARGEST))


def test_an_alarm_names_the_stratum_and_stays():
    leaking = Arrivals({"control": 160, "treatment": 40}, EVEN, "running")
    even = Arrivals({"control": 50, "treatment": 50}, EVEN, "cycling")
    found = sample_ratio([even] * 30 + [leaking] + [even] * 300, strata=["cycling", "running"])
    assert found.mismatch
    assert found.alarmed_at == 30
    assert found.strata == ("running",)
    assert "running" in found.why


def test_the_same_leak_is_lost_in_the_whole():
    leaking = Arrivals({"control": 160, "treatment": 40}, EVEN)
    even = Arrivals({"control": 50, "treatment": 50}, EVEN)
    assert not sample_ratio([even] * 30 + [leaking] + [even] * 300).mismatch


@pytest.mark.parametrize("strata", [0, 6])
def test_false_alarms_stay_within_alpha(strata):
    runs, alpha = 200, 0.05
    alarms = sum(first_alarm(seed, leak=0, days=40, alpha=alpha, strata=strata) is not None for seed in range(runs))
    assert alarms / runs <= alpha + 3 * math.sqrt(alpha * (1 - alpha) / runs)


@pytest.mark.parametrize("strata", [0, 12])
def test_a_leak_of_three_points_is_found_by_day_36(strata):
    days = [first_alarm(seed, leak=0.03, days=90, alpha=0.01, strata=strata) or 999 for seed in range(60)]
    assert median(days) <= 36


@pytest.mark.parametrize(
    ("arrivals", "message"),
    [
        (Arrivals({"control": 1}, {"control": 1.0}, "elsewhere"), "not named"),
        (Arrivals({"other": 1}, EVEN, "running"), "weight"),
        (Arrivals({"control": -1}, EVEN, "running"), "negative"),
        (Arrivals({}, {"control": 0.0}, "running"), "positive"),
        (Arrivals({}, {"control": -1.0, "treatment": 2.0}, "running"), "negative"),
    ],
)
def test_what_cannot_be_is_refused(arrivals, message):
    with pytest.raises(ValueError, match=message):
        sample_ratio([arrivals], strata=["running"])


def test_alpha_and_prior_are_checked():
    with pytest.raises(ValueError, match="alpha"):
        sample_ratio([], alpha=0)
    with pytest.raises(ValueError, match="prior"):
        SplitProcess(0)
