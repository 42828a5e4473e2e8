"""The experiments' pages: the list by need, the form that says every mistake at its field, commands with reasons."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.models import AuditEvent
from audit.selectors import readable
from common import clock
from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from experiments.lifecycle import Command
from experiments.models import Experiment, ExperimentAssignment, ExperimentPhase
from experiments.pages.typed import fields_of, typed_of
from experiments.ready import READY
from experiments.services.assign import assign
from experiments.services.running import create_experiment, edit_experiment, step
from tests.experiments.protocols import protocol
from tests.experiments.test_assigning import agreeing
from tests.factories import make_user

pytestmark = pytest.mark.django_db
LIST = "/admin/experiments/experiment/"
WHY = "reviewed in the weekly"
TEST_GROUPS = READY.get("test-groups")


@pytest.fixture
def scientist():
    return make_user("data_scientist", name="Ada")


@pytest.fixture
def ada(scientist):
    return logged_in(scientist)


def logged_in(user):
    client = Client()
    client.force_login(user)
    return client


def typed(document=TEST_GROUPS.document, key=TEST_GROUPS.key, **changes):
    """What the browser sends of a form; a list stands for several boxes of one name."""
    found = {name: values for name, values in typed_of(key, document).values.items() if values != [""]}
    changes = {name.replace("__", "-"): value for name, value in changes.items()}
    return {"form": "draft", "reason": WHY, **found, **changes}


def said(response):
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def mistakes(response):
    return {one.place: one.text for one in response.context["form"].mistakes}


def made(key="taper", *, who=COMMAND_LINE, start=False, **fields):
    fields = {"variant_weights": {"a": 50, "b": 50}, "protocol": protocol(), **fields}
    experiment = create_experiment(key=key, fields=fields, reason="x", acting_user=who)
    if start:
        experiment = step(key=key, command=Command.START, reason="x", expected=None, acting_user=who)
    return experiment


def page(experiment, name):
    return f"{LIST}{experiment.pk}/{name}/"


def post(client, experiment, command, *, saw=None, **form):
    given = {"command": command, "expected": experiment.version if saw is None else saw, "reason": WHY, **form}
    return client.post(page(experiment, "command"), given)


def reasons(action):
    """The reasons that the audit log holds of an action, in clear."""
    with unit_of_work(COMMAND_LINE, read_only=True):
        events = list(AuditEvent.objects.filter(action=action).order_by("id"))
        return [one.metadata["reason"] for one in readable(events)]


def now(experiment):
    return Experiment.objects.get(pk=experiment.pk)


# What ships


def test_the_test_groups_can_be_written_from_the_page_and_started(ada):
    form = ada.get(f"{LIST}add/?ready=test-groups")
    assert form.context["form"].typed["key"] == "plan_algorithm_variant"
    answer = ada.post(f"{LIST}add/", typed())
    experiment = Experiment.objects.get()
    assert answer.url == page(experiment, "change")
    assert experiment.variant_weights == {"advanced": 25, "simplified": 25, "choice": 25, "auto": 25}
    asked = experiment.protocol
    assert (asked["control"], asked["primary_metric"], asked["planned_subjects"]) == ("auto", "satisfaction", 240)
    assert asked["goal_metrics"] == ["adherence", "feature_use", "retention"]
    assert {rule["metric"]: (rule["margin"], rule["relative"]) for rule in asked["guardrails"]} == {
        "calculation_speed": (0.2, True),
        "errors": (0.02, False),
    }
    assert "Started" in said(post(ada, experiment, "start"))
    assert now(experiment).status == "running"
    athlete = agreeing()
    answer = assign(experiment_key=experiment.key, subject_id=athlete.pk, attributes={}, acting_user=COMMAND_LINE)
    assert answer.variant in experiment.variant_weights
    assert ExperimentPhase.objects.get().reason == WHY


def test_a_form_that_is_filled_in_from_fields_makes_these_fields_again():
    document = {
        **TEST_GROUPS.document,
        "variant_weights": {"advanced": 33.333, "simplified": 16.667, "choice": 0, "auto": 50},
        "stratification_keys": ["sport", "platform"],
        "holdout_percentage": 5,
        "traffic_percentage": 12.5,
        "targeting": {"sport": ["running"], "level": ["novice"], "platform": ["ios", "android"]},
        "layer": {"key": "planning", "from": 0, "to": 50},
        "roster": "closed",
        "block_size": None,
        "start_at": "2026-12-01T00:00:00+00:00",
        "end_at": "2027-01-12T06:30:00+00:00",
    }
    again = fields_of(typed_of("x", document))
    assert again.pop("protocol").items() >= document.pop("protocol").items()
    assert again == document


# Writing


def test_every_mistake_is_said_at_its_field_at_once_and_nothing_typed_is_lost(ada):
    wrong = {"key": "Not A Key", "name": "", "weight__0": "many", "variant__3": "B!", "holdout": "120"}
    wrong |= {"layer_key": "planning", "layer_from": "50", "layer_to": "40", "planned": "2", "goal": ["satisfaction"]}
    wrong |= {"margin__errors": "", "target": "a lot", "start_at": "2026-03-01T00:00", "end_at": "2026-02-01T00:00"}
    wrong |= {"reason": " ", "description": "They\nrate it higher", "traffic": "1e400", "value__1": "other"}
    answer = ada.post(f"{LIST}add/", typed(**wrong))
    assert answer.status_code == 200
    assert not Experiment.objects.exists()
    found = mistakes(answer)
    places = {"key", "name", "weight-0", "variant-3", "holdout", "traffic", "layer", "planned", "goals", "target"}
    assert found.keys() >= {*places, "margin-errors", "value-1", "end_at", "reason"}
    assert found["weight-0"].startswith("Found 'many', allowed a number from 0 to 100")
    text = answer.content.decode()
    for name in ("key", "holdout", "planned", "target", "traffic"):
        assert f'id="w-{name}"' in text, name
        assert re.search(rf'id="f-{name}" value="{re.escape(str(wrong[name]))}"', text), name
    assert "They\nrate it higher" in text
    assert answer.context["form"].rows[3].variant == "B!"


def test_weights_that_do_not_sum_up_are_a_mistake_of_the_variants(ada):
    answer = ada.post(f"{LIST}add/", typed(weight__0="30"))
    assert mistakes(answer) == {"variants": "Found a sum of 105, allowed 100"}


def test_a_variant_that_stands_twice_is_said_at_the_second(ada):
    answer = ada.post(f"{LIST}add/", typed(variant__2="auto"))
    assert mistakes(answer)["variant-2"] == "This variant stands above already."
    assert not Experiment.objects.exists()


def test_a_key_that_is_taken_is_said_with_everything_else(ada):
    made(TEST_GROUPS.key)
    answer = ada.post(f"{LIST}add/", typed(planned="none"))
    assert mistakes(answer).keys() == {"key", "planned"}
    assert Experiment.objects.count() == 1


def test_a_draft_may_say_later_what_it_asks_and_starts_only_then(ada):
    bare = {"key": ["taper"], "variant-0": ["a"], "weight-0": ["50"], "variant-5": ["b"], "weight-5": ["50"]}
    ada.post(f"{LIST}add/", {**bare, "name": "Taper", "reason": WHY})
    experiment = Experiment.objects.get()
    assert (experiment.protocol, experiment.variant_weights) == ({}, {"a": 50, "b": 50})
    assert (experiment.traffic_percentage, experiment.holdout_percentage) == (100.0, 0.0)
    assert "Say what is asked before the start" in said(post(ada, experiment, "start"))
    assert now(experiment).status == "draft"


def test_the_form_has_six_rows_without_javascript_and_as_many_as_are_filled(ada):
    assert len(ada.get(f"{LIST}add/").context["form"].rows) == 6
    weights = {f"v{i}": 12.5 for i in range(8)}
    experiment = made(variant_weights=weights, protocol=protocol("v0"))
    rows = ada.get(page(experiment, "edit")).context["form"].rows
    assert [row.variant for row in rows] == sorted(weights)


# Changing


def test_an_edit_sends_what_differs_and_is_recorded_with_its_reason(ada):
    experiment = made()
    ada.post(page(experiment, "edit"), typed(vars(experiment), experiment.key, expected="0", traffic="50"))
    assert now(experiment).traffic_percentage == 50
    with unit_of_work(COMMAND_LINE, read_only=True):
        event = AuditEvent.objects.get(action="experiment.change")
    assert event.metadata_json["changes"] == {"traffic_percentage": 50}
    assert reasons("experiment.change") == [WHY]


def test_saving_what_is_saved_changes_nothing(ada):
    experiment = made(end_at=(clock.now() + timedelta(days=9)).isoformat())
    answer = ada.post(page(experiment, "edit"), typed(vars(now(experiment)), experiment.key, expected="0"))
    assert "Nothing differs" in said(answer)
    assert now(experiment).version == 0


def test_who_was_faster_is_named_and_what_was_typed_stays(ada):
    experiment = made()
    other = make_user("data_scientist", name="Ben")
    given = {"key": experiment.key, "reason": "x", "expected": None, "acting_user": other}
    edit_experiment(changes={"holdout_percentage": 10.0}, **given)
    answer = ada.post(page(experiment, "edit"), typed(vars(experiment), experiment.key, expected="0", traffic="50"))
    assert answer.status_code == 200
    assert answer.context["answer"].conflict.who == "Ben"
    text = answer.content.decode()
    assert "Ben was faster (held out," in text
    assert "share that takes part, held out" in text
    assert 'id="f-traffic" value="50"' in text
    assert 'name="expected" value="1"' in text
    assert now(experiment).traffic_percentage == 100


def test_a_draft_that_was_started_meanwhile_keeps_the_form_and_saves_nothing(ada):
    experiment = made()
    step(key=experiment.key, command=Command.START, reason="x", expected=None, acting_user=COMMAND_LINE)
    answer = ada.post(page(experiment, "edit"), typed(vars(experiment), experiment.key, expected="0", traffic="50"))
    assert "It was started meanwhile" in answer.content.decode()
    assert now(experiment).traffic_percentage == 100


def test_what_was_started_keeps_its_question_and_takes_another_name(ada):
    experiment = made(start=True)
    text = ada.get(page(experiment, "edit")).content.decode()
    assert "Frozen by the start" in text
    assert 'name="primary"' not in text
    form = {"form": "name", "expected": experiment.version, "name": "Tapers", "description": "x", "reason": WHY}
    assert ada.post(page(experiment, "edit"), form).status_code == 302
    assert (now(experiment).name, now(experiment).protocol) == ("Tapers", experiment.protocol)
    refused = ada.post(page(experiment, "edit"), {**form, "expected": experiment.version + 1, "name": ""})
    assert [one.place for one in refused.context["errors"] and refused.context["named"].mistakes] == ["name"]


# Commands


def test_an_experiment_lives_by_commands_each_with_its_reason(ada):
    experiment = made()
    for name, state in (("start", "running"), ("pause", "paused"), ("resume", "running")):
        answer = post(ada, now(experiment), name)
        assert (answer.status_code, now(experiment).status) == (302, state)
    assert "Say why" in said(post(ada, now(experiment), "pause", reason=" "))
    assert now(experiment).status == "running"
    assert reasons("experiment.step") == [WHY] * 3


def test_the_end_is_asked_for_twice_and_says_whom_it_meets(ada):
    experiment = made(start=True)
    assign(experiment_key=experiment.key, subject_id=agreeing().pk, attributes={}, acting_user=COMMAND_LINE)
    asked = post(ada, experiment, "complete")
    text = asked.content.decode()
    assert "Nobody keeps a variant" in text
    assert "1 athlete has one now" in text
    assert "It cannot be undone" in text
    assert now(experiment).status == "running"
    assert "Complete" in said(post(ada, experiment, "complete", sure="yes"))
    assert now(experiment).status == "complete"
    assert "cannot start" in said(post(ada, now(experiment), "start"))


def test_a_stale_command_names_who_was_faster_and_changes_nothing(ada):
    experiment = made(start=True)
    ben = make_user("admin", name="Ben")
    step(key=experiment.key, command=Command.PAUSE, reason="x", expected=None, acting_user=ben)
    assert "Ben was faster (now paused," in said(post(ada, experiment, "complete", sure="yes"))
    assert now(experiment).status == "paused"


@pytest.mark.parametrize("form", [{"command": "explode"}, {"command": "start", "expected": "x"}, {}])
def test_a_form_that_says_nothing_sensible_is_refused_in_words(ada, form):
    experiment = made()
    assert said(ada.post(page(experiment, "command"), {"reason": WHY, **form})).startswith("Not done: ")
    assert now(experiment).status == "draft"


def test_a_next_phase_changes_weights_and_keeps_who_is_in(ada):
    experiment = made(start=True)
    form = {"variant-0": "a", "weight-0": "10", "variant-1": "b", "weight-1": "90", "traffic": "100"}
    answer = post(ada, experiment, "phase", **form)
    assert answer.url == page(experiment, "edit")
    assert (now(experiment).phase, now(experiment).variant_weights) == (2, {"a": 10, "b": 90})
    again = post(ada, now(experiment), "phase", **form)
    assert "Nothing differs" in said(again)
    refused = post(ada, now(experiment), "phase", **{**form, "weight-0": "20", "traffic": "-1"}, reason="")
    assert refused.status_code == 200
    assert {one.place for one in refused.context["phase"].mistakes} == {"variants", "traffic", "reason"}
    assert refused.context["phase"].typed["weight-0"] == "20"
    assert now(experiment).phase == 2


def test_a_closed_roster_that_has_nobody_waits_to_be_enrolled(ada):
    experiment = made(roster="closed", start=True)
    agreeing()
    rows = dict(ada.get(LIST).context["listing"].groups)
    assert rows["Needs you"][0].next_what == "Enrol the roster"
    assert "Enrol the roster" in ada.get(page(experiment, "edit")).content.decode()
    assert "1 enrolled" in said(post(ada, experiment, "enrol", back="edit"))
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert ExperimentAssignment.objects.count() == 1
    assert "Running" in dict(ada.get(LIST).context["listing"].groups)


def test_a_start_whose_roster_cannot_be_enrolled_says_so(ada):
    experiment = made(roster="closed", stratification_keys=["platform"])
    agreeing()
    assert "Started, but nobody is enrolled yet" in said(post(ada, experiment, "start"))
    assert now(experiment).status == "running"


# The list


def test_the_list_is_by_need(ada):
    made("finished", start=True)
    step(key="finished", command=Command.COMPLETE, reason="x", expected=None, acting_user=COMMAND_LINE)
    made("goes", start=True, end_at=(clock.now() + timedelta(days=42)).isoformat())
    made("paused", start=True)
    step(key="paused", command=Command.PAUSE, reason="x", expected=None, acting_user=COMMAND_LINE)
    made("unsaid", protocol={})
    made("could", name="Could start")
    made("over", start=True, end_at=(clock.now() + timedelta(days=2)).isoformat())
    with clock.frozen(clock.now() + timedelta(days=3)):
        listing = ada.get(LIST).context["listing"]
    groups = {title: [row.key for row in rows] for title, rows in listing.groups}
    assert groups == {
        "Needs you": ["over", "could", "paused"],
        "Running": ["goes"],
        "Draft": ["unsaid"],
        "Complete": ["finished"],
    }
    rows = {row.key: row for _, group in listing.groups for row in group}
    assert rows["goes"].day == "day 4 of 42"
    assert rows["over"].next_what == "Complete it, or set another end"
    assert rows["unsaid"].next_what == "Say what is asked"
    assert (rows["could"].page, rows["unsaid"].page) == ("preview", "edit")
    assert {name: count for name, _, count in listing.filters} == {
        "all": 6, "needs": 3, "running": 3, "draft": 2, "complete": 1,
    }  # fmt: skip
    found = ada.get(LIST, {"show": "draft", "q": "could START"}).context["listing"].groups
    assert [row.key for _, group in found for row in group] == ["could"]
    assert "No experiment matches" in ada.get(LIST, {"q": "nothing"}).content.decode()


def test_a_draft_that_would_decide_about_the_same_athletes_waits(ada):
    create_experiment(key="first", fields=TEST_GROUPS.document, reason="x", acting_user=COMMAND_LINE)
    step(key="first", command=Command.START, reason="x", expected=None, acting_user=COMMAND_LINE)
    create_experiment(key="second", fields=TEST_GROUPS.document, reason="x", acting_user=COMMAND_LINE)
    rows = dict(ada.get(LIST).context["listing"].groups)
    assert rows["Draft"][0].next_what == "Waits for first"


def test_an_empty_list_says_what_it_means_and_offers_both_ways(ada):
    text = ada.get(LIST).content.decode()
    assert "Everybody gets what they would have without experiments." in text
    assert "?ready=test-groups" in text


def test_the_list_counts_athletes_without_naming_them_in_a_constant_number_of_queries(ada):
    def queries():
        with CaptureQueriesContext(
            connection,
        ) as found:
            answer = ada.get(LIST)
        return len(found), answer

    made("one", start=True)
    few, _ = queries()
    for i in range(8):
        made(f"more-{i}", start=i % 2 == 0)
    athletes = [agreeing() for _ in range(3)]
    for athlete in athletes:
        assign(experiment_key="one", subject_id=athlete.pk, attributes={}, acting_user=COMMAND_LINE)
    many, answer = queries()
    assert many == few
    rows = {row.key: row for _, group in answer.context["listing"].groups for row in group}
    assert rows["one"].assigned == "3"
    assert not any(athlete.name in answer.content.decode() for athlete in athletes)


# Who may


@pytest.mark.parametrize("role", ["coach", "support", "compliance"])
def test_others_get_no_page_and_no_command(role):
    experiment, client = made(start=True), logged_in(make_user(role))
    for path in (LIST, f"{LIST}add/", *(page(experiment, name) for name in ("change", "edit", "preview", "results"))):
        assert client.get(path).status_code == 403, path
    assert client.post(f"{LIST}add/", typed()).status_code == 403
    assert post(client, experiment, "pause").status_code == 403
    assert (now(experiment).status, Experiment.objects.count()) == ("running", 1)


def test_a_draft_leads_to_its_preview_and_what_was_started_to_its_results(ada):
    experiment = made()
    assert ada.get(page(experiment, "change")).url == page(experiment, "preview")
    assert ada.get(page(experiment, "preview")).status_code == 200
    post(ada, experiment, "start")
    assert ada.get(page(experiment, "change")).url == page(experiment, "results")
    assert ada.get(page(experiment, "results")).status_code == 200
    assert ada.get(page(experiment, "preview")).url == page(experiment, "change")


def test_the_menu_has_experiments_for_who_manages_them(ada):
    groups = ada.get(LIST).context["sidebar_navigation"]
    titles = [str(group["title"]) for group in groups]
    assert titles.index("Evidence") > titles.index("Release")
    [items] = [group["items"] for group in groups if group["title"] == "Evidence"]
    assert ("Experiments", LIST) in [(item["title"], item["link"]) for item in items]
    coach = logged_in(make_user("coach")).get("/admin/accounts/athlete/").context["sidebar_navigation"]
    assert LIST not in [item["link"] for group in coach for item in group["items"]]
