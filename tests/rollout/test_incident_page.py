"""An incident's page: whom it reached, to be worked through, and whether people were told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from common import clock
from common.context import unit_of_work
from common.ids import uuid7
from common.management.base import COMMAND_LINE
from rollout.attribution import Attribution
from rollout.dashboard.incident import incident_page
from rollout.gates.evidence import Arm
from rollout.models import Flag, Incident, MessageState, Rollout, RolloutMessage
from rollout.services.approvals import approve
from rollout.services.outcomes import record_answer
from rollout.services.rollouts import request_rollout, rollback
from rollout.services.steps import ENGINE
from rollout.services.tick import tick_run
from tests.factories import make_athlete, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.once]


@pytest.fixture
def admin():
    return make_user("admin", name="Ada")


@pytest.fixture
def run(admin):
    with unit_of_work(COMMAND_LINE):
        Flag.objects.create(name="plan.heat", enabled=True, guarded=True)
    wish = request_rollout(key="plan.heat", policy_name="three-phase", reason="Try it", acting_user=admin)
    approve(approval_id=wish.pk, comment="yes", acting_user=make_user("admin"))
    found = Rollout.objects.get()
    tick_run(rollout_id=found.pk, at=found.starts_at)
    return found


def answered(run, athlete_id, arm=Arm.NEW, **outcome):
    with unit_of_work(ENGINE):
        where = Attribution(str(run.pk), 0, arm)
        record_answer(attribution=where, athlete_id=athlete_id, source_id=uuid7(), latency_ms=900.0, **outcome)


def rolled_back(run, admin):
    rollback(rollout_id=run.pk, expected=None, reason="Wrong plans were seen", acting_user=admin)
    return Incident.objects.get()


def page_of(incident, user):
    incident = Incident.objects.select_related("flag", "rollout").get(pk=incident.pk)
    with unit_of_work(user, read_only=True):
        return incident_page(incident, user)


def html_of(incident, user):
    client = Client()
    client.force_login(user)
    return client.get(f"/admin/rollout/incident/{incident.pk}/change/").content.decode()


def test_the_athletes_of_the_new_arm_are_listed_the_worst_first(run, admin):
    fine, failed, unsafe, control = (make_athlete(name=name) for name in ("Fine", "Failed", "Unsafe", "Control"))
    answered(run, fine.pk)
    answered(run, fine.pk)
    answered(run, failed.pk, failed=True)
    answered(run, unsafe.pk, unsafe=True)
    answered(run, control.pk, Arm.CONTROL, unsafe=True)
    reached = page_of(rolled_back(run, admin), admin).reached
    assert [(row.name, row.answers) for row in reached.rows] == [("Unsafe", 1), ("Failed", 1), ("Fine", 2)]
    assert [[pill.word for pill in row.marks] for row in reached.rows] == [["Unsafe"], ["1 failed"], []]
    assert reached.total == 3


def test_each_athlete_leads_to_their_page(run, admin):
    athlete = make_athlete(name="Quxworth")
    answered(run, athlete.pk)
    assert f'/admin/accounts/athlete/{athlete.pk}/change/">Quxworth<' in html_of(rolled_back(run, admin), admin)


def test_what_was_answered_after_the_decision_is_not_of_the_incident(run, admin):
    incident = rolled_back(run, admin)
    with clock.frozen(clock.now() + timedelta(minutes=5)):
        answered(run, make_athlete(name="Late").pk)
    assert page_of(incident, admin).reached.rows == ()


def test_a_scientist_is_told_who_sees_the_names(run, admin):
    answered(run, make_athlete(name="Quxworth").pk)
    page = html_of(rolled_back(run, admin), make_user("data_scientist"))
    assert "Your role sees no names" in page
    assert "Quxworth" not in page


def test_each_message_is_shown_with_what_became_of_it(run, admin):
    incident = rolled_back(run, admin)
    first, second, _ = RolloutMessage.objects.filter(incident=incident).order_by("id")
    RolloutMessage.objects.filter(pk=first.pk).update(state=MessageState.SENT, sent_at=clock.now())
    RolloutMessage.objects.filter(pk=second.pk).update(state=MessageState.FAILED, last_error="no route to host")
    found = {one.pk: (one.pill.word, one.note) for one in page_of(incident, admin).messages}
    assert found[first.pk] == ("Sent", "")
    assert found[second.pk] == ("Failed, tried again", "no route to host")
    assert sorted(word for word, _ in found.values()) == ["Failed, tried again", "Sent", "Waiting"]


def test_the_page_asks_a_bounded_number_of_times(run, admin):
    for _ in range(2):
        answered(run, make_athlete().pk)
    incident = rolled_back(run, admin)

    def queries():
        with CaptureQueriesContext(connection) as seen:
            page_of(incident, admin)
        return len(seen)

    before = queries()
    with clock.frozen(incident.created_at - timedelta(seconds=1)):
        for _ in range(12):
            answered(run, make_athlete().pk)
    assert queries() <= before + 1
    assert before <= 16
