"""`manage.py experiment …`: one document with --json, exit codes as documented."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command

from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from experiments.models import Experiment, ExperimentAssignment
from tests.experiments.test_assigning import FIELDS, KEY, agreeing
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.once]
WHY = ("--reason", "so")


def experiment(*arguments: object) -> tuple[int, object]:
    """Run `experiment … --json` and return its exit code and document."""
    out = io.StringIO()
    try:
        call_command("experiment", *map(str, arguments), "--json", stdout=out, stderr=io.StringIO())
    except CommandError as error:
        return error.returncode, json.loads(out.getvalue() or "null")
    return 0, json.loads(out.getvalue() or "null")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "taper.json"
    path.write_text(json.dumps(FIELDS))
    return path


def test_from_a_file_to_a_replay(file, tmp_path):
    athlete = agreeing()
    assert experiment("list") == (0, [])
    code, row = experiment("create", KEY, file, *WHY)
    assert (code, row["status"], row["can"], row["variants"]) == (0, "draft", "start", "a 50 %, b 50 %")
    assert experiment("start", KEY, *WHY, "--version", 0)[1]["status"] == "running"
    code, answer = experiment("assign", KEY, athlete.pk)
    assert (code, answer["reason"]) == (0, "assigned")
    assert experiment("replay", KEY) == (0, {"replayed": 1, "differences": []})
    more = tmp_path / "more.json"
    more.write_text(json.dumps({"variant_weights": {"a": 10, "b": 90}}))
    assert experiment("phase", KEY, more, *WHY)[1]["phase"] == 2
    assert experiment("pause", KEY, *WHY)[1]["can"] == "complete, resume"
    assert experiment("enrol", KEY)[0] == 4
    assert [row["key"] for row in experiment("list")[1]] == [KEY]


def test_what_does_not_follow_from_its_record_has_an_exit_code_of_its_own(file):
    experiment("create", KEY, file, *WHY)
    experiment("start", KEY, *WHY)
    experiment("assign", KEY, agreeing().pk)
    with unit_of_work(COMMAND_LINE):
        ExperimentAssignment.objects.update(number=7)
        [row] = ExperimentAssignment.objects.all()
    code, found = experiment("replay", row.pk)
    assert code == 5
    assert {one["assignment"] for one in found["differences"]} == {str(row.pk)}


@pytest.mark.parametrize("text", ["{", "[]", '{"variant_weights": {"a": 70, "b": 70}}', '{"nothing": 1}'])
def test_a_wrong_document_changes_nothing(tmp_path, text):
    path = tmp_path / "wrong.json"
    path.write_text(text)
    code, found = experiment("create", KEY, path, *WHY)
    assert (code, found["error"]["status"]) == (2, 400)
    assert not Experiment.objects.exists()


def test_refusals_have_their_exit_codes(file):
    coach = make_user("coach")
    assert experiment("create", KEY, file, *WHY, "--as", coach.email)[0] == 3
    assert experiment("list", "--as", coach.email)[0] == 3
    assert experiment("start", KEY, *WHY)[0] == 2
    experiment("create", KEY, file, *WHY)
    assert experiment("create", KEY, file, *WHY)[0] == 2
    assert experiment("pause", KEY, *WHY)[0] == 4
    assert experiment("start", KEY)[0] == 2
    assert experiment("start", KEY, *WHY, "--version", 5)[0] == 4
    assert experiment("replay", "none")[0] == 2


def test_the_test_groups_ship_and_are_started_from_the_command_line():
    code, found = experiment("ready")
    assert (code, [(row["name"], row["key"]) for row in found]) == (0, [("test-groups", "plan_algorithm_variant")])
    code, row = experiment("create", "groups", "--ready", "test-groups", *WHY)
    assert (code, row["variants"]) == (0, "advanced 25 %, auto 25 %, choice 25 %, simplified 25 %")
    assert experiment("start", "groups", *WHY)[1]["status"] == "running"
    assert experiment("assign", "groups", agreeing().pk)[1]["reason"] == "assigned"
    asked, ships = Experiment.objects.get().protocol, found[0]["document"]["protocol"]
    assert {name: asked[name] for name in ("control", "values", "guardrails")} == {
        name: ships[name] for name in ("control", "values", "guardrails")
    }


def test_a_draft_comes_from_a_file_or_from_one_that_ships(file):
    assert experiment("create", KEY, *WHY)[0] == 2
    assert experiment("create", KEY, file, "--ready", "test-groups", *WHY)[0] == 2
    assert experiment("create", KEY, "--ready", "none", *WHY)[0] == 2
    assert experiment("ready", "--as", make_user("coach").email)[0] == 3
    assert not Experiment.objects.exists()


def test_a_field_that_is_null_has_its_default(tmp_path):
    path = tmp_path / "nulls.json"
    path.write_text(json.dumps({**FIELDS, "holdout_percentage": None, "roster": None, "targeting": None}))
    assert experiment("create", KEY, path, *WHY)[0] == 0
    row = Experiment.objects.get()
    assert (row.holdout_percentage, row.roster, row.targeting) == (0.0, "open", {})
