"""What holds for every gate: order, gaps, staleness, mismatch, and answers that are never confused."""

from __future__ import annotations

import sys
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.gates.evidence import Outcome, Window
from rollout.gates.monitor import Monitor
from rollout.policy.model import Gate, GateKind, Metric, Purpose
from tests.rollout.gates.policies import GATES, policy_of
from tests.rollout.gates.seeing import WIDTH, monitor_of, tally, verdict_of, window
from tests.rollout.gates.traffic import START, Truth

pytestmark = pytest.mark.pure

ERRORS = Gate("errors", GateKind.GUARDRAIL, Purpose.ROLLBACK, metric=Metric.ERROR, alpha=0.01, min_n=100)
LIMIT = Gate("limit", GateKind.SLO, Purpose.ADVANCE, metric=Metric.ERROR, limit=0.05, min_n=10)
PROBE = Gate("golden", GateKind.CHECK, Purpose.ADVANCE)

counts = st.tuples(st.integers(0, 30), st.integers(0, 30)).map(lambda pair: (max(pair), min(pair)))


@given(st.lists(st.tuples(counts, counts), min_size=1, max_size=12))
def test_no_gate_passes_below_its_least_n(pairs):
    windows = [window(i, tally(*new), tally(*control)) for i, (new, control) in enumerate(pairs)]
    gates = {gate.name: gate for gate in GATES}
    for verdict in monitor_of(windows=windows).seen(windows[-1].start + WIDTH).verdicts:
        if verdict.outcome is Outcome.PASS:
            assert verdict.n >= gates[verdict.gate].min_n
            assert verdict.n_control >= gates[verdict.gate].min_n or gates[verdict.gate].kind is not GateKind.GUARDRAIL


@given(st.integers(0, 20))
def test_quiet_windows_are_no_data_and_no_gap(n):
    seen = monitor_of(*GATES, PROBE, windows=[window(i) for i in range(n)]).seen(START + n * WIDTH)
    assert {v.outcome for v in seen.verdicts} == {Outcome.NO_DATA}
    assert not seen.gap
    assert seen.newest == (START + n * WIDTH if n else None)


@pytest.mark.parametrize(("missing", "gap"), [(3, False), (4, True)])
@pytest.mark.parametrize("seen_before", [0, 2])
def test_more_than_the_stale_windows_missing_is_a_gap_that_stays(missing, gap, seen_before):
    windows = [window(i) for i in range(seen_before)]
    windows += [window(seen_before + missing + i) for i in range(5)]
    assert monitor_of(LIMIT, windows=windows).seen(START + timedelta(hours=2)).gap is gap


def test_evidence_that_begins_within_a_window_misses_nothing_until_the_next():
    monitor = Monitor(policy_of(LIMIT), 0, fresh_from=START - timedelta(minutes=19))
    monitor.observe(window(0))
    assert not monitor.seen(START).gap


@pytest.mark.parametrize("index", [0, 1])
def test_a_window_comes_once_and_in_order(index):
    monitor = monitor_of(LIMIT, windows=[window(1)])
    with pytest.raises(ValueError, match="order of time"):
        monitor.observe(window(index))


def test_a_window_from_before_the_evidence_is_refused():
    monitor = Monitor(policy_of(LIMIT), 0, fresh_from=START + timedelta(seconds=1))
    with pytest.raises(ValueError, match="before"):
        monitor.observe(window(0))


def test_old_passes_become_no_data_and_old_failures_stand():
    good = [window(i, tally(50), tally(50)) for i in range(3)]
    bad = [window(i, tally(50, 20), tally(50)) for i in range(3)]
    late = START + 3 * WIDTH + timedelta(minutes=16)
    assert {v.outcome for v in monitor_of(ERRORS, LIMIT, windows=good).seen(late).verdicts} == {Outcome.NO_DATA}
    assert {v.outcome for v in monitor_of(ERRORS, LIMIT, windows=bad).seen(late).verdicts} == {Outcome.FAIL}
    in_time = late - timedelta(minutes=1)
    assert {v.outcome for v in monitor_of(ERRORS, LIMIT, windows=good).seen(in_time).verdicts} == {Outcome.PASS}


@pytest.mark.parametrize(
    ("checks", "outcome"),
    [({}, Outcome.NO_DATA), ({"golden": True}, Outcome.PASS), ({"golden": False}, Outcome.FAIL)],
)
def test_a_check_is_what_was_recorded_and_never_stale(checks, outcome):
    monitor = monitor_of(PROBE, windows=[window(0)], checks=checks)
    assert monitor.seen(START + timedelta(days=3)).verdicts[0].outcome is outcome


def unbalanced(failed: int) -> list[Window]:
    return [window(i, tally(20, failed, subjects=20), tally(80, subjects=80), share=0.5) for i in range(5)]


@pytest.mark.parametrize("failed", [0, 10])
def test_a_mismatch_of_the_arms_voids_the_comparison_whatever_it_said(failed):
    verdict = verdict_of(ERRORS, *unbalanced(failed))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.why.startswith("sample ratio mismatch")


def test_a_mismatch_leaves_limits_and_breakers_alone():
    breaker = Gate("row", GateKind.BREAKER, Purpose.ROLLBACK, metric=Metric.ERROR, in_a_row=5)
    verdicts = monitor_of(LIMIT, breaker, windows=unbalanced(10)).seen(START + 5 * WIDTH).verdicts
    assert [v.outcome for v in verdicts] == [Outcome.FAIL, Outcome.FAIL]


def test_the_same_windows_give_the_same_answers_asked_often_or_once():
    truth = Truth(200, 0.3, 0.02, 0.01)
    windows = list(truth.windows(np.random.default_rng(5), START, WIDTH, 300))
    often = monitor_of()
    for each in windows:
        often.observe(each)
        last = often.seen(each.start + WIDTH)
    assert last == monitor_of(windows=windows).seen(windows[-1].start + WIDTH)


def test_memory_is_bounded_by_the_longest_window():
    short = Gate("s", GateKind.SLO, Purpose.PAGE, metric=Metric.ERROR, limit=0.05, window=timedelta(hours=1))
    monitor = monitor_of(short, ERRORS)
    for index in range(100):
        monitor.observe(window(index, tally(9, 1), tally(9)))
    watcher = monitor._watchers["s"]
    assert len(watcher._recent) == 12
    assert sys.getsizeof(watcher._recent) < 5000


@pytest.mark.parametrize(
    "gate",
    [
        Gate("g", GateKind.GUARDRAIL, Purpose.ROLLBACK, metric=Metric.RATING, alpha=0.01),
        Gate("g", GateKind.GUARDRAIL, Purpose.ROLLBACK, metric=Metric.ERROR),
        Gate("g", GateKind.GUARDRAIL, Purpose.ROLLBACK, metric=Metric.SLOWER, alpha=0.01),
        Gate("g", GateKind.BREAKER, Purpose.ROLLBACK, metric=Metric.ERROR),
        Gate("g", GateKind.BREAKER, Purpose.ROLLBACK, metric=Metric.INVALID, in_a_row=3),
        Gate("g", GateKind.SLO, Purpose.ROLLBACK, metric=Metric.ERROR),
        Gate("g", GateKind.SLO, Purpose.ROLLBACK, metric=Metric.COST, limit=1.0),
        Gate("g", GateKind.SLO, Purpose.ROLLBACK),
    ],
)
def test_a_gate_that_its_kind_cannot_judge_is_refused(gate):
    with pytest.raises(ValueError, match="gate g"):
        monitor_of(gate)
