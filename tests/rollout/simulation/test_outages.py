"""What is not seen never widens: it holds, and the stage's time begins anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rollout.lifecycle import State
from rollout.policy.load import shipped
from rollout.simulation import Scenario, Trace, load_scenario, simulate
from rollout.simulation.scenario import Jump, Outage
from tests.rollout.simulation.cutting import only_stage

pytestmark = pytest.mark.pure

CANARY = shipped()["ten-step-canary"]
STAGE = CANARY.stages[CANARY.index_of("canary-5")]
HOUR = timedelta(hours=1)


def run(story: str | Scenario) -> Trace:
    scenario = load_scenario(story) if isinstance(story, str) else story
    return simulate(only_stage(CANARY, STAGE.name), scenario, seed=7)


def words(trace: Trace) -> list[str]:
    return [decision.command for decision in trace.decisions if decision.command]


def test_outage_of_metrics_holds_then_asks_for_a_full_fresh_window():
    trace = run("metrics-outage")
    assert words(trace) == ["hold", "release, restart", "complete"]
    held, restarted, completed = (decision.at for decision in trace.decisions if decision.command)
    assert held - trace.started <= 2 * HOUR + (CANARY.stale_after + 1) * CANARY.window
    assert restarted - trace.started == 8 * HOUR + CANARY.window
    assert completed - restarted >= STAGE.duration


def test_short_gap_of_metrics_within_what_a_policy_bears_changes_nothing():
    gap = CANARY.stale_after * CANARY.window
    trace = run(replace(load_scenario("metrics-outage"), outages=(Outage("metrics", gap, after=2 * HOUR),)))
    assert words(trace) == ["complete"]
    assert trace.ended - trace.started == STAGE.duration


def test_outage_of_the_scheduler_asks_for_a_full_fresh_window():
    trace = run("scheduler-outage")
    restarted, completed = (decision.at for decision in trace.decisions if decision.command)
    assert words(trace) == ["restart", "complete"]
    assert restarted - trace.started >= 26 * HOUR
    assert completed - restarted >= STAGE.duration


def test_regression_hidden_by_an_outage_is_rolled_back_after_it():
    story = load_scenario("errors")
    trace = run(replace(story, outages=(Outage("metrics", 6 * HOUR),)))
    assert trace.outcome == "rolled_back"


@pytest.mark.parametrize("by", [timedelta(days=60), timedelta(days=-2), HOUR, -HOUR])
def test_leap_of_the_clock_skips_no_stage_and_shortens_none(by):
    """Of the time that truly passes a stage gets its whole duration, whichever way the clock went."""
    cut = replace(CANARY, stages=CANARY.stages[3:5])
    story = replace(load_scenario("healthy"), jumps=(Jump(by, after=2 * HOUR),))
    trace = simulate(cut, story, seed=8)
    moves = [decision for decision in trace.decisions if decision.command in ("advance", "complete")]
    assert [move.stage for move in moves] == [cut.stages[1].name] * 2
    assert moves[1].at - moves[0].at >= cut.stages[1].duration
    assert moves[0].at - by - trace.started >= cut.stages[0].duration


def test_extensions_are_used_up_before_a_person_is_asked():
    trace = run(replace(load_scenario("healthy"), answers=5))
    assert words(trace) == ["extend", "extend", "hold"]
    assert trace.state is State.HOLDING
    assert "valid-98-percent: inconclusive" in trace.decisions[-1].why
