"""Breakers, guardrails and SLOs, each on a few windows whose answer is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from common.stats.histogram import Histogram
from rollout.gates.evidence import Outcome
from rollout.policy.model import Gate, GateKind, Metric, Purpose, Worse
from tests.rollout.gates.seeing import tally, verdict_of, window

pytestmark = pytest.mark.pure

ROW = Gate("row", GateKind.BREAKER, Purpose.ROLLBACK, metric=Metric.ERROR, in_a_row=5)
UNSAFE = Gate("unsafe", GateKind.BREAKER, Purpose.KILL, metric=Metric.UNSAFE, in_a_row=1)
ERRORS = Gate("errors", GateKind.GUARDRAIL, Purpose.ROLLBACK, metric=Metric.ERROR, alpha=0.01, min_n=100)
CRITICAL = Gate("critical", GateKind.GUARDRAIL, Purpose.ROLLBACK, metric=Metric.CRITICAL, alpha=0.005, min_n=50)
PAGE = Gate("page", GateKind.SLO, Purpose.PAGE, metric=Metric.ERROR, limit=0.05, min_n=20)
BACK = replace(PAGE, name="back", purpose=Purpose.ROLLBACK)
FIVE = timedelta(minutes=5)


@pytest.mark.parametrize(
    ("answered", "failed", "outcome"), [(10, 5, Outcome.FAIL), (10, 4, Outcome.PASS), (0, 0, Outcome.NO_DATA)]
)
def test_breaker_counts_failures_in_a_row(answered, failed, outcome):
    assert verdict_of(ROW, window(0, tally(answered, failed))).outcome is outcome


def test_breaker_sees_a_run_over_the_edge_of_windows_and_ignores_the_control():
    assert verdict_of(ROW, window(0, tally(3, 3)), window(1), window(2, tally(9, 2))).statistic == 5
    assert verdict_of(ROW, window(0, tally(9, 0), tally(9, 9))).outcome is Outcome.PASS


def test_one_unsafe_plan_is_enough_and_is_not_forgotten():
    windows = [window(0, tally(900, unsafe=1)), *(window(i, tally(900)) for i in range(1, 9))]
    assert verdict_of(UNSAFE, *windows).outcome is Outcome.FAIL


def test_guardrail_fails_when_the_new_arm_is_worse_whatever_the_least_n():
    assert verdict_of(ERRORS, window(0, tally(90, 30), tally(90, 1))).outcome is Outcome.FAIL


def test_guardrail_does_not_fail_when_both_arms_are_equally_bad():
    windows = [window(i, tally(100, 20), tally(100, 20)) for i in range(50)]
    assert verdict_of(ERRORS, *windows).outcome is Outcome.PASS


def test_guardrail_learns_from_windows_that_each_saw_one_arm():
    windows = [window(i, *((tally(1, 1), tally()) if i % 2 else (tally(), tally(1)))) for i in range(80)]
    assert verdict_of(ERRORS, *windows).outcome is Outcome.FAIL


def test_guardrail_that_failed_stays_failed_though_the_evidence_sinks():
    windows = [window(0, tally(90, 30), tally(90, 1)), *(window(i, tally(90), tally(90, 9)) for i in range(1, 9))]
    assert verdict_of(ERRORS, *windows).outcome is Outcome.FAIL


@pytest.mark.parametrize(("n", "n_control"), [(99, 900), (900, 99), (100, 0)])
def test_guardrail_is_inconclusive_until_both_arms_have_enough(n, n_control):
    assert verdict_of(ERRORS, window(0, tally(n), tally(n_control))).outcome is Outcome.INCONCLUSIVE


def test_guardrail_of_acceptance_fails_when_fewer_are_accepted():
    gate = replace(ERRORS, metric=Metric.ACCEPTED, worse=Worse.BELOW)
    fewer, more = tally(decided=200, accepted=120), tally(decided=200, accepted=180)
    assert verdict_of(gate, window(0, fewer, more)).outcome is Outcome.FAIL
    assert verdict_of(gate, window(0, more, fewer)).outcome is Outcome.PASS


def test_guardrail_of_latency_compares_shares_above_a_time():
    gate = replace(ERRORS, metric=Metric.SLOWER, above_ms=2000)
    slow = tally(200, latency=Histogram.of(*[3000.0] * 60, *[100.0] * 140))
    fast = tally(200, latency=Histogram.of(*[3000.0] * 5, *[100.0] * 195))
    verdict = verdict_of(gate, window(0, slow, fast))
    assert (verdict.outcome, verdict.observed, verdict.control) == (Outcome.FAIL, 0.3, 0.025)


def test_late_reports_count_against_everybody_exposed_before():
    exposed = window(0, tally(50, subjects=50), tally(950, subjects=950))
    reported = window(100, tally(critical_reporters=4))
    assert verdict_of(CRITICAL, exposed, reported).outcome is Outcome.FAIL
    balanced = window(100, tally(critical_reporters=1), tally(critical_reporters=19))
    assert verdict_of(CRITICAL, exposed, balanced).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("answered", "failed", "outcome"),
    [
        (0, 0, Outcome.NO_DATA),
        (19, 19, Outcome.INCONCLUSIVE),
        (20, 1, Outcome.PASS),
        (20, 2, Outcome.FAIL),
    ],
)
def test_an_alert_is_literal_from_its_least_n_on(answered, failed, outcome):
    assert verdict_of(PAGE, window(0, tally(answered, failed))).outcome is outcome


@pytest.mark.parametrize(("failed", "outcome"), [(2, Outcome.INCONCLUSIVE), (6, Outcome.FAIL), (1, Outcome.PASS)])
def test_a_rollback_also_asks_that_chance_does_not_explain_it(failed, outcome):
    assert verdict_of(BACK, window(0, tally(20, failed))).outcome is outcome


def test_a_breach_lasts_before_it_counts():
    gate, bad = replace(PAGE, window=FIVE, holds_for=2 * FIVE), tally(100, 9)
    windows = [window(i, bad) for i in range(3)]
    assert [verdict_of(gate, *windows[: i + 1]).outcome for i in range(3)] == [
        Outcome.INCONCLUSIVE,
        Outcome.INCONCLUSIVE,
        Outcome.FAIL,
    ]
    assert verdict_of(gate, *windows).statistic == 600


def test_a_good_window_or_one_of_too_few_ends_a_breach():
    gate, bad = replace(PAGE, window=FIVE, holds_for=FIVE), tally(100, 9)
    for between in (tally(100), tally(), tally(19, 19)):
        assert verdict_of(gate, window(0, bad), window(1, between), window(2, bad)).outcome is Outcome.INCONCLUSIVE
    assert verdict_of(gate, window(0, bad), window(1, bad), window(2, bad)).outcome is Outcome.FAIL


def test_a_breach_is_over_only_beyond_recover():
    gate = replace(PAGE, window=FIVE, recover=0.02)
    worse, between, better = tally(100, 6), tally(100, 4), tally(100, 2)
    assert verdict_of(gate, window(0, between)).outcome is Outcome.PASS
    assert verdict_of(gate, window(0, worse), window(1, between)).outcome is Outcome.FAIL
    assert verdict_of(gate, window(0, worse), window(1, better)).outcome is Outcome.PASS


def test_what_left_the_window_is_forgotten():
    gate = replace(PAGE, window=timedelta(minutes=10))
    windows = [window(0, tally(100, 50)), window(1, tally(100)), window(2, tally(100))]
    assert verdict_of(gate, *windows[:2]).outcome is Outcome.FAIL
    assert (verdict_of(gate, *windows).outcome, verdict_of(gate, *windows).n) == (Outcome.PASS, 200)


def test_windows_that_are_missing_age_the_evidence_too():
    gate = replace(PAGE, window=timedelta(minutes=10))
    assert verdict_of(gate, window(0, tally(100, 50)), window(3, tally(30))).n == 30


def test_ratings_are_worse_below_and_roll_back_on_evidence_alone():
    page = Gate("r", GateKind.SLO, Purpose.PAGE, metric=Metric.RATING, worse=Worse.BELOW, limit=3.5, min_n=5)
    back = replace(page, purpose=Purpose.ROLLBACK)
    few, many = window(0, tally(rated=10, rating_sum=30.0)), window(0, tally(rated=300, rating_sum=900.0))
    assert verdict_of(page, few).outcome is Outcome.FAIL
    assert verdict_of(back, few).outcome is Outcome.INCONCLUSIVE
    assert verdict_of(back, many).outcome is Outcome.FAIL


def test_critical_reports_are_counted_literally():
    gate = Gate("c", GateKind.SLO, Purpose.ROLLBACK, metric=Metric.CRITICAL_COUNT, limit=3, window=timedelta(hours=24))
    assert verdict_of(gate, window(0, tally(10, critical=3))).outcome is Outcome.PASS
    assert verdict_of(gate, window(0, tally(10, critical=3)), window(200, tally(critical=1))).outcome is Outcome.FAIL
    assert verdict_of(gate, window(0, tally(10, critical=3)), window(300, tally(9, critical=1))).outcome is Outcome.PASS


def test_reports_of_a_window_are_of_all_subjects_exposed_so_far():
    gate = Gate("t", GateKind.SLO, Purpose.PAGE, metric=Metric.REPORTS, limit=0.02, window=FIVE, min_n=50)
    verdict = verdict_of(gate, window(0, tally(100, subjects=100)), window(1, tally(1, subjects=1, reporters=2)))
    assert (verdict.n, verdict.outcome) == (101, Outcome.PASS)


def test_cost_with_a_margin_is_compared_with_the_control():
    gate = Gate("cost", GateKind.SLO, Purpose.ADVANCE, metric=Metric.COST, margin=1.05, min_n=10)
    cheap, dear = tally(100, cost_seconds=25.0), tally(100, cost_seconds=27.5)
    assert verdict_of(gate, window(0, dear, cheap)).observed == pytest.approx(1.1)
    assert verdict_of(gate, window(0, dear, cheap)).outcome is Outcome.FAIL
    assert verdict_of(gate, window(0, cheap, cheap)).outcome is Outcome.PASS
    assert verdict_of(gate, window(0, cheap, tally(9, cost_seconds=2.0))).outcome is Outcome.INCONCLUSIVE
    assert verdict_of(gate, window(0, cheap)).outcome is Outcome.NO_DATA
