"""Limits: counted before the request's own transaction, by the database, and without naming anybody."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured
from rest_framework.test import APIClient

from common import clock, throttle
from common.errors import LimitReached
from common.models import ThrottleCounter
from common.throttle import Rate, take
from tests.common.test_concurrency import at_once
from tests.factories import PASSWORD, api_of, make_user


@pytest.fixture
def rates(settings):
    def set_rates(**given: str) -> None:
        settings.THROTTLE_RATES = {**settings.THROTTLE_RATES, **given}

    return set_rates


@pytest.mark.pure
def test_rates_are_read_or_refused():
    assert Rate.parse("10/minute") == Rate(10, 60)
    assert Rate.parse("off") is None
    for wrong in ("", "10", "0/minute", "10/fortnight", "-1/hour", "ten/minute"):
        with pytest.raises(ImproperlyConfigured, match="is no rate"):
            Rate.parse(wrong)


@pytest.mark.django_db
def test_a_window_ends_and_its_counters_are_purged(rates):
    rates(export="2/hour")
    take("export", "anna@example.org")
    take("export", "Anna@example.org ")
    with pytest.raises(LimitReached) as refused:
        take("export", "anna@example.org")
    assert 1 <= refused.value.retry_after <= 3600
    take("export", "ben@example.org")
    assert throttle.purge() == 0
    ThrottleCounter.objects.update(expires_at=clock.now() - timedelta(seconds=1))
    assert throttle.purge() == 2


@pytest.mark.django_db
def test_the_table_names_nobody(rates):
    rates(login="5/minute")
    take("login", "anna@example.org")
    assert "anna" not in ThrottleCounter.objects.get().key


@pytest.mark.django_db
@pytest.mark.parametrize("password", [PASSWORD, "wrong"])
def test_log_in_is_limited_by_address_of_mail_even_with_the_right_password(rates, password):
    user = make_user(email="anna@test.example")
    rates(login="3/minute")
    body = {"email": user.email, "password": password}
    codes = [APIClient().post("/api/v1/auth/token", body).status_code for _ in range(4)]
    assert codes == [200 if password == PASSWORD else 401] * 3 + [429]
    answer = APIClient().post("/api/v1/auth/token", body)
    assert answer["Content-Type"].startswith("application/problem+json")
    assert int(answer["Retry-After"]) >= 1


@pytest.mark.django_db
def test_the_admin_log_in_counts_the_same_attempts(rates, client):
    user = make_user(email="anna@test.example")
    rates(login="2/minute")
    APIClient().post("/api/v1/auth/token", {"email": user.email, "password": "wrong"})
    page = "/admin/login/"
    assert "Please enter the correct" in client.post(page, {"username": user.email, "password": "no"}).content.decode()
    assert "Too many requests" in client.post(page, {"username": user.email, "password": PASSWORD}).content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("scope", "method", "path"),
    [
        ("generation", "post", "/api/v1/plans"),
        ("patch", "patch", "/api/v1/plans/{0}/versions/{0}"),
        ("export", "get", "/api/v1/plans/{0}/changelog.csv"),
    ],
)
def test_costly_requests_are_limited_by_person(rates, scope, method, path):
    coach, other = make_user(), make_user()
    rates(**{scope: "2/hour"})
    path = path.format(coach.pk)
    codes = [getattr(api_of(coach), method)(path, {}).status_code for _ in range(3)]
    assert codes[:2] != [429, 429]
    assert codes[2] == 429
    assert getattr(api_of(other), method)(path, {}).status_code != 429


@pytest.mark.usefixtures("committed_database")
def test_racing_requests_are_all_counted(rates):
    rates(export="5/day")

    def passes(_: int) -> bool:
        try:
            take("export", "somebody")
        except LimitReached:
            return False
        return True

    assert sum(at_once(passes, threads=12)) == 5
