"""Guardrails stop harm by themselves, bear what the margin bears, and do not take a stop back."""

from __future__ import annotations

import math

import pytest

from experiments.analysis import Action, Guardrail, NotIdentified, Pair, Worse, watch
from experiments.analysis.guardrail import FEWEST

pytestmark = pytest.mark.pure


def look(treatment, control=10.0, n=500, sd=3.0):
    return Pair("treatment", "control", treatment, control, sd**2 / n, sd**2 / n, 0.0, 2.0 * n - 2, n, n)


def watched(guardrail, *looks):
    return watch(guardrail, "treatment", looks, planned_n=1000)


@pytest.mark.parametrize(("worse", "harmful", "good"), [(Worse.ABOVE, 12.0, 8.0), (Worse.BELOW, 8.0, 12.0)])
def test_harm_in_its_direction_stops(worse, harmful, good):
    guardrail = Guardrail("injuries", worse)
    found = watched(guardrail, look(10.0), look(harmful))
    assert (found.action, found.stopped_at, found.looks) == (Action.STOP, 1, 2)
    assert found.harm == pytest.approx(2)
    assert 0 < found.least_harm < 2
    assert found.p_value < 0.05
    assert "look 2" in found.why
    assert watched(guardrail, look(10.0), look(good)).action is Action.CONTINUE


def test_a_stop_is_not_taken_back():
    found = watched(Guardrail("injuries", Worse.ABOVE), look(12.0), *[look(9.0)] * 5)
    assert (found.action, found.stopped_at) == (Action.STOP, 0)
    assert found.harm < 0


@pytest.mark.parametrize("relative", [True, False])
def test_a_margin_bears_what_is_within_it(relative):
    margin = 0.3 if relative else 3.0
    assert watched(Guardrail("cost", Worse.ABOVE, margin, relative), look(12.9)).action is Action.CONTINUE
    assert watched(Guardrail("cost", Worse.ABOVE, margin, relative), look(15.0)).action is Action.STOP
    assert watched(Guardrail("cost", Worse.BELOW, margin, relative), look(7.1)).action is Action.CONTINUE
    assert watched(Guardrail("cost", Worse.BELOW, margin, relative), look(5.0)).action is Action.STOP


def test_a_relative_margin_of_a_negative_metric_is_a_margin():
    guardrail = Guardrail("form", Worse.BELOW, 0.3)
    assert watched(guardrail, look(-12.9, -10.0)).action is Action.CONTINUE
    assert watched(guardrail, look(-15.0, -10.0)).action is Action.STOP


def test_the_least_harm_is_positive_exactly_where_the_look_is_enough():
    for step in range(60):
        found = watched(Guardrail("injuries", Worse.ABOVE), look(10 + step / 50))
        assert (found.least_harm > 0) == (found.action is Action.STOP) == (found.p_value < 0.05)


def test_looks_without_an_estimate_or_subjects_do_not_count():
    nothing = NotIdentified("treatment", "control", "too few")
    found = watched(Guardrail("injuries", Worse.ABOVE), nothing, look(90.0, n=FEWEST - 1))
    assert found.action is Action.NO_DATA
    assert found.p_value is found.harm is None
    assert watched(Guardrail("injuries", Worse.ABOVE), nothing, look(90.0, n=FEWEST)).stopped_at == 1


def test_no_harm_shown_is_not_called_safe():
    assert "does not show that there is none" in watched(Guardrail("injuries", Worse.ABOVE), look(10.0)).why


@pytest.mark.parametrize("wrong", [{"margin": -0.1}, {"margin": math.inf}, {"alpha": 0.0}])
def test_impossible_guardrails_are_refused(wrong):
    with pytest.raises(ValueError, match="margin|alpha"):
        Guardrail("injuries", Worse.ABOVE, **wrong)
