"""What a stage promises to detect is what the gates then detect."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from scipy import stats

from common.stats import binomial
from rollout.gates.detect import Detectable, Traffic, days_to_conclusive, detectable
from rollout.gates.evidence import Arm, Outcome, Tally, Window
from rollout.gates.monitor import Monitor
from rollout.gates.slo import CHANCE
from rollout.policy.model import Gate, GateKind, Metric, Purpose, Stage, Worse
from tests.rollout.gates.policies import policy_of
from tests.rollout.gates.traffic import START

pytestmark = pytest.mark.pure

ERRORS = Gate("errors", GateKind.GUARDRAIL, Purpose.ROLLBACK, metric=Metric.ERROR, alpha=0.01, min_n=100)
LIMIT = Gate("limit", GateKind.SLO, Purpose.ROLLBACK, metric=Metric.ERROR, limit=0.05, min_n=100)
WEEK = Stage("s", "S", timedelta(days=7), thousandths=20_000)


def caught(gate: Gate, found: Detectable, truth: float, base: float, runs: int = 200) -> float:
    """Return how often a gate fails by the stage's end, in 100 looks."""
    rng, failures = np.random.default_rng(21), 0
    for _ in range(runs):
        monitor = Monitor(policy_of(gate), 0, fresh_from=START)
        for index in range(100):
            n, n_control = rng.poisson(found.n / 100), rng.poisson(found.n_control / 100)
            new = Tally(answered=n, failed=rng.binomial(n, truth))
            control = Tally(answered=n_control, failed=rng.binomial(n_control, base))
            monitor.observe(Window(START + index * timedelta(minutes=5), {Arm.NEW: new, Arm.CONTROL: control}))
        failures += monitor.seen(START).verdicts[0].outcome is Outcome.FAIL
    return failures / runs


@pytest.mark.parametrize(("base", "a_day"), [(0.01, 2000), (0.3, 400)])
def test_guardrail_detects_what_the_stage_promises(base, a_day):
    found = detectable(WEEK, ERRORS, Traffic(a_day, base))
    assert 0.73 <= caught(ERRORS, found, found.at_80, base) <= 0.93
    assert caught(ERRORS, found, found.at_99, base) >= 0.97


def test_more_traffic_detects_smaller_effects_down_to_a_tenth_more_than_the_margin():
    effects = [detectable(WEEK, ERRORS, Traffic(a_day, 0.01)).at_80 for a_day in (300, 3000, 30_000, 3_000_000)]
    assert effects == sorted(effects, reverse=True)
    assert 0.0109 < effects[-1] < 0.0112


def test_limit_of_a_rollback_is_detected_with_exactly_the_power():
    found = detectable(WEEK, LIMIT, Traffic(1000, 0.01))
    needed = next(k for k in range(1, found.n) if binomial.at_least(k, found.n, 0.05) <= CHANCE)
    assert stats.binom.sf(needed - 1, found.n, found.at_80) == pytest.approx(0.8)
    page = detectable(WEEK, replace(LIMIT, purpose=Purpose.PAGE), Traffic(1000, 0.01))
    assert 0.05 < page.at_80 < found.at_80 < found.at_99


def test_acceptance_is_detected_below_its_control():
    gate = replace(ERRORS, metric=Metric.ACCEPTED, worse=Worse.BELOW)
    found = detectable(WEEK, gate, Traffic(500, 0.9))
    assert found.at_99 < found.at_80 < 0.9


def test_a_breaker_detects_an_outage_and_any_single_case():
    row = Gate("row", GateKind.BREAKER, Purpose.ROLLBACK, metric=Metric.ERROR, in_a_row=8)
    rate = detectable(WEEK, row, Traffic(1000, 0.01)).at_80
    rng = np.random.default_rng(22)
    found = [np.convolve(rng.random(1400) < rate, np.ones(8), "valid").max() == 8 for _ in range(400)]
    assert 0.72 <= np.mean(found) <= 0.88
    single = replace(row, metric=Metric.UNSAFE, in_a_row=1)
    at_80 = detectable(WEEK, single, Traffic(1000, 0.0)).at_80
    assert 1 - (1 - at_80) ** 1400 == pytest.approx(0.8, abs=0.001)


@pytest.mark.parametrize(
    ("gate", "stage"),
    [
        (ERRORS, replace(WEEK, thousandths=100_000)),
        (replace(ERRORS, min_n=100_000), WEEK),
        (replace(LIMIT, window=timedelta(minutes=5)), WEEK),
        (Gate("check", GateKind.CHECK, Purpose.ADVANCE), WEEK),
        (replace(LIMIT, metric=Metric.RATING, limit=3.5), WEEK),
    ],
)
def test_what_cannot_be_told_is_none(gate, stage):
    found = detectable(stage, gate, Traffic(1000, 0.01))
    assert (found.at_80, found.at_99) == (None, None)


def test_days_until_conclusive_are_those_of_the_slower_arm():
    traffic = Traffic(100, 0.01)
    assert days_to_conclusive(WEEK, ERRORS, traffic) == pytest.approx(5.0)
    assert days_to_conclusive(WEEK, ERRORS, traffic, n=60, n_control=10) == pytest.approx(2.0)
    assert days_to_conclusive(WEEK, ERRORS, traffic, n=100, n_control=60) == pytest.approx(0.5)
    assert days_to_conclusive(WEEK, ERRORS, traffic, n=100, n_control=100) == 0
    assert days_to_conclusive(WEEK, LIMIT, Traffic(100, 0.01, share=0.5)) == pytest.approx(2.0)


def test_days_are_none_where_it_never_comes():
    assert days_to_conclusive(WEEK, ERRORS, Traffic(0, 0.01)) is None
    assert days_to_conclusive(replace(WEEK, thousandths=100_000), ERRORS, Traffic(100, 0.01)) is None
    assert days_to_conclusive(WEEK, replace(LIMIT, window=timedelta(hours=1)), Traffic(100, 0.01)) is None
    assert days_to_conclusive(WEEK, Gate("check", GateKind.CHECK, Purpose.ADVANCE), Traffic(100, 0.01)) is None
