"""`experiment preview` and `experiment power`: one document with --json, the same numbers as the page."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command

from experiments.analysis import Design, detectable, power, subjects_needed
from experiments.preview import Sensitivity
from tests.experiments.preview.rosters import fill_roster
from tests.experiments.preview.test_previewing import KEY, draft, seen, start
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.once]


def experiment(*arguments: object) -> tuple[int, dict]:
    out = io.StringIO()
    try:
        call_command("experiment", *map(str, arguments), "--json", stdout=out, stderr=io.StringIO())
    except CommandError as error:
        return error.returncode, json.loads(out.getvalue() or "null")
    return 0, json.loads(out.getvalue())


def text_of(*arguments: object) -> str:
    out = io.StringIO()
    call_command("experiment", *map(str, arguments), stdout=out, stderr=io.StringIO())
    return out.getvalue()


@pytest.fixture
def scientist(db):
    return make_user("data_scientist")


def test_the_preview_as_a_document_and_for_people(scientist):
    fill_roster(90, coaches=15, refused=4)
    draft(scientist)
    code, found = experiment("preview", KEY, "--as", scientist.email)
    assert code == 0
    assert (found["allocation"]["counts"]["taken"], found["can_start"], found["is_example"]) == (86, True, True)
    assert found["sensitivity"]["background"]["clusters"] == 15
    assert found["sensitivity"]["background"]["span"] == 28
    assert [point["days"] for point in found["sensitivity"]["curve"]] == [14, 28, 42, 56]
    assert found["sensitivity"]["treatments"].keys() == {"b"}
    text = text_of("preview", KEY)
    assert "advanced" in text and "one draw of many" in text and "before it can start" in text


def test_a_draft_that_says_nothing_has_a_document_too(scientist):
    fill_roster(12, never_asked=12)
    draft(scientist, protocol={})
    code, found = experiment("preview", KEY)
    assert (code, found["can_start"], found["primary_metric"]) == (0, False, None)
    assert "unknown" in found["sensitivity"]
    assert {check["weight"] for check in found["checks"]} >= {"blocker"}
    assert "blocker" in text_of("preview", KEY)
    code, found = experiment("power", KEY)
    assert (code, found["error"]["status"]) == (2, 400)
    assert "Not known" in found["error"]["detail"]


def test_the_power_of_a_draft_is_that_of_its_preview(scientist):
    fill_roster(120, coaches=30)
    draft(scientist)
    known = seen(scientist).sensitivity
    assert isinstance(known, Sensitivity)
    code, found = experiment("power", KEY)
    assert code == 0
    assert (found["subjects"], found["effect"]) == (known.subjects, 60)
    assert found["detectable"] == pytest.approx(known.worst.detectable)
    assert (found["needed"], found["days"]) == (known.needed, known.days_needed)
    code, found = experiment("power", KEY, "--effect", 400, "--subjects", 80)
    assert found["power"] == pytest.approx(power(known.worst.design, 80, 400))
    assert found["days"] == known.days_for(found["needed"])


def test_a_design_without_an_experiment():
    code, found = experiment(
        "power", "--sd", 2, "--effect", 0.5, "--subjects", 900, "--arms", 3, "--clusters", 60, "--icc", 0.01
    )
    design = Design(2.0, 1 / 3, 1 / 3, comparisons=2, clusters=60, icc=0.01)
    assert code == 0
    assert found == {
        "subjects": 900,
        "detectable": pytest.approx(detectable(design, 900)),
        "effect": 0.5,
        "power": pytest.approx(power(design, 900, 0.5)),
        "needed": subjects_needed(design, 0.5),
        "days": None,
    }
    code, only = experiment("power", "--sd", 2, "--effect", 0.5)
    assert (only["power"], only["detectable"]) == (None, None)
    assert only["needed"] == subjects_needed(Design(2.0), 0.5)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--effect", 1),
        ("--sd", 1),
        ("--sd", 0, "--effect", 1),
        ("--sd", 1, "--effect", 0),
        ("--sd", 1, "--effect", 1, "--arms", 1),
        ("--sd", 1, "--subjects", 0),
        ("--sd", 1, "--effect", 1, "--icc", 2, "--clusters", 5),
        ("--sd", "nan", "--effect", 1),
        ("--sd", 1, "--effect", "nan"),
        (KEY, "--sd", 1),
        ("none", "--effect", 1),
    ],
)
def test_bad_input_is_refused(arguments, scientist):
    draft(scientist)
    code, found = experiment("power", *arguments)
    assert code == 2
    assert found["error"]["detail"]


def test_who_may_and_when(scientist):
    draft(scientist)
    coach = make_user("coach")
    for verb in ("preview", "power"):
        assert experiment(verb, KEY, "--as", coach.email)[0] == 3
    start(KEY, scientist)
    assert experiment("preview", KEY)[0] == 4
