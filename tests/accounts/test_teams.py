"""Teams: staff come and go through one service, recorded, and effective at once."""

from __future__ import annotations

import pytest

from accounts.models import Team, TeamMembership
from accounts.services.people import edit_athlete
from accounts.services.teams import add_team, rename_team, set_staff
from audit.models import AuditEvent
from common.context import unit_of_work
from common.errors import InvalidInput, NotPermitted, NotVisible
from common.ids import uuid7
from common.management.base import COMMAND_LINE
from tests.factories import api_of, make_athlete, make_user

pytestmark = pytest.mark.django_db


def actions() -> list[str]:
    with unit_of_work(COMMAND_LINE, read_only=True):
        return list(AuditEvent.objects.filter(target_type="team").order_by("id").values_list("action", flat=True))


def test_who_joins_sees_the_athletes_and_who_leaves_does_not():
    admin, support, athlete = make_user("admin"), make_user("support"), make_athlete()
    team = add_team(name="North", acting_user=admin)
    edit_athlete(athlete_id=athlete.pk, changes={"team": team}, acting_user=admin)
    client = api_of(support)
    assert client.get("/api/v1/athletes").json()["results"] == []
    set_staff(team_id=team.pk, user_ids=[support.pk], acting_user=admin)
    assert [row["id"] for row in client.get("/api/v1/athletes").json()["results"]] == [str(athlete.pk)]
    set_staff(team_id=team.pk, user_ids=[], acting_user=admin)
    assert client.get("/api/v1/athletes").json()["results"] == []
    assert actions() == ["team.add", "team.join", "team.staff_state", "team.leave", "team.staff_state"]


def test_setting_the_same_staff_again_changes_nothing():
    admin, support = make_user("admin"), make_user("support")
    team = add_team(name="North", acting_user=admin)
    for _ in range(2):
        set_staff(team_id=team.pk, user_ids=[support.pk], acting_user=admin)
        rename_team(team_id=team.pk, name="North ", acting_user=admin)
    assert actions() == ["team.add", "team.join", "team.staff_state"]


def test_what_is_refused():
    admin, coach = make_user("admin"), make_user("coach")
    team = add_team(name="North", acting_user=admin)
    for role in ("athlete", "data_scientist"):
        with pytest.raises(InvalidInput, match="active coaches"):
            set_staff(team_id=team.pk, user_ids=[make_user(role).pk], acting_user=admin)
    for name in ("", "North"):
        with pytest.raises(InvalidInput):
            add_team(name=name, acting_user=admin)
    with pytest.raises(NotVisible):
        rename_team(team_id=uuid7(), name="South", acting_user=admin)
    with pytest.raises(NotPermitted):
        add_team(name="Mine", acting_user=coach)
    assert actions() == ["team.add"]


def test_the_admin_page_goes_through_the_service(client):
    support, other = make_user("support"), make_user("support")
    client.force_login(make_user("admin"))
    form = {"name": "South", "memberships-TOTAL_FORMS": 1, "memberships-INITIAL_FORMS": 0}
    form |= {"memberships-0-user": support.pk}
    assert client.post("/admin/accounts/team/add/", form).status_code == 302
    with unit_of_work(COMMAND_LINE, read_only=True):
        team = Team.objects.get()
        row = TeamMembership.objects.get()
    page = f"/admin/accounts/team/{team.pk}/change/"
    assert "South" in client.get("/admin/accounts/team/").content.decode()
    assert client.get(page).status_code == 200
    form = {"name": "Southern", "memberships-TOTAL_FORMS": 2, "memberships-INITIAL_FORMS": 1}
    form |= {"memberships-0-id": row.pk, "memberships-0-team": team.pk, "memberships-0-user": support.pk}
    form |= {"memberships-0-DELETE": "on", "memberships-1-team": team.pk, "memberships-1-user": other.pk}
    assert client.post(page, form).status_code == 302
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert Team.objects.get().name == "Southern"
        assert TeamMembership.objects.get().user_id == other.pk
    assert actions().count("team.join") == 2
    assert actions().count("team.leave") == 1
