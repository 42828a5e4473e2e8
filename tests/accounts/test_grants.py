"""Exceptions: shared plans and time-boxed access; given and ended through the API, the admin and row-level security."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection

from accounts.models import Athlete, AthleteGrant
from accounts.scope import athletes_in_scope
from accounts.services.grants import end_expired, grant_athlete
from audit.models import AuditEvent
from common import clock
from common.context import unit_of_work
from common.errors import InvalidInput, NotPermitted
from common.management.base import COMMAND_LINE
from modeling.models import Activity
from plans.models import Plan, PlanGrant, PlanSession, PlanVersion
from tests.factories import api_of, make_athlete, make_user
from tests.plans.review import make_review, plan_row

pytestmark = pytest.mark.django_db
TOMORROW = timedelta(days=1)


def wish(user, **more):
    return {"user_id": str(user.pk), "expires_at": (clock.now() + TOMORROW).isoformat(), "reason": "cover", **more}


def rows_seen(user, model):
    """Return what the database itself lets a user see: everything on SQLite, which has no second wall."""
    with unit_of_work(user, read_only=True):
        return set(model.objects.values_list("pk", flat=True))


def may(user, permission, thing):
    with unit_of_work(user, read_only=True):
        return user.has_perm(permission, thing)


@pytest.mark.parametrize("role", ["coach", "support"])
def test_a_shared_plan_is_read_and_by_coaches_commented_on_and_nothing_else(role):
    review = make_review()
    other = make_review()
    colleague = make_user(role)
    client = api_of(colleague)
    assert client.get(review.url).status_code == 404
    made = review.as_coach.post(f"{review.url}/shares", wish(colleague))
    assert made.status_code == 201, made.content
    assert made.json()["reason"] == "cover"
    assert review.as_coach.get(f"{review.url}/shares").json()[0]["user_id"] == str(colleague.pk)
    assert [row["id"] for row in client.get("/api/v1/plans").json()["results"]] == [str(review.plan_id)]
    assert review.version(client)["weeks"]
    said = client.post(f"{review.url}/comments", {"message": "Looks hard."})
    assert said.status_code == (201 if role == "coach" else 403)
    assert client.get(other.url).status_code == 404
    assert client.get(f"/api/v1/athletes/{review.athlete.pk}/activities").json().get("results", []) == []
    head = review.head()
    edit = client.patch(f"{review.url}/versions/{head['head_version']['id']}", [], HTTP_IF_MATCH=head["etag"])
    assert edit.status_code in (400, 403)
    assert client.post(f"{review.url}/what-if", {"operations": []}).status_code == 403
    assert client.post(f"{review.url}/submit", {"expected_etag": head["etag"]}).status_code == 403
    assert client.post(f"{review.url}/shares", wish(colleague)).status_code == 403
    assert may(colleague, "plans.view_plan", plan_row(review))
    if connection.vendor == "postgresql":
        assert rows_seen(colleague, Plan) == {review.plan_id}
        assert rows_seen(colleague, Athlete) == {review.athlete.pk}
        assert rows_seen(colleague, PlanSession)
        assert rows_seen(colleague, Activity) == set()

    ended = review.as_coach.delete(f"{review.url}/shares/{made.json()['id']}")
    assert ended.status_code == 204
    assert client.get(review.url).status_code == 404
    assert not may(colleague, "plans.view_plan", plan_row(review))
    if connection.vendor == "postgresql":
        assert rows_seen(colleague, PlanVersion) == rows_seen(colleague, Athlete) == set()
    told = AuditEvent.objects.filter(subject_id=review.athlete.pk, action__startswith="grant.").order_by("id")
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert list(told.values_list("action", flat=True)) == ["grant.open", "grant.close"]


def test_who_was_shown_a_plan_reads_it_in_the_admin_without_the_athletes_numbers(client):
    review = make_review()
    colleague = make_user("coach")
    review.as_coach.post(f"{review.url}/shares", wish(colleague))
    client.force_login(colleague)
    page = client.get(f"/admin/plans/plan/{review.plan_id}/change/")
    assert page.status_code == 200
    assert "rv-header" not in page.content.decode()
    assert client.get(f"/admin/accounts/athlete/{review.athlete.pk}/plan-history/").status_code == 403
    client.force_login(review.coach)
    assert "rv-header" in client.get(f"/admin/plans/plan/{review.plan_id}/change/").content.decode()


def test_a_grant_on_an_athlete_widens_reach_and_not_rights():
    admin, support, athlete = make_user("admin"), make_user("support"), make_athlete()
    client = api_of(support)
    url = f"/api/v1/athletes/{athlete.pk}/grants"
    made = api_of(admin).post(url, wish(support))
    assert made.status_code == 201, made.content
    assert [row["id"] for row in client.get("/api/v1/athletes").json()["results"]] == [str(athlete.pk)]
    assert may(support, "accounts.view_athlete", athlete)
    with unit_of_work(support, read_only=True):
        for verb, expected in {"plan:view": 1, "history:view": 0, "plan:edit": 0, "athlete:edit": 0}.items():
            assert Athlete.objects.filter(athletes_in_scope(support, verb)).count() == expected, verb
    assert api_of(make_user("coach")).post(url, wish(support)).status_code in (403, 404)
    assert api_of(admin).delete(f"{url}/{made.json()['id']}").status_code == 204
    assert client.get("/api/v1/athletes").json()["results"] == []
    assert not may(support, "accounts.view_athlete", athlete)


def test_access_ends_by_itself_to_the_minute_and_is_swept_afterwards():
    admin, coach, athlete = make_user("admin"), make_user("coach"), make_athlete()
    given = grant_athlete(
        athlete_id=athlete.pk,
        user_id=coach.pk,
        expires_at=clock.now() + timedelta(hours=1),
        reason="holiday",
        acting_user=admin,
    )
    assert end_expired() == 0
    with unit_of_work(COMMAND_LINE):
        AthleteGrant.objects.filter(pk=given.pk).update(expires_at=clock.now() - timedelta(seconds=1))
    assert not may(coach, "accounts.view_athlete", athlete)
    assert rows_seen(coach, Athlete) == (set() if connection.vendor == "postgresql" else {athlete.pk})
    assert api_of(coach).get("/api/v1/athletes").json()["results"] == []
    assert end_expired() == 1
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert not AthleteGrant.objects.exists()
        assert AuditEvent.objects.filter(action="grant.expire").count() == 1


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"user_id": "athlete"}, "#/user_id"),
        ({"user_id": "00000000-0000-0000-0000-000000000001"}, "#/user_id"),
        ({"expires_at": "2001-01-01T00:00:00Z"}, "#/expires_at"),
        ({"expires_at": "2999-01-01T00:00:00Z"}, "#/expires_at"),
        ({"reason": "  "}, "#/reason"),
    ],
)
def test_bad_grants_are_refused(change, pointer):
    review = make_review()
    body = wish(make_user("coach"), **change)
    if body["user_id"] == "athlete":
        body["user_id"] = str(review.user.pk)
    refused = review.as_coach.post(f"{review.url}/shares", body)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, pointer)
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert not PlanGrant.objects.exists()


def test_renewing_moves_the_end_and_keeps_one_row():
    review = make_review()
    colleague = make_user("coach")
    for days in (1, 5):
        body = wish(colleague, expires_at=(clock.now() + timedelta(days=days)).isoformat())
        assert review.as_coach.post(f"{review.url}/shares", body).status_code == 201
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert PlanGrant.objects.get().expires_at > clock.now() + timedelta(days=4)


def test_a_grant_stops_with_the_role_that_it_was_made_for():
    review = make_review()
    colleague = make_user("coach")
    review.as_coach.post(f"{review.url}/shares", wish(colleague))
    colleague.role = "data_scientist"
    with unit_of_work(COMMAND_LINE):
        colleague.save()
    assert not may(colleague, "plans.view_plan", plan_row(review))
    if connection.vendor == "postgresql":
        assert rows_seen(colleague, Plan) == set()


def test_only_administrators_grant_athletes():
    athlete = make_athlete(coach=(coach := make_user("coach")))
    with pytest.raises(NotPermitted):
        grant_athlete(
            athlete_id=athlete.pk, user_id=coach.pk, expires_at=clock.now() + TOMORROW, reason="x", acting_user=coach
        )
    with pytest.raises(InvalidInput):
        grant_athlete(
            athlete_id=athlete.pk,
            user_id=make_user("compliance").pk,
            expires_at=clock.now() + TOMORROW,
            reason="x",
            acting_user=make_user("admin"),
        )


def test_the_admin_searches_for_people_and_gives_and_ends_access(client):
    review = make_review()
    colleague = make_user("support", email="sue@test.example", name="Sue Port")
    make_user("athlete", email="sue2@test.example", name="Sue Runner")
    client.force_login(review.coach)
    search = {"app_label": "plans", "model_name": "plangrant", "field_name": "user", "term": "sue"}
    found = client.get("/admin/autocomplete/", search).json()["results"]
    assert [row["id"] for row in found] == [str(colleague.pk)]
    ends = clock.now() + TOMORROW
    form = {
        "content_object": review.plan_id,
        "user": colleague.pk,
        "expires_at_0": f"{ends:%Y-%m-%d}",
        "expires_at_1": f"{ends:%H:%M:%S}",
        "because": "second opinion",
    }
    page = "/admin/plans/plangrant/"
    assert client.post(f"{page}add/", form).status_code == 302
    with unit_of_work(COMMAND_LINE, read_only=True):
        given = PlanGrant.objects.get()
    shown = client.get(page).content.decode()
    assert "second opinion" in shown
    assert api_of(colleague).get(review.url).status_code == 200
    client.post(page, {"action": "end", "_selected_action": [given.pk]})
    assert api_of(colleague).get(review.url).status_code == 404
    assert client.get("/admin/accounts/athletegrant/").status_code == 403
    assert client.get("/admin/accounts/user/").status_code == 403


def test_an_administrator_gives_access_to_an_athlete_in_the_admin(client):
    athlete, support = make_athlete(), make_user("support")
    client.force_login(make_user("admin"))
    past = {"content_object": athlete.pk, "user": support.pk, "because": "ticket 7"}
    past |= {"expires_at_0": "2001-01-01", "expires_at_1": "00:00:00"}
    page = "/admin/accounts/athletegrant/"
    refused = client.post(f"{page}add/", past, follow=True)
    assert "The end lies ahead" in refused.content.decode()
    ahead = {"expires_at_0": f"{clock.now() + TOMORROW:%Y-%m-%d}", "expires_at_1": "23:00:00"}
    assert client.post(f"{page}add/", past | ahead).status_code == 302
    assert "ticket 7" in client.get(page).content.decode()
    assert may(support, "accounts.view_athlete", athlete)
