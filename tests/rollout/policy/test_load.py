"""A policy file is read whole or refused with every mistake named."""

from __future__ import annotations

import hashlib
import re

import pytest

from rollout.policy.load import SHIPPED, PolicyError, all_policies, load_policy, parse_policy, shipped
from tests.support.databases import ROOT

pytestmark = pytest.mark.pure

CANARY = (SHIPPED / "ten-step-canary.toml").read_text(encoding="utf-8")

SMALL = """
name = "small"
title = "Small"
description = "Two stages."
source = "a test"

[[stage]]
name = "some"
title = "Some"
percentage = 5
duration = "1 d"

[[stage]]
name = "all"
title = "All"
percentage = 100
duration = "1 d"

[[gate]]
name = "errors"
kind = "slo"
purpose = "rollback"
metric = "error"
limit = 0.05
recover = 0.04
window = "1 h"
min_n = 100

[[gate]]
name = "worse"
kind = "guardrail"
purpose = "rollback"
metric = "slower"
above_ms = 500
margin = 1.2
alpha = 0.01
min_n = 100
stages = ["some"]

[[gate]]
name = "broken"
kind = "breaker"
purpose = "rollback"
metric = "error"
in_a_row = 8

[[gate]]
name = "looked-at"
title = "Somebody looked"
kind = "check"
purpose = "advance"
"""

TWO_STAGES = SMALL[SMALL.index("percentage") : SMALL.index('duration = "1 d"\n\n[[gate]]')]
TEAM = 'groups = ["team"]\n'


def mistakes(text: str) -> tuple[str, ...]:
    with pytest.raises(PolicyError) as refused:
        parse_policy(text, source_name="small.toml")
    return refused.value.errors


@pytest.mark.parametrize(
    ("found", "instead", "place", "field"),
    [
        ('name = "small"', 'name = "Small one"', "small.toml", "name"),
        ('source = "a test"', 'sauce = "a test"', "small.toml", "sauce"),
        ('source = "a test"', "", "small.toml", "source"),
        ('source = "a test"', 'source = "x"\nwindow = "90 s"', "small.toml", "window"),
        ('source = "a test"', 'source = "x"\npartial_to = "none"', "small.toml", "partial_to"),
        ('source = "a test"', 'source = "x"\ncool_down = "-1 h"', "small.toml", "cool_down"),
        ('source = "a test"', 'source = "x"\n[rollback_within]\nsoon = "1 h"', "rollback_within", "soon"),
        ('title = "Some"', 'title = "Some"\nspeed = 1', "stage 'some'", "speed"),
        ('title = "Some"', 'title = "Some"\nonly_groups = true', "stage 'some'", "only_groups"),
        ('title = "Some"', 'title = "Some"\nextensions = 2', "stage 'some'", "extensions"),
        ('title = "Some"', 'title = "Some"\nretires = true', "stage 'some'", "retires"),
        ('title = "Some"', 'title = "Some"\ntier = "gold"', "stage 'some'", "tier"),
        ("percentage = 5\n", 'percentage = 5\ntier = "basic"\n', "stage 'all'", "tier"),
        ('percentage = 5\nduration = "1 d"', "percentage = 5", "stage 'some'", "duration"),
        ('duration = "1 d"', 'duration = "-1 d"', "stage 'some'", "duration"),
        ('duration = "1 d"', 'duration = "a day"', "stage 'some'", "duration"),
        ("percentage = 5\n", "percentage = 5.0001\n", "stage 'some'", "percentage"),
        ("percentage = 5\n", "percentage = 101\n", "stage 'some'", "percentage"),
        ("percentage = 5\n", 'percentage = "5"\n', "stage 'some'", "percentage"),
        ("percentage = 100", "percentage = 4", "stage 'all'", "percentage"),
        (TWO_STAGES, TWO_STAGES.replace("100", "50").replace("= 5\n", "= 5\n" + TEAM), "stage 'all'", "groups"),
        ('name = "all"', 'name = "some"', "stage 'some'", "name"),
        ('name = "worse"', 'name = "errors"', "gate 'errors'", "name"),
        ('kind = "slo"', 'kind = "slow"', "gate 'errors'", "kind"),
        ('purpose = "rollback"', 'purpose = "explode"', "gate 'errors'", "purpose"),
        ('purpose = "rollback"', 'purpose = "kill"', "gate 'errors'", "purpose"),
        ('metric = "error"', 'metric = "mood"', "gate 'errors'", "metric"),
        ("limit = 0.05\n", "", "gate 'errors'", "limit"),
        ("limit = 0.05", "limit = 5", "gate 'errors'", "limit"),
        ("limit = 0.05", "limit = nan", "gate 'errors'", "limit"),
        ("limit = 0.05", 'limit = 0.05\nworse = "below"', "gate 'errors'", "worse"),
        ("recover = 0.04", "recover = 0.06", "gate 'errors'", "recover"),
        ('window = "1 h"', 'window = "7 min"', "gate 'errors'", "window"),
        ('window = "1 h"\nmin_n = 100', 'window = "1 h"', "gate 'errors'", "min_n"),
        ('window = "1 h"', 'window = "1 h"\nalpha = 0.01', "gate 'errors'", "alpha"),
        ("margin = 1.2\n", "", "gate 'worse'", "margin"),
        ("alpha = 0.01\n", "", "gate 'worse'", "alpha"),
        ("alpha = 0.01", "alpha = 0.03", "stage 'some'", "alpha"),
        ("above_ms = 500\n", "", "gate 'worse'", "above_ms"),
        ('metric = "slower"\nabove_ms = 500', 'metric = "rating"', "gate 'worse'", "metric"),
        ('min_n = 100\nstages = ["some"]', 'stages = ["some"]', "gate 'worse'", "min_n"),
        ('stages = ["some"]', 'stages = ["somme"]', "gate 'worse'", "stages"),
        ('stages = ["some"]', "", "gate 'worse'", "stages"),
        ("in_a_row = 8", "", "gate 'broken'", "in_a_row"),
        ("in_a_row = 8", "in_a_row = 0", "gate 'broken'", "in_a_row"),
        ("in_a_row = 8", "in_a_row = 8\nmin_n = 5", "gate 'broken'", "min_n"),
        ('title = "Somebody looked"\n', "", "gate 'looked-at'", "title"),
        ('kind = "check"', 'kind = "check"\nlimit = 1', "gate 'looked-at'", "limit"),
    ],
)
def test_mistake_is_named_with_file_place_field_and_what_is_allowed(found, instead, place, field):
    assert found in SMALL
    errors = mistakes(SMALL.replace(found, instead, 1))
    named = re.compile(rf"small\.toml.*{re.escape(place.removeprefix('small.toml'))}.*{field}: found .*, allowed ")
    assert [error for error in errors if named.match(error)]


def test_small_policy_without_a_mistake_is_read():
    policy = parse_policy(SMALL, source_name="small.toml")
    assert [stage.thousandths for stage in policy.stages] == [5_000, 100_000]
    assert [gate.name for gate in policy.gates] == ["errors", "worse", "broken", "looked-at"]


def test_all_mistakes_come_at_once():
    text = (
        SMALL.replace('duration = "1 d"', "").replace("limit = 0.05", "limit = 9").replace("in_a_row = 8", "rows = 8")
    )
    errors = mistakes(text)
    assert len(errors) == 5
    assert [re.search("(stage|gate) '([a-z]+)'", error)[2] for error in errors] == [
        "some",
        "all",
        "errors",
        "broken",
        "broken",
    ]


def test_gate_without_traffic_in_its_stage_is_refused():
    text = CANARY.replace(
        'purpose = "kill"\nmetric = "unsafe"\n', 'purpose = "kill"\nmetric = "unsafe"\nstages = ["disabled"]\n'
    )
    assert "gate 'unsafe-plan': stages: found disabled" in mistakes(text)[0]


def test_hash_is_of_the_very_text():
    assert parse_policy(SMALL, source_name="x").sha256 == hashlib.sha256(SMALL.encode()).hexdigest()
    assert parse_policy(SMALL + "# more", source_name="x").sha256 != parse_policy(SMALL, source_name="x").sha256


def test_own_policies_stand_beside_the_shipped_ones(tmp_path):
    (tmp_path / "small.toml").write_text(SMALL, encoding="utf-8")
    assert set(all_policies(tmp_path)) == {*shipped(), "small"}


def test_own_policy_cannot_take_a_shipped_name(tmp_path):
    (tmp_path / "three-phase.toml").write_text(SMALL.replace('"small"', '"three-phase"'), encoding="utf-8")
    with pytest.raises(PolicyError, match=r"three-phase.toml: name: found 'three-phase'"):
        all_policies(tmp_path)


def test_mistakes_of_all_own_files_come_at_once(tmp_path):
    for name in ("one", "two"):
        (tmp_path / f"{name}.toml").write_text(SMALL.replace("limit = 0.05", "limit = 9"), encoding="utf-8")
    with pytest.raises(PolicyError) as refused:
        all_policies(tmp_path)
    assert [error.split(":")[0] for error in refused.value.errors] == ["one.toml", "two.toml"]


def test_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(PolicyError, match="there is no such folder"):
        all_policies(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b"name = ", b"[[stage]", b"a = " + b"9" * 5000, b"a = " + b"[" * 5000]
)
def test_file_that_is_no_toml_is_refused(tmp_path, content):
    path = tmp_path / "odd.toml"
    path.write_bytes(content)
    with pytest.raises(PolicyError, match=r"odd.toml: "):
        load_policy(path)


def test_file_carries_its_policys_name(tmp_path):
    path = tmp_path / "other.toml"
    path.write_text(SMALL, encoding="utf-8")
    with pytest.raises(PolicyError, match=r"other.toml: name: found 'small', allowed 'other'"):
        load_policy(path)


def test_example_in_the_documents_is_a_policy():
    page = (ROOT / "docs" / "operations" / "policies.md").read_text(encoding="utf-8")
    example = page.split("```toml\n")[1].split("```")[0]
    assert parse_policy(example, source_name="cautious.toml").name == "cautious"
