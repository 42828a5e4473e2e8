"""What is said of a goal metric, and what is not."""

from __future__ import annotations

import math
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.analysis import (
    Arrivals,
    Finding,
    Goal,
    Guardrail,
    NotIdentified,
    Pair,
    Span,
    Worse,
    conclude,
    fixed,
    sample_ratio,
    watch,
)

pytestmark = pytest.mark.pure

MONDAY = date(2026, 3, 2)
TWO_WEEKS = Span(MONDAY, MONDAY + timedelta(days=13))
GOAL = Goal("satisfaction", similar=0.05)
CLEAN = sample_ratio([])


def compared(difference, variance=0.02):
    return fixed(Pair("treatment", "control", 10 + difference, 10.0, variance, variance, 0.0, 300.0, 150, 150))


def concluded(comparison, span=TWO_WEEKS, goal=GOAL, **more):
    return conclude(goal, comparison, span, **{"sample_ratio": CLEAN, **more})


@pytest.mark.parametrize(
    ("difference", "higher_is_better", "finding"),
    [(1.0, True, Finding.BETTER), (-1.0, True, Finding.WORSE), (1.0, False, Finding.WORSE)],
)
def test_a_shown_difference_is_better_or_worse(difference, higher_is_better, finding):
    found = concluded(compared(difference), goal=Goal("satisfaction", higher_is_better))
    assert found.finding is finding
    assert f"treatment is {finding} than control by 1" in found.words
    assert not found.too_good


def test_inconclusive_is_called_inconclusive():
    found = concluded(compared(0.2, 0.3))
    assert found.finding is Finding.INCONCLUSIVE
    assert "inconclusive" in found.words
    assert "may be better or worse" in found.words


def test_a_narrow_interval_about_nothing_is_similar_only_where_that_was_asked():
    assert concluded(compared(0.01)).finding is Finding.SIMILAR
    assert concluded(compared(0.01), goal=Goal("satisfaction")).finding is Finding.INCONCLUSIVE


def test_what_does_not_survive_the_other_metrics_is_inconclusive():
    found = concluded(compared(0.5), p_adjusted=0.06)
    assert found.finding is Finding.INCONCLUSIVE
    assert "after allowing for the other questions" in found.words
    assert concluded(compared(0.5), p_adjusted=0.04).finding is Finding.BETTER


@pytest.mark.parametrize("difference", [4.0, -4.0])
def test_what_is_too_good_is_said_to_be(difference):
    found = concluded(compared(difference))
    assert found.too_good
    assert "look for a mistake" in found.words


def test_results_are_hidden_while_the_sample_ratio_alarms():
    leak = sample_ratio([Arrivals({"control": 900, "treatment": 100}, {"control": 1, "treatment": 1})])
    found = concluded(compared(1.0), sample_ratio=leak)
    assert found.finding is Finding.HIDDEN
    assert "better" not in found.words


def test_a_guardrail_that_stopped_comes_before_a_goal_and_needs_no_whole_week():
    decision = watch(Guardrail("injuries", Worse.ABOVE), "treatment", [compared(2.0).pair], planned_n=300)
    found = concluded(compared(1.0), Span(MONDAY, MONDAY), guardrails=[decision])
    assert found.finding is Finding.STOPPED
    assert "injuries" in found.words


def test_no_estimate_is_no_finding():
    found = concluded(NotIdentified("treatment", "control", "two coaches"))
    assert found.finding is Finding.NOT_IDENTIFIED
    assert found.words == "satisfaction: not identified: two coaches."


@given(st.integers(0, 60))
def test_whole_weeks_are_judged_two_at_least(days):
    span = Span(MONDAY, MONDAY + timedelta(days=days))
    assert span.whole == (days + 1 >= 14 and (days + 1) % 7 == 0)
    judged = Span(MONDAY, span.judged_on)
    assert judged.whole
    assert span.last <= span.judged_on
    assert span.whole == (span.judged_on == span.last)


def test_within_a_week_the_next_day_to_judge_is_named():
    found = concluded(compared(1.0), Span(MONDAY, MONDAY + timedelta(days=15)))
    assert found.finding is Finding.TOO_EARLY
    assert "2026-03-22" in found.words


def test_a_lift_without_bound_is_said_aloud():
    pair = Pair("treatment", "control", 0.2, 0.1, 0.5, 0.5, 0.0, math.inf, 150, 150)
    found = concluded(fixed(pair))
    assert found.finding is Finding.INCONCLUSIVE
    assert "without bound" in found.words
