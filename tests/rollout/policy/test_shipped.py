"""The four policies say what the customer's documents say (requirements, rows G to J)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rollout.policy.load import SHIPPED, shipped
from rollout.policy.model import GateKind, Metric, Purpose

pytestmark = pytest.mark.pure

POLICIES = shipped()
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WEEK = 7 * DAY

STAGES = {
    "elite-first": [(100, 0 * DAY), (100, 2 * WEEK), (100, 2 * WEEK), (100, 2 * WEEK)],
    "three-phase": [(5, 2 * WEEK), (25, 2 * WEEK), (100, 2 * WEEK)],
    "five-stage": [(0.1, 2 * DAY), (5, WEEK), (25, WEEK), (50, WEEK), (100, 2 * WEEK)],
    "ten-step-canary": [
        (0, 2 * HOUR),
        (0, 1 * HOUR),
        (1, 4 * HOUR),
        (5, 24 * HOUR),
        (15, 48 * HOUR),
        (35, 72 * HOUR),
        (65, 96 * HOUR),
        (100, WEEK),
        (100, 2 * WEEK),
        (100, 9 * DAY),
    ],
}

# policy, metric, purpose, limit, holds for (minutes), above ms
THRESHOLDS = [
    ("elite-first", Metric.ERROR, Purpose.ADVANCE, 0.05, 0, None),
    ("elite-first", Metric.ERROR, Purpose.ALERT, 0.05, 0, None),
    ("elite-first", Metric.SLOWER, Purpose.ALERT, 0.05, 0, 10_000),
    ("elite-first", Metric.RATING, Purpose.ALERT, 3.5, 0, None),
    ("elite-first", Metric.ERROR, Purpose.ROLLBACK, 0.05, 0, None),
    ("three-phase", Metric.ERROR, Purpose.ROLLBACK, 0.02, 0, None),
    ("three-phase", Metric.ERROR, Purpose.ADVANCE, 0.01, 0, None),
    ("three-phase", Metric.SLOWER, Purpose.ADVANCE, 0.5, 0, 200),
    ("three-phase", Metric.REPORTS, Purpose.ROLLBACK, 0.05, 0, None),
    ("five-stage", Metric.ERROR, Purpose.PAGE, 0.05, 0, None),
    ("five-stage", Metric.ERROR, Purpose.ROLLBACK, 0.05, 0, None),
    ("ten-step-canary", Metric.INVALID, Purpose.ADVANCE, 0.02, 0, None),
    ("ten-step-canary", Metric.SLOWER, Purpose.ADVANCE, 0.5, 0, 2_000),
    ("ten-step-canary", Metric.ERROR, Purpose.ADVANCE, 0.02, 0, None),
    ("ten-step-canary", Metric.ACCEPTED, Purpose.ADVANCE, 0.85, 0, None),
    ("ten-step-canary", Metric.INVALID, Purpose.ROLLBACK, 0.05, 0, None),
    ("ten-step-canary", Metric.SLOWER, Purpose.ROLLBACK, 0.5, 0, 3_000),
    ("ten-step-canary", Metric.ERROR, Purpose.ROLLBACK, 0.05, 0, None),
    ("ten-step-canary", Metric.CRITICAL_COUNT, Purpose.ROLLBACK, 3, 0, None),
    ("ten-step-canary", Metric.CRITICAL_COUNT, Purpose.PAGE, 3, 0, None),
    ("ten-step-canary", Metric.INVALID, Purpose.PAGE, 0.04, 5, None),
    ("ten-step-canary", Metric.SLOWER, Purpose.ALERT, 0.5, 10, 2_500),
    ("ten-step-canary", Metric.ERROR, Purpose.PAGE, 0.03, 5, None),
    ("ten-step-canary", Metric.RATING, Purpose.ADVANCE, 4.2, 0, None),
]


def test_the_four_documents_ship():
    assert set(POLICIES) == set(STAGES)


@pytest.mark.parametrize("name", STAGES)
def test_stages_are_the_documents(name):
    assert [(stage.percentage, stage.duration) for stage in POLICIES[name].stages] == STAGES[name]


@pytest.mark.parametrize(("name", "metric", "purpose", "limit", "minutes", "above_ms"), THRESHOLDS)
def test_threshold_of_the_document_is_kept_literally(name, metric, purpose, limit, minutes, above_ms):
    wanted = (metric, purpose, limit, timedelta(minutes=minutes), above_ms)
    slos = [gate for gate in POLICIES[name].gates if gate.kind is GateKind.SLO]
    assert wanted in [(g.metric, g.purpose, g.limit, g.holds_for, g.above_ms) for g in slos]


@pytest.mark.parametrize("name", STAGES)
def test_every_gate_names_its_source_in_a_comment(name):
    text = (SHIPPED / f"{name}.toml").read_text(encoding="utf-8")
    before, comment = "", ""
    for line in text.split("\n"):
        if line == "[[gate]]":
            comment = before if before.startswith("#") else comment
            assert comment
        before = line


@pytest.mark.parametrize("name", STAGES)
def test_one_unsafe_plan_kills_wherever_plans_are_delivered(name):
    policy = POLICIES[name]
    for stage in policy.stages:
        if stage.has_traffic and stage.duration:
            kills = [gate for gate in policy.gates_of(stage) if gate.purpose is Purpose.KILL]
            assert [(gate.metric, gate.in_a_row) for gate in kills] == [(Metric.UNSAFE, 1)]


@pytest.mark.parametrize("name", STAGES)
def test_errors_are_compared_wherever_a_percentage_leaves_a_control(name):
    policy = POLICIES[name]
    for stage in policy.stages:
        guards = [g for g in policy.gates_of(stage) if g.kind is GateKind.GUARDRAIL and g.metric is Metric.ERROR]
        if stage.thousandths and stage.has_control:
            assert [(gate.purpose, gate.margin) for gate in guards] == [(Purpose.ROLLBACK, 1.0)]
        elif not stage.has_control:
            assert guards == []


def test_people_of_a_group_alone_are_the_only_ones():
    internal = POLICIES["five-stage"].stages[0]
    assert (internal.thousandths, internal.nominal, internal.groups) == (0, 100, ("team",))
    assert POLICIES["ten-step-canary"].stages[2].thousandths == 0


def test_canary_steps_have_the_documents_checks():
    policy = POLICIES["ten-step-canary"]
    checks = {
        stage.name: [g.name for g in policy.gates_of(stage) if g.kind is GateKind.CHECK] for stage in policy.stages
    }
    assert {"golden-outputs", "staging-below-1500-ms"} <= set(checks["validation"])
    assert checks["canary-35"] == ["load-test"]
    assert checks["canary-65"] == ["engagement-and-retention"]
    cost = [g for g in policy.gates_of(policy.stages[4]) if g.metric is Metric.COST]
    assert [gate.margin for gate in cost] == [1.05]


def test_canary_rolls_back_in_time_and_to_five_percent():
    policy = POLICIES["ten-step-canary"]
    assert [policy.rollback_within[kind].total_seconds() / 60 for kind in ("immediate", "partial", "full")] == [
        5,
        15,
        30,
    ]
    assert policy.stages[policy.index_of(policy.partial_to)].percentage == 5
    assert set(policy.contacts) == {"on-call-engineer", "tech-lead", "product-manager", "escalation"}
    assert policy.stages[-1].retires
