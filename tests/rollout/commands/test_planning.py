"""`rollout policies`, `rollout simulate`."""

from __future__ import annotations

import pytest

from rollout.policy.load import shipped
from tests.rollout.commands.conftest import rollout, rollout_json
from tests.rollout.runs.driver import POLICY

pytestmark = [pytest.mark.django_db, pytest.mark.once]

REGRESSION = """
name = "worse"
description = "One answer in five fails."

[[change]]
error = 0.2
stage = "small"
"""


@pytest.fixture
def quick(policies):
    """A short policy whose first stage expects one subject in a hundred by its group."""
    text = POLICY.format(name="quick").replace("percentage = 0", "percentage = 1\nonly_groups = true", 1)
    (policies / "quick.toml").write_text(text)


@pytest.fixture
def scenario(tmp_path):
    """A writer of scenario files."""
    (tmp_path / "scenarios").mkdir()

    def write(text):
        path = tmp_path / "scenarios" / "own.toml"
        path.write_text(text)
        return path

    return write


def test_policies_lists_those_that_ship_and_the_own(policies):
    found = rollout_json("policies").json
    assert {row["name"] for row in found["policies"]} == {*shipped(), "short"}
    assert {row["from"] for row in found["policies"] if row["name"] == "short"} == {"own folder"}
    assert found["errors"] == []


def test_a_mistake_in_an_own_policy_is_named_and_hides_no_shipped_one(policies):
    (policies / "bad.toml").write_text('name = "bad"\n')
    ended = rollout_json("policies")
    assert ended.code == 1
    assert {row["name"] for row in ended.json["policies"]} >= set(shipped())
    assert any("bad.toml" in line for line in ended.json["errors"])


def test_one_policy_shows_stages_gates_and_what_each_stage_can_detect():
    found = rollout_json("policies", "five-stage", "--a-day", "20000").json
    policy = shipped()["five-stage"]
    assert [stage["stage"] for stage in found["stages"]] == [stage.name for stage in policy.stages]
    assert {gate["gate"] for gate in found["gates"]} == {gate.name for gate in policy.gates}
    seen = [row for row in found["detectable"] if row["metric"] == "error" and row["at_80"] is not None]
    assert seen
    assert all(row["base_rate"] < row["at_80"] <= row["at_99"] for row in seen)


def test_more_traffic_sees_smaller_effects():
    def smallest(a_day):
        rows = rollout_json("policies", "five-stage", "--a-day", a_day).json["detectable"]
        return {(row["stage"], row["gate"]): row["at_80"] or 1.0 for row in rows if row["gate"] == "errors-vs-control"}

    few, many = smallest(2_000), smallest(50_000)
    assert few
    assert all(many[where] <= few[where] for where in few)


def test_a_policy_for_people_reads_as_tables():
    text = rollout("policies", "ten-step-canary").text
    for words in ("Stages", "Gates", "Detectable with 1000 a day", "canary-5", "no effect"):
        assert words in text


def test_an_unknown_policy_is_answered_with_the_known_ones():
    ended = rollout_json("policies", "none")
    assert ended.code == 2
    assert "elite-first" in ended.json["error"]["detail"]


def test_a_policy_file_is_checked_before_it_is_installed(tmp_path):
    path = tmp_path / "short.toml"
    path.write_text(POLICY.format(name="short"))
    assert rollout_json("policies", path).json["name"] == "short"
    path.write_text(POLICY.format(name="short").replace('kind = "slo"', 'kind = "slow"'))
    ended = rollout_json("policies", path)
    assert ended.code == 2
    assert "few-errors" in ended.json["error"]["detail"]


@pytest.mark.parametrize(("named", "outcome", "code"), [("healthy", "completed", 0), (REGRESSION, "rolled_back", 7)])
def test_simulate_ends_with_the_outcome_and_its_exit_code(quick, scenario, named, outcome, code):
    wanted = named if named == "healthy" else scenario(named)
    ended = rollout_json("simulate", "quick", "--scenario", wanted, "--seed", 3)
    assert (ended.code, ended.json["outcome"]) == (code, outcome)
    assert list(ended.json)[-1] == "outcome"


def test_simulate_without_traffic_is_holding(quick, scenario):
    quiet = scenario('name = "quiet"\ndescription = "Hardly anybody."\nanswers = 0.1\n')
    ended = rollout_json("simulate", "quick", "--scenario", quiet)
    assert (ended.code, ended.json["outcome"]) == (6, "holding")


def test_the_same_seed_gives_the_same_trace(quick):
    said = ["simulate", "quick", "--scenario", "healthy", "--seed", 5]
    assert rollout_json(*said).json == rollout_json(*said).json


def test_simulate_for_people_prints_every_decision(quick):
    text = rollout("simulate", "quick").text
    assert text.count("advance") == 2
    assert "completed at all" in text


def test_an_unknown_scenario_is_answered_with_the_known_ones(policies):
    ended = rollout_json("simulate", "short", "--scenario", "none")
    assert ended.code == 2
    assert "healthy" in ended.json["error"]["detail"]
    assert rollout("simulate", "short", "--scenario", "healthy:nowhere").code == 2
