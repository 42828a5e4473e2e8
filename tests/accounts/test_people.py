"""People, roles, links and consent: who may, what is recorded, what is refused."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from django.core import mail
from django.core.management import call_command
from django.test import Client

from accounts.matrix import MATRIX
from accounts.models import Athlete, CoachLink, Role, User
from accounts.models.user import ERASED_DOMAIN
from accounts.scope import athlete_for
from accounts.services.consent import record_consent
from accounts.services.people import add_athlete, add_user, change_role, edit_athlete, end_link, set_active
from audit.models import AuditEvent
from common.context import unit_of_work
from common.errors import InvalidInput, NotPermitted, NotVisible, WrongState
from common.ids import uuid7
from common.management.base import COMMAND_LINE
from tests.factories import PASSWORD, make_athlete, make_user

pytestmark = pytest.mark.django_db


def actions() -> list[str]:
    return list(AuditEvent.objects.order_by("id").values_list("action", flat=True))


def test_every_grant_of_the_matrix_names_a_role():
    assert {role for verb in MATRIX.values() for role in verb} <= set(Role.values)


def test_a_coach_who_adds_an_athlete_is_linked_to_them():
    coach = make_user()
    before = len(actions())
    athlete = add_athlete(name="New", sport="running", level="beginner", acting_user=coach)
    assert actions()[before:] == ["athlete.add", "link.open"]
    with unit_of_work(coach, read_only=True):
        assert athlete_for(coach, "athlete:edit", athlete.pk) == athlete


def test_an_athlete_gets_the_log_in_that_is_named_and_nobody_elses():
    user, added = make_user("athlete"), {"name": "New", "sport": "running", "level": "beginner"}
    athlete = add_athlete(**added, log_in=user.email.upper(), acting_user=make_user("admin"))
    with unit_of_work(user, read_only=True):
        assert athlete_for(user, "plan:view", athlete.pk) == athlete
    for email, says in (
        (user.email, "another athlete's"),
        (make_user().email, "no active"),
        ("x@y.example", "no active"),
    ):
        with pytest.raises(InvalidInput, match=says):
            add_athlete(**added, log_in=email, acting_user=COMMAND_LINE)
    with pytest.raises(NotPermitted):
        add_athlete(**added, log_in=make_user("athlete").email, acting_user=make_user("coach"))


def test_an_ended_link_stops_working_at_once():
    coach = make_user()
    athlete = make_athlete(coach=coach)
    with unit_of_work(COMMAND_LINE, read_only=True):
        link = CoachLink.objects.get(coach=coach)
    end_link(link_id=link.pk, acting_user=COMMAND_LINE)
    with unit_of_work(coach, read_only=True), pytest.raises(NotVisible):
        athlete_for(coach, "athlete:view", athlete.pk)


@pytest.mark.parametrize("role", ["athlete", "data_scientist", "support", "compliance"])
def test_other_roles_may_not_add_athletes(role):
    with pytest.raises(NotPermitted):
        add_athlete(name="No", sport="running", level="beginner", acting_user=make_user(role))


def test_a_bad_field_is_named():
    with pytest.raises(InvalidInput) as refused:
        add_athlete(name="X", sport="chess", level="beginner", time_zone="Mars/Base", acting_user=COMMAND_LINE)
    assert {error["pointer"] for error in refused.value.errors} == {"#/sport", "#/time_zone"}


def test_an_athlete_may_not_raise_their_own_tier():
    user = make_user("athlete")
    athlete = make_athlete(user=user, tier="free")
    with pytest.raises(InvalidInput):
        edit_athlete(athlete_id=athlete.pk, changes={"tier": "elite"}, acting_user=user)
    edit_athlete(athlete_id=athlete.pk, changes={"personalised_plans": False}, acting_user=user)
    with unit_of_work(user, read_only=True):
        assert Athlete.objects.get(pk=athlete.pk).personalised_plans is False


def test_a_role_change_is_logged_twice_and_ends_tokens():
    user = make_user()
    before = len(actions())
    changed = change_role(user_id=user.pk, role="support", acting_user=COMMAND_LINE)
    assert actions()[before:] == ["user.role_change", "user.role_state"]
    assert changed.token_version == user.token_version + 1
    assert User.history.filter(id=user.pk).count() == 2


def test_the_last_administrator_cannot_be_lost():
    admin = make_user("admin")
    with pytest.raises(WrongState, match="last administrator"):
        change_role(user_id=admin.pk, role="coach", acting_user=admin)


def test_a_closed_log_in_ends_sessions_and_tokens_and_can_be_opened_again():
    admin, coach = make_user("admin"), make_user()
    make_athlete(coach=coach)
    tokens = Client().post("/api/v1/auth/token", {"email": coach.email, "password": PASSWORD}).json()
    bearer = {"Authorization": f"Bearer {tokens['access']}"}
    theirs, ours = Client(), Client()
    theirs.force_login(coach)
    ours.force_login(admin)
    assert Client().get("/api/v1/athletes", headers=bearer).status_code == 200
    before = len(actions())

    page = f"/admin/accounts/user/{coach.pk}/change/"
    told = ours.post(page, {"role": "coach"}, follow=True)  # the box is not ticked any more
    assert "1 athlete is still linked to this coach" in told.text
    assert actions()[before:] == ["user.close", "user.role_state"]
    assert theirs.get("/admin/").status_code == 302
    assert Client().get("/api/v1/athletes", headers=bearer).status_code == 401
    again = Client().post("/api/v1/auth/token/refresh", {"refresh": tokens["refresh"]})
    assert again.status_code == 401
    assert Client().post("/api/v1/auth/token", {"email": coach.email, "password": PASSWORD}).status_code == 401

    ours.post(page, {"role": "coach", "is_active": "on"})
    assert actions()[before + 2 :] == ["user.open", "user.role_state"]
    assert Client().get("/api/v1/athletes", headers=bearer).status_code == 401, "the old token stays over"
    assert Client().post("/api/v1/auth/token", {"email": coach.email, "password": PASSWORD}).status_code == 200


def test_a_page_of_which_one_change_is_refused_keeps_none():
    gone, ours = make_user("athlete"), Client()
    User.objects.filter(pk=gone.pk).update(email=f"erased-{gone.pk}@{ERASED_DOMAIN}", is_active=False)
    ours.force_login(make_user("admin"))
    before = len(actions())
    page = f"/admin/accounts/user/{gone.pk}/change/"
    told = ours.post(page, {"role": "coach", "is_active": "on"}, follow=True)
    assert "was erased" in told.text
    assert User.objects.get(pk=gone.pk).role == Role.ATHLETE
    assert len(actions()) == before


def test_what_a_service_refuses_is_said_in_the_form_with_all_that_was_typed():
    admin, ours = make_user("admin"), Client()
    ours.force_login(admin)
    before = len(actions())
    told = ours.post(f"/admin/accounts/user/{admin.pk}/change/", {"role": "coach", "is_active": "on"})
    assert told.status_code == 200
    assert "last administrator" in str(told.context["errors"])
    assert told.context["adminform"].form["role"].value() == "coach"
    assert User.objects.get(pk=admin.pk).role == Role.ADMIN
    assert len(actions()) == before


def test_nobody_becomes_an_administrator_by_not_choosing_a_role():
    ours = Client()
    ours.force_login(make_user("admin"))
    page = "/admin/accounts/user/add/"
    role = ours.get(page).context["adminform"].form.fields["role"]
    assert role.choices[0][0] == "" and role.initial in (None, "")
    told = ours.post(page, {"email": "new@test.example", "name": "New", "role": ""})
    assert told.context["adminform"].form.errors.keys() == {"role"}
    assert not User.objects.filter(email="new@test.example").exists()


def test_lists_tell_the_time_as_pages_do():
    admin, ours = make_user("admin"), Client()
    User.objects.filter(pk=admin.pk).update(date_joined=datetime(2026, 3, 2, 15, 4, tzinfo=UTC))
    ours.force_login(admin)
    assert "2 Mar 2026, 15:04" in ours.get("/admin/accounts/user/").text


def test_whose_log_in_is_not_closed_or_opened():
    admin, gone = make_user("admin"), make_user("athlete")
    with pytest.raises(WrongState, match="last administrator"):
        set_active(user_id=admin.pk, is_active=False, acting_user=admin)
    with pytest.raises(NotPermitted):
        set_active(user_id=admin.pk, is_active=False, acting_user=make_user("support"))
    with pytest.raises(NotVisible):
        set_active(user_id=uuid7(), is_active=False, acting_user=admin)
    User.objects.filter(pk=gone.pk).update(email=f"erased-{gone.pk}@{ERASED_DOMAIN}", is_active=False)
    with pytest.raises(WrongState, match="erased"):
        set_active(user_id=gone.pk, is_active=True, acting_user=admin)
    before = len(actions())
    set_active(user_id=admin.pk, is_active=True, acting_user=admin)
    assert len(actions()) == before, "nothing changed, nothing is told"


def test_createsuperuser_is_in_the_log(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    call_command("createsuperuser", "--no-input", email="First@test.example", name="First", stdout=io.StringIO())
    first = User.objects.get(email="first@test.example")
    (event,) = AuditEvent.objects.filter(action="user.add", target_id=first.pk)
    assert (first.role, event.metadata_json["role"]) == ("admin", "admin")
    assert first.check_password(PASSWORD)


def test_two_people_cannot_share_an_address():
    make_user(email="a@test.example")
    with pytest.raises(InvalidInput):
        add_user(email="A@test.example", name="B", role="coach", acting_user=COMMAND_LINE)


def test_consent_is_in_and_out_and_its_history_stays():
    user = make_user("athlete")
    athlete = make_athlete(user=user)
    for granted in (True, False):
        consent = record_consent(
            athlete_id=athlete.pk, purpose="experiments", granted=granted, text_version="1", acting_user=user
        )
    assert consent.granted is False
    with unit_of_work(user, read_only=True):
        assert [row.granted for row in consent.history.order_by("history_date")] == [True, False]


def test_an_invitation_leads_to_a_password(client: Client, django_capture_on_commit_callbacks):
    admin = make_user("admin")
    client.force_login(admin)
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post("/admin/accounts/user/add/", {"email": "new@test.example", "name": "New", "role": "coach"})
    assert answer.status_code == 302, answer.content[:500]
    link = next(line for line in mail.outbox[-1].body.splitlines() if line.startswith("http"))
    path = "/" + link.split("/", 3)[3]
    form = client.get(path, follow=True)
    done = client.post(
        form.redirect_chain[-1][0], {"new_password1": "a-Long-one-42", "new_password2": "a-Long-one-42"}, follow=True
    )
    assert done.status_code == 200
    assert User.objects.get(email="new@test.example").check_password("a-Long-one-42")
