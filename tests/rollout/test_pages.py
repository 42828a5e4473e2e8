"""The forms of the operators' pages: one service each, refusals shown, who may."""

from __future__ import annotations

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from common.management.base import COMMAND_LINE
from rollout.models import Approval, Flag, Incident, Rollout, RolloutStep
from rollout.selectors import MODEL_DRIVEN_GENERATION as KEY
from rollout.services import flags
from rollout.services.approvals import approve
from rollout.services.rollouts import request_rollout
from rollout.services.tick import tick_run
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.once]
LIST = "/admin/rollout/rollout/"
SEEN = "Three tapers have a second long ride"


@pytest.fixture
def people():
    flags.seed_flags(acting_user=COMMAND_LINE)
    flags.change_flag(key=KEY, changes={"rollout_thousandths": 0}, reason="before a rollout", acting_user=COMMAND_LINE)
    return make_user("admin", name="Ada"), make_user("admin", name="Ben")


@pytest.fixture
def run(people):
    wish = request_rollout(key=KEY, policy_name="three-phase", reason="Try it", acting_user=people[0])
    approve(approval_id=wish.pk, comment="yes", acting_user=people[1])
    run = Rollout.objects.get()
    tick_run(rollout_id=run.pk, at=run.starts_at)
    run.refresh_from_db()
    assert run.state == "running"
    return run


def logged_in(user):
    client = Client()
    client.force_login(user)
    return client


def post(client, run, name, **form):
    given = {"command": name, "expected": run.version, "reason": SEEN, **form}
    return client.post(f"{LIST}{run.pk}/command/", given)


def said(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_without_any_rollout_the_list_says_what_a_rollout_is_and_where_to_begin(people):
    page = logged_in(people[0]).get(LIST).content.decode()
    assert "No rollout has been started" in page
    assert f"{LIST}add/" in page


def test_a_rollout_is_asked_for_and_approved_by_somebody_else(people):
    ada, ben = (logged_in(user) for user in people)
    form = {"key": KEY, "policy": "three-phase", "reason": "Try it", "starts_at": ""}
    assert ada.post(f"{LIST}add/", form).status_code == 302
    wish = Approval.objects.get()
    page = ada.get("/admin/rollout/approval/").content.decode()
    assert "You asked for this yourself" in page
    assert "Ben" in page
    assert ada.post(f"/admin/rollout/approval/{wish.pk}/decide/", {"do": "approve", "comment": "me"}).status_code == 403
    assert "all 3 stages" in ben.get("/admin/rollout/approval/").content.decode()
    ben.post(f"/admin/rollout/approval/{wish.pk}/decide/", {"do": "approve", "comment": "Read it"})
    assert Rollout.objects.get().state == "scheduled"


def test_a_form_that_is_refused_keeps_what_was_typed(people):
    page = logged_in(people[0]).post(f"{LIST}add/", {"key": KEY, "policy": "unknown", "reason": "A long story"})
    assert page.status_code == 200
    assert "Not done: policy must be one of" in page.content.decode()
    assert "A long story" in page.content.decode()


def test_hold_and_resume(people, run):
    client = logged_in(people[0])
    post(client, run, "pause")
    run.refresh_from_db()
    assert run.state == "paused"
    post(client, run, "resume")
    run.refresh_from_db()
    assert run.state == "running"


def test_the_second_of_two_commands_is_told_who_was_faster(people, run):
    post(logged_in(people[0]), run, "pause")
    answer = post(logged_in(people[1]), run, "pause")
    assert answer.url.endswith(f"?saw={run.version}")
    page = logged_in(people[1]).get(answer.url).content.decode()
    assert "Ada was faster (pause" in page
    assert f"You saw step {run.version}, it is now at step {run.version + 1}" in page


def test_a_rollback_is_done_whatever_step_was_taken_meanwhile(people, run):
    post(logged_in(people[0]), run, "pause")
    answer = post(logged_in(people[1]), run, "rollback", kind="Wrong plans", ticket="OPS-7")
    assert said(answer)[0].startswith("Rolled back")
    step = RolloutStep.objects.filter(rollout=run, command="rollback").get()
    assert step.why == f"Wrong plans: {SEEN} (OPS-7)"
    assert Flag.objects.get(name=KEY).rollout_thousandths == 0


@pytest.mark.parametrize("name", ["rollback", "kill"])
def test_an_emergency_asks_what_was_seen(people, run, name):
    answer = post(logged_in(people[0]), run, name, reason="bad")
    assert "at least 20 characters" in said(answer)[0]
    run.refresh_from_db()
    assert (run.state, run.flag.killed_at) == ("running", None)


def test_a_kill_is_taken_back_by_a_second_person_only(people, run):
    client = logged_in(people[0])
    post(client, run, "kill")
    assert Flag.objects.get(name=KEY).killed_at is not None
    assert "Killed since" in client.get(f"{LIST}{run.pk}/change/").content.decode()
    post(client, run, "unkill")
    assert Approval.objects.get(decided_at=None).kind == "resume"
    assert Flag.objects.get(name=KEY).killed_at is not None


def test_an_incident_is_acknowledged_and_closed_with_cause_and_follow_up(people, run):
    client = logged_in(people[0])
    post(client, run, "rollback")
    incident = Incident.objects.get()
    act, page = f"/admin/rollout/incident/{incident.pk}/act/", f"/admin/rollout/incident/{incident.pk}/change/"
    assert "Not yet contained" in client.get(page).content.decode()
    client.post(act, {"do": "entry", "text": "Coaches were called"})
    client.post(act, {"do": "acknowledge", "cause": "Wrong tests"})
    assert "follow-up" in said(client.post(act, {"do": "close", "cause": "Wrong tests", "follow_up": " "}))[-1]
    client.post(act, {"do": "close", "cause": "Wrong tests", "follow_up": "A test covers it"})
    incident.refresh_from_db()
    assert incident.status == "closed"
    assert "Coaches were called" in client.get(page).content.decode()


def test_the_live_part_is_a_fragment_and_names_the_version(people, run):
    page = logged_in(people[0]).get(f"{LIST}{run.pk}/live/").content.decode()
    assert f'data-version="{run.version}"' in page
    assert "<html" not in page
    assert page.count("hx-swap-oob") == 2


def test_a_stage_without_outcomes_says_so_and_draws_no_zero(people, run):
    page = logged_in(people[0]).get(f"{LIST}{run.pk}/change/").content.decode()
    assert "No outcome in this time" in page
    assert "ro-plot" not in page


@pytest.mark.parametrize("role", ["coach", "support", "compliance"])
def test_other_roles_see_nothing(people, run, role):
    client = logged_in(make_user(role))
    for path in (LIST, f"{LIST}{run.pk}/change/", f"{LIST}{run.pk}/live/", "/admin/rollout/incident/"):
        assert client.get(path).status_code == 403
    assert post(client, run, "rollback").status_code == 403


def test_a_scientist_runs_rollouts_and_is_told_who_approves(people, run):
    client = logged_in(make_user("data_scientist"))
    assert client.get(f"{LIST}{run.pk}/change/").status_code == 200
    assert client.get("/admin/rollout/approval/").status_code == 403
    flags.kill_flag(key=KEY, reason="Wrong plans were seen", acting_user=people[0])
    post(client, run, "unkill")
    assert "it needs Ada, Ben" in client.get(f"{LIST}{run.pk}/change/").content.decode()
