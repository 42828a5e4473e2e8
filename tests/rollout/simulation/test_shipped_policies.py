"""Each shipped policy from its start to its end, and back by each of its triggers, on the virtual clock."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rollout.policy.load import shipped
from rollout.policy.model import Gate, GateKind, Metric, Policy, Purpose, Stage
from rollout.simulation import load_scenario, simulate
from tests.rollout.simulation.cutting import only_gate, only_stage

pytestmark = pytest.mark.pure

POLICIES = shipped()

# Which story a gate is there for. A new gate without one fails the tests below.
STORIES = {
    (GateKind.BREAKER, Metric.ERROR): "outage",
    (GateKind.BREAKER, Metric.UNSAFE): "unsafe",
    (GateKind.GUARDRAIL, Metric.ERROR): "regression",
    (GateKind.GUARDRAIL, Metric.INVALID): "invalid",
    (GateKind.GUARDRAIL, Metric.SLOWER): "slow",
    (GateKind.GUARDRAIL, Metric.CRITICAL): "critical-reports",
    (GateKind.SLO, Metric.ERROR): "errors",
    (GateKind.SLO, Metric.INVALID): "invalid",
    (GateKind.SLO, Metric.SLOWER): "slow",
    (GateKind.SLO, Metric.CRITICAL): "critical-reports",
    (GateKind.SLO, Metric.CRITICAL_COUNT): "critical-reports",
    (GateKind.SLO, Metric.REPORTS): "dissatisfaction",
    (GateKind.CHECK, None): "failed-check",
}

TRIGGERS = [
    pytest.param(policy, gate, stage, id=f"{policy.name}-{gate.name}-{stage.name}")
    for policy in POLICIES.values()
    for gate in policy.gates
    if gate.purpose in (Purpose.ROLLBACK, Purpose.KILL)
    for stage in [stage for stage in policy.stages if gate in policy.gates_of(stage)]
]


@pytest.mark.parametrize("name", POLICIES)
def test_healthy_feature_goes_from_the_first_stage_to_the_last(name):
    policy = POLICIES[name]
    trace = simulate(policy, load_scenario("healthy"), seed=1)
    advanced = [decision.stage for decision in trace.decisions if decision.command == "advance"]
    assert advanced == [stage.name for stage in policy.stages[1:]]
    assert trace.outcome == "completed"
    assert trace.ended - trace.started >= sum((s.duration for s in policy.stages[1:]), policy.stages[0].duration)


@pytest.mark.parametrize(("policy", "gate", "stage"), TRIGGERS)
def test_trigger_rolls_back_in_each_of_its_stages(policy: Policy, gate: Gate, stage: Stage):
    story = load_scenario(f"{STORIES[gate.kind, gate.metric]}:{stage.name}")
    trace = simulate(only_gate(only_stage(policy, stage.name), gate), story, seed=2)
    assert trace.outcome == "rolled_back"
    assert trace.tripped == (gate.name,)
    assert trace.killed == (gate.purpose is Purpose.KILL)


@pytest.mark.parametrize(("policy", "gate", "stage"), TRIGGERS)
def test_whole_policy_rolls_back_on_each_trigger(policy: Policy, gate: Gate, stage: Stage):
    story = load_scenario(f"{STORIES[gate.kind, gate.metric]}:{stage.name}")
    trace = simulate(policy, story, seed=3, from_stage=stage.name)
    assert (trace.outcome, trace.stage) == ("rolled_back", stage.name)


@pytest.mark.parametrize("name", POLICIES)
def test_regression_is_caught_in_whatever_stage_it_begins(name):
    policy = POLICIES[name]
    errors = [g for g in policy.gates if g.metric is Metric.ERROR and g.purpose is Purpose.ROLLBACK and g.min_n]
    watched = [stage.name for stage in policy.stages if set(errors) & set(policy.gates_of(stage))]
    assert len(watched) >= 3
    for stage in watched:
        trace = simulate(policy, load_scenario(f"regression:{stage}"), seed=4, from_stage=stage)
        assert (trace.outcome, trace.stage) == ("rolled_back", stage)


@pytest.mark.parametrize("name", POLICIES)
def test_too_little_traffic_holds_and_never_completes(name):
    policy = POLICIES[name]
    trace = simulate(policy, load_scenario("low-traffic"), seed=5)
    assert trace.outcome == "holding"
    assert trace.decisions[-1].command == "hold"


@pytest.mark.parametrize("name", POLICIES)
def test_missing_check_holds(name):
    policy = POLICIES[name]
    gate = next(gate for gate in policy.gates if gate.kind is GateKind.CHECK)
    stage = next(stage for stage in policy.stages if gate in policy.gates_of(stage))
    story = load_scenario("healthy")
    withheld = replace(story, withheld=frozenset({gate.name}))
    trace = simulate(only_gate(only_stage(policy, stage.name), gate), withheld, seed=6)
    assert (trace.outcome, trace.decisions[-1].gates) == ("holding", (gate.name,))
