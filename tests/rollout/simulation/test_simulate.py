"""The simulation is repeatable, and its decisions are those of the same history replayed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from rollout.gates.evidence import Window
from rollout.lifecycle import Command, State
from rollout.policy.load import shipped
from rollout.policy.model import GateKind, Policy
from rollout.simulation import Act, Check, ScenarioError, load_scenario, replay, scenario_names, simulate
from rollout.simulation.conductor import Conductor
from rollout.simulation.run import START
from rollout.simulation.scenario import PersonActs, Truth, parse_scenario
from rollout.simulation.traffic import Traffic
from tests.rollout.simulation.cutting import only_stage

pytestmark = pytest.mark.pure

POLICIES = shipped()
CANARY = POLICIES["ten-step-canary"]
HOUR = timedelta(hours=1)


def without_checks(policy: Policy, *stages: str) -> Policy:
    kept = tuple(stage for stage in policy.stages if stage.name in stages)
    return replace(policy, stages=kept, gates=tuple(g for g in policy.gates if g.kind is not GateKind.CHECK))


@pytest.mark.parametrize("story", ["healthy", "errors", "metrics-outage", "critical-reports"])
def test_same_seed_gives_the_same_trace(story):
    policy = only_stage(CANARY, "canary-5")
    first, second = (simulate(policy, load_scenario(story), seed=11).as_json() for _ in range(2))
    assert first == second


def test_another_seed_gives_other_traffic():
    policy = only_stage(POLICIES["five-stage"], "internal")
    ends = {simulate(policy, load_scenario("unsafe"), seed=seed).ended for seed in range(5)}
    assert len(ends) > 1


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("story", ["unsafe", "failed-check"])
def test_document_ends_with_the_outcome(name, story):
    policy = replace(POLICIES[name], stages=POLICIES[name].stages[-1:])
    document = simulate(policy, load_scenario(story), seed=1).as_json()
    assert list(document)[-1] == "outcome"
    assert json.loads(json.dumps(document)) == document


@pytest.mark.parametrize("story", ["healthy", "regression:canary-15", "metrics-outage", "critical-reports:canary-15"])
def test_replay_of_the_recorded_windows_takes_the_same_decisions(monkeypatch, story):
    policy = without_checks(CANARY, "canary-5", "canary-15")
    recorded: list[Window] = []
    deliver = Conductor.deliver

    def record(self: Conductor, window: Window) -> None:
        recorded.append(window)
        deliver(self, window)

    with monkeypatch.context() as patch:
        patch.setattr(Conductor, "deliver", record)
        simulated = simulate(policy, load_scenario(story), seed=12)
    assert replay(policy, recorded).decisions == simulated.decisions


def test_replay_takes_checks_and_acts_at_their_times():
    policy = only_stage(CANARY, "canary-35")
    windows = [Window(START + number * policy.window, {}) for number in range(24)]
    acts = [Act(START + HOUR, Command.PAUSE), Act(START + 1.5 * HOUR, Command.RESUME)]
    trace = replay(policy, windows, [Check(START + 0.5 * HOUR, "load-test", True)], acts)
    assert [(decision.at, decision.state) for decision in trace.decisions] == [
        (START + HOUR, State.PAUSED),
        (START + 1.5 * HOUR, State.RUNNING),
    ]


def test_person_advances_what_evidence_leaves_open():
    policy = replace(CANARY, stages=CANARY.stages[3:5])
    late = PersonActs(Command.ADVANCE, after=80 * HOUR)
    trace = simulate(policy, replace(load_scenario("low-traffic"), acts=(late,)), seed=13)
    advanced = [decision for decision in trace.decisions if decision.command == "advance"]
    assert [(decision.stage, decision.by_person) for decision in advanced] == [("canary-15", True)]


def test_person_who_pauses_stops_time_but_no_rollback():
    policy = only_stage(CANARY, "canary-5")
    paused = replace(load_scenario("errors"), acts=(PersonActs(Command.PAUSE, after=0.5 * HOUR),))
    assert simulate(policy, paused, seed=14).outcome == "rolled_back"


@pytest.mark.parametrize("name", scenario_names())
def test_every_shipped_scenario_is_read_and_named_as_its_file(name):
    scenario = load_scenario(f"{name}:canary-5")
    assert (scenario.name, scenario.stage) == (f"{name}:canary-5", "canary-5")
    assert scenario.description


def test_stage_that_the_policy_does_not_have_is_refused():
    with pytest.raises(ScenarioError, match="stage: found 'beta', allowed validation"):
        simulate(CANARY, load_scenario("errors:beta"), seed=1)


def test_unknown_scenario_is_told_with_those_that_ship():
    with pytest.raises(ScenarioError, match="healthy"):
        load_scenario("nothing")


def test_scenario_from_a_file_of_ones_own(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\ndescription = "Mine."\nanswers = 10\n[new]\nerror = 0.5\n', encoding="utf-8")
    assert load_scenario(str(path)).new == Truth(error=0.5)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("answers = -1", "odd.toml: answers"),
        ("[new]\nerror = 2", "odd.toml: new: error"),
        ("[new]\nmood = 2", "odd.toml: new: mood"),
        ('[[outage]]\nwhat = "sun"\nlasts = "1 h"', "odd.toml: outage 1: what"),
        ("[[jump]]", "odd.toml: jump 1: forwards"),
        ('[[act]]\ncommand = "start"', "odd.toml: act 1: command"),
        ("[[change]]\nstage = 5", "odd.toml: change 1: stage"),
        ("speed = 5", "odd.toml: speed"),
    ],
)
def test_mistake_in_a_scenario_is_named(text, place):
    with pytest.raises(ScenarioError) as refused:
        parse_scenario(f'name = "odd"\ndescription = "Odd."\n{text}\n', source_name="odd.toml")
    assert [error for error in refused.value.errors if error.startswith(f"{place}: found ")]


def test_traffic_has_the_shares_that_the_scenario_says():
    truth = Truth(error=0.03, invalid=0.02, median_ms=200, rating=4.0)
    scenario = replace(load_scenario("healthy"), new=truth, answers=5000)
    traffic = Traffic(scenario, CANARY.window, seed=15)
    stage = CANARY.stages[CANARY.index_of("canary-35")]
    found = [traffic.window(START + number * CANARY.window, stage, truth) for number in range(288)]
    total = sum((window.of("new") for window in found[1:]), found[0].of("new"))
    answered = sum(window.of("new").answered + window.of("control").answered for window in found)
    assert answered == pytest.approx(288 * 5000, rel=0.01)
    assert total.answered / answered == pytest.approx(0.35, rel=0.01)
    assert total.failed / total.answered == pytest.approx(0.03, rel=0.03)
    assert total.invalid / total.answered == pytest.approx(0.02, rel=0.03)
    assert total.rating_sum / total.rated == pytest.approx(4.0, rel=0.01)
    assert total.latency.quantile(0.5) == pytest.approx(200, rel=0.05)
    assert total.latency.n == total.streak.n == total.answered
