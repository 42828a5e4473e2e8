"""Evidence for what no counter answers is recorded where the gate stands, and for the stage that was looked at."""

from __future__ import annotations

import re

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from common.errors import StaleVersion
from rollout.demo import make_rollout_demo
from rollout.models import Rollout, RolloutCheck
from rollout.policy.model import GateKind
from rollout.runs import policy_of
from rollout.services.rollouts import record_check, rollback
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.once]
LIST = "/admin/rollout/rollout/"
SEEN = "50 at a time for ten minutes, no error: the report is in the team's folder"


@pytest.fixture
def admin():
    return make_user("admin", name="Ada")


@pytest.fixture
def run(admin):
    make_rollout_demo(asked_by=admin, approved_by=make_user("admin"))
    return Rollout.objects.get(state="running")


@pytest.fixture
def gate(run):
    policy = policy_of(run)
    (found,) = [g.name for g in policy.gates_of(policy.stages[run.stage]) if g.kind is GateKind.CHECK]
    return found


@pytest.fixture
def client(admin):
    client = Client()
    client.force_login(admin)
    return client


def post(client, run, name, **form):
    stage = policy_of(run).stages[run.stage].name
    given = {"command": "check", "gate": name, "stage": stage, "evidence": SEEN, "passed": "yes", **form}
    answer = client.post(f"{LIST}{run.pk}/command/", given)
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def upper_part(client, run):
    return client.get(f"{LIST}{run.pk}/live/").content.decode()


def test_a_check_of_the_present_stage_has_its_form_in_the_table(client, run, gate):
    page = upper_part(client, run)
    row = re.search(r"<tr[^>]*><th scope=.row.>The load test passes.*?</tr>", page, re.DOTALL).group()
    assert f'id="ro-check-{run.stage}-{gate}" hx-preserve="true"' in row
    assert page.count('value="check"') == 1


@pytest.mark.parametrize(("passed", "word"), [("yes", "passed"), ("no", "failed")])
def test_what_was_recorded_stands_in_the_table_with_who_recorded_it(client, run, gate, passed, word):
    assert post(client, run, gate, passed=passed).startswith("Recorded")
    assert RolloutCheck.objects.get(rollout=run, stage=run.stage).passed is (passed == "yes")
    page = upper_part(client, run)
    assert f"{word}, by Ada" in page
    assert "50 at a time" in page


def test_the_newest_record_counts(client, run, gate):
    post(client, run, gate, passed="yes")
    post(client, run, gate, passed="no", evidence="The report was of another build")
    page = upper_part(client, run)
    assert "failed, by Ada" in page
    assert "another build" in page


def test_evidence_of_one_stage_is_no_evidence_of_the_next(client, run, gate, admin):
    assert "has gone on to" in post(client, run, gate, stage="canary-15")
    with pytest.raises(StaleVersion):
        record_check(rollout_id=run.pk, gate=gate, passed=True, evidence=SEEN, stage="canary-15", acting_user=admin)
    assert not RolloutCheck.objects.filter(stage=run.stage, rollout=run).exists()


@pytest.mark.parametrize("wrong", [{"evidence": " "}, {"passed": ""}, {"gate": "no-such-gate"}])
def test_a_record_says_what_of_and_how_it_went(client, run, gate, wrong):
    assert post(client, run, gate, **wrong).startswith("Not done")
    assert not RolloutCheck.objects.filter(stage=run.stage, rollout=run).exists()


def test_a_run_that_ended_has_no_form(client, run, admin):
    rollback(rollout_id=run.pk, expected=None, reason="Wrong plans were seen", acting_user=admin)
    assert 'value="check"' not in upper_part(client, run)


def test_a_coach_records_nothing(run, gate):
    client = Client()
    client.force_login(make_user("coach"))
    assert client.post(f"{LIST}{run.pk}/command/", {"command": "check", "gate": gate}).status_code == 403
