"""A flag's page: what reaches more people becomes a wish, everything else holds at once, and nobody types an id."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from common import clock
from common.context import unit_of_work
from common.ids import uuid7
from common.management.base import COMMAND_LINE
from rollout.dashboard.flag import flag_page
from rollout.models import Approval, ApprovalKind, Flag, Incident, UserOverride
from rollout.selectors import MODEL_DRIVEN_GENERATION as KEY
from rollout.services import flags
from rollout.services.approvals import approve
from tests.factories import make_athlete, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.once]
WHY = "Three tapers have a second long ride"
FREE = "ui.dense_tables"


@pytest.fixture
def people():
    flags.seed_flags(acting_user=COMMAND_LINE)
    flags.change_flag(key=KEY, changes={"rollout_thousandths": 20_000}, reason="begin low", acting_user=COMMAND_LINE)
    with unit_of_work(COMMAND_LINE):
        Flag.objects.create(name=FREE, enabled=True, rollout_thousandths=1_000)
    return make_user("admin", name="Ada"), make_user("admin", name="Ben")


@pytest.fixture
def ada(people):
    return logged_in(people[0])


def logged_in(user):
    client = Client()
    client.force_login(user)
    return client


def the_flag(key=KEY):
    return Flag.objects.get(name=key)


def page_of(client, key=KEY, **query):
    return client.get(f"/admin/rollout/flag/{the_flag(key).pk}/change/", query).content.decode()


def post(client, do, *, key=KEY, **form):
    return client.post(f"/admin/rollout/flag/{the_flag(key).pk}/command/", {"do": do, "reason": WHY, **form})


def settings(key=KEY, **changed):
    flag = the_flag(key)
    found = {"percentage": f"{flag.rollout_thousandths / 1000:g}", "requires_tier": flag.requires_tier}
    found |= {"description": flag.description, **({"enabled": "on"} if flag.enabled else {})}
    return {name: value for name, value in {**found, **changed}.items() if value is not None}


def said(response):
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def override(client, subject, value, *, key=KEY, days=3):
    until = f"{clock.now() + timedelta(days=days):%Y-%m-%dT%H:%M}"
    return post(client, "override", key=key, subject=str(subject), value=value, until=until)


def test_a_widening_is_asked_for_and_the_page_says_where_it_waits(ada, people):
    answer = post(ada, "change", **settings(percentage="50"))
    assert "a second person must agree. It waits in Approvals" in said(answer)
    assert the_flag().rollout_thousandths == 20_000
    wish = Approval.objects.get()
    assert (wish.kind, wish.wish_json) == (ApprovalKind.CHANGE, {"changes": {"rollout_thousandths": 50_000}})
    page = page_of(ada)
    assert "1 wish waits for a second person" in page
    assert "/admin/rollout/approval/" in page
    assert "it needs Ben" in page


def test_what_was_asked_for_holds_once_the_second_person_agrees(ada, people):
    post(ada, "change", **settings(percentage="50"))
    approve(approval_id=Approval.objects.get().pk, comment="yes", acting_user=people[1])
    assert the_flag().rollout_thousandths == 50_000


@pytest.mark.parametrize(
    ("changed", "field", "value"),
    [({"percentage": "0.5"}, "rollout_thousandths", 500), ({"enabled": None}, "enabled", False)],
)
def test_a_narrowing_holds_at_once(ada, changed, field, value):
    assert said(post(ada, "change", **settings(**changed))) == "Saved."
    assert getattr(the_flag(), field) == value
    assert not Approval.objects.exists()


def test_a_change_that_widens_and_narrows_is_asked_for_as_a_whole(ada):
    post(ada, "change", **settings(percentage="5", requires_tier=""))
    assert (the_flag().rollout_thousandths, the_flag().requires_tier) == (20_000, "elite")
    assert Approval.objects.get().wish_json["changes"] == {"rollout_thousandths": 5_000, "requires_tier": ""}


def test_a_flag_that_is_not_guarded_is_widened_at_once(ada):
    assert said(post(ada, "change", key=FREE, **settings(FREE, percentage="100"))) == "Saved."
    assert the_flag(FREE).rollout_thousandths == 100_000


def test_saving_what_is_saved_asks_for_nothing(ada):
    assert said(post(ada, "change", **settings())) == "Nothing differs from what is saved."
    assert not Approval.objects.exists()


@pytest.mark.parametrize("percentage", ["", "many", "101", "0.0001", "NaN", "Infinity", "1e999999"])
def test_a_percentage_that_is_none_is_refused_in_words(ada, percentage):
    assert said(post(ada, "change", **settings(percentage=percentage))).startswith("Not done: The percentage")
    assert the_flag().rollout_thousandths == 20_000


def test_a_change_without_a_reason_is_refused(ada):
    answer = post(ada, "change", **{**settings(percentage="1"), "reason": " "})
    assert "Say why" in said(answer)
    assert the_flag().rollout_thousandths == 20_000


def test_a_kill_asks_what_was_seen_and_is_taken_back_by_asking(ada):
    assert "at least 20 characters" in said(post(ada, "kill", reason="bad"))
    post(ada, "kill")
    assert the_flag().killed_at is not None
    assert Incident.objects.count() == 1
    assert "Killed since" in page_of(ada)
    post(ada, "unkill")
    assert the_flag().killed_at is not None
    assert Approval.objects.get().kind == ApprovalKind.RESUME


def test_a_flag_that_is_not_guarded_is_resumed_at_once(ada):
    post(ada, "kill", key=FREE)
    assert "Resumed" in said(post(ada, "unkill", key=FREE))
    assert the_flag(FREE).killed_at is None


def test_off_for_everybody_holds_at_once_and_following_again_is_asked_for(ada):
    post(ada, "off")
    assert the_flag().admin_override is False
    assert "Off for everybody" in page_of(ada)
    post(ada, "follow")
    assert the_flag().admin_override is False
    assert Approval.objects.get().wish_json == {"changes": {"admin_override": None}}


def test_an_athlete_is_found_by_name_and_switched_off_at_once(ada):
    athlete = make_athlete(name="Quxworth")
    assert f'value="{athlete.pk}"' in page_of(ada, who="quxw")
    assert said(override(ada, athlete.pk, "off")).startswith("Off for them until")
    row = UserOverride.objects.get()
    assert (row.subject_id, row.value) == (athlete.pk, False)
    assert "Quxworth" in page_of(ada)


def test_switching_a_guarded_flag_on_for_one_athlete_is_asked_for(ada):
    athlete = make_athlete(name="Quxworth")
    override(ada, athlete.pk, "on")
    assert not UserOverride.objects.exists()
    wish = Approval.objects.get()
    assert (wish.kind, wish.wish_json["subject_id"]) == (ApprovalKind.OVERRIDE, str(athlete.pk))
    assert "on for Quxworth" in ada.get("/admin/rollout/approval/").content.decode()


def test_a_flag_of_the_console_is_about_the_people_who_log_in(ada, people):
    assert "Ben" in page_of(ada, FREE, who="Be")
    override(ada, people[1].pk, "on", key=FREE)
    assert UserOverride.objects.get().subject_id == people[1].pk


def test_nobody_is_overridden_who_is_not_there_or_without_an_end(ada):
    assert "Look somebody up" in said(override(ada, uuid7(), "off"))
    assert "Look somebody up" in said(override(ada, "Ann", "off"))
    assert "ends in the future" in said(override(ada, make_athlete().pk, "off", days=-1))
    assert not UserOverride.objects.exists()


def test_an_override_that_keeps_somebody_out_is_not_ended_alone(ada):
    athlete = make_athlete()
    override(ada, athlete.pk, "off")
    post(ada, "end", subject=str(athlete.pk))
    assert UserOverride.objects.exists()
    Flag.objects.update(guarded=False)
    post(ada, "end", subject=str(athlete.pk))
    assert not UserOverride.objects.exists()


def test_a_scientist_sees_no_names_and_cannot_look_for_any(people):
    athlete = make_athlete(name="Quxworth")
    override(logged_in(people[0]), athlete.pk, "off")
    client = logged_in(make_user("data_scientist"))
    page = page_of(client, who="Quxworth")
    assert "Your role sees no names" in page
    assert "Quxworth" not in page
    assert f"Athlete {str(athlete.pk)[-6:]}" in page
    assert "Look somebody up" in said(override(client, athlete.pk, "off"))


@pytest.mark.parametrize("role", ["coach", "support", "compliance"])
def test_other_roles_see_no_flag_and_change_none(people, role):
    client = logged_in(make_user(role))
    assert client.get(f"/admin/rollout/flag/{the_flag().pk}/change/").status_code == 403
    assert post(client, "kill").status_code == 403
    assert the_flag().killed_at is None


def test_the_page_asks_a_bounded_number_of_times(people):
    def queries():
        with unit_of_work(people[0], read_only=True), CaptureQueriesContext(connection) as seen:
            flag_page(Flag.objects.get(name=KEY), people[0], words="Ath")
        return len(seen)

    before = queries()
    for _ in range(12):
        athlete = make_athlete()
        end = clock.now() + timedelta(days=1)
        given = {"value": False, "reason": "r", "expires_at": end, "acting_user": COMMAND_LINE}
        flags.set_user_override(key=KEY, subject_id=athlete.pk, **given)
    assert queries() <= before + 2
    assert before <= 12
