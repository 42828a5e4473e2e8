"""Log-in and refresh: once each, ended by reuse, deactivation and raised token versions."""

from __future__ import annotations

from datetime import timedelta

import pytest
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from accounts.models import RefreshToken, User
from accounts.services import tokens
from accounts.services.people import change_role
from audit.models import AuditEvent
from common import clock
from common.errors import NotAuthenticated
from common.management.base import COMMAND_LINE
from tests.factories import PASSWORD, api_of, make_athlete, make_user

pytestmark = pytest.mark.django_db


def test_log_in_ignores_the_case_of_the_address():
    make_user("coach", email="coach@test.example")
    answer = APIClient().post("/api/v1/auth/token", {"email": "Coach@Test.example", "password": PASSWORD})
    assert answer.status_code == 200
    assert set(answer.json()) == {"access", "refresh"}


def test_wrong_password_and_unknown_address_get_the_same_problem():
    make_user("coach", email="coach@test.example")
    answers = [
        APIClient().post("/api/v1/auth/token", {"email": email, "password": "wrong"}).json()
        for email in ("coach@test.example", "nobody@test.example")
    ]
    assert answers[0]["status"] == 401
    assert {k: v for k, v in answers[0].items() if k != "instance"} == {
        k: v for k, v in answers[1].items() if k != "instance"
    }


def test_a_refresh_token_works_once_and_its_reuse_ends_the_family():
    user = make_user()
    first = tokens.log_in(email=user.email, password=PASSWORD)
    second = tokens.refresh(token=first.refresh)
    RefreshToken.objects.filter(consumed_at__isnull=False).update(consumed_at=clock.now() - timedelta(minutes=5))
    with pytest.raises(NotAuthenticated, match="used before"):
        tokens.refresh(token=first.refresh)
    with pytest.raises(NotAuthenticated):
        tokens.refresh(token=second.refresh)
    assert AuditEvent.objects.filter(action="auth.refresh_reuse", target_id=user.pk).count() == 1


def test_a_phone_that_retries_within_seconds_is_no_thief():
    user = make_user()
    first = tokens.log_in(email=user.email, password=PASSWORD)
    second = tokens.refresh(token=first.refresh)
    again = tokens.refresh(token=first.refresh)
    assert again.refresh == second.refresh
    assert tokens.refresh(token=again.refresh).access


def test_within_the_grace_a_token_whose_successor_was_used_is_a_reuse():
    user = make_user()
    first = tokens.log_in(email=user.email, password=PASSWORD)
    second = tokens.refresh(token=first.refresh)
    third = tokens.refresh(token=second.refresh)
    with pytest.raises(NotAuthenticated, match="used before"):
        tokens.refresh(token=first.refresh)
    with pytest.raises(NotAuthenticated):
        tokens.refresh(token=third.refresh)


def test_log_out_ends_the_refresh_token():
    user = make_user()
    pair = tokens.log_in(email=user.email, password=PASSWORD)
    assert APIClient().post("/api/v1/auth/logout", {"refresh": pair.refresh}).status_code == 204
    with pytest.raises(NotAuthenticated):
        tokens.refresh(token=pair.refresh)


@pytest.mark.parametrize("ended", ["deactivated", "deleted", "role changed"])
def test_an_ended_access_token_is_401_not_500(ended):
    user = make_user()
    client = api_of(user)
    assert client.get("/api/v1/me").status_code == 200
    if ended == "deactivated":
        User.objects.filter(pk=user.pk).update(is_active=False)
    elif ended == "deleted":
        user.delete()
    else:
        change_role(user_id=user.pk, role="support", acting_user=COMMAND_LINE)
    answer = client.get("/api/v1/me")
    assert answer.status_code == 401
    assert answer["Content-Type"].startswith("application/problem+json")


def test_the_token_tells_the_client_its_scope():
    coach = make_user()
    mine, _ = make_athlete(coach=coach), make_athlete()
    pair = tokens.log_in(email=coach.email, password=PASSWORD)
    claims = AccessToken(pair.access).payload
    assert claims["role"] == "coach"
    assert claims["subject_scope"]["athlete_ids"] == [str(mine.pk)]
