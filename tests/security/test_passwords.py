"""A new password ends what was logged in with another; asking for one tells nobody who has an account."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.services import tokens
from accounts.services.passwords import choose_password
from accounts.services.people import change_role
from audit.models import AuditEvent
from common.errors import InvalidInput, NotAuthenticated
from common.management.base import COMMAND_LINE
from common.models import Job
from tests.factories import PASSWORD, api_of, make_user
from tests.security.timing import difference

pytestmark = pytest.mark.django_db

NEW = "a-Long-one-42"
CHOSEN = {"new_password1": NEW, "new_password2": NEW}


def logged_in(user: Any) -> Client:
    client = Client()
    client.force_login(user, backend="accounts.backends.EmailBackend")
    return client


def test_a_new_password_ends_sessions_and_tokens_but_the_session_that_chose_it() -> None:
    user = make_user("coach")
    here, elsewhere, phone = logged_in(user), logged_in(user), api_of(user)
    pair = tokens.log_in(email=user.email, password=PASSWORD)
    page = "/admin/password_change/"
    assert here.post(page, {"old_password": "wrong", **CHOSEN}).status_code == 200
    assert here.post(page, {"old_password": PASSWORD, **CHOSEN}).status_code == 302
    assert here.get(page).status_code == 200
    assert elsewhere.get(page).status_code == 302
    assert phone.get("/api/v1/me").status_code == 401
    with pytest.raises(NotAuthenticated):
        tokens.refresh(token=pair.refresh)
    event = AuditEvent.objects.order_by("-id")[0]
    assert (event.action, event.target_id) == ("user.password_change", user.pk)


def test_another_role_ends_sessions() -> None:
    user = make_user("coach")
    client = logged_in(user)
    assert client.get("/admin/password_change/").status_code == 200
    change_role(user_id=user.pk, role="support", acting_user=COMMAND_LINE)
    assert client.get("/admin/password_change/").status_code == 302


def test_the_service_refuses_a_weak_password() -> None:
    user = make_user("coach", email="annabel@test.example")
    for weak in ("short", "password1234", "1029384756", "annabel@test.example"):
        with pytest.raises(InvalidInput):
            choose_password(password=weak, acting_user=user)


def test_a_log_in_starts_a_session_of_its_own() -> None:
    """What somebody planted in the browser before is worth nothing after (session fixation)."""
    user, client = make_user("coach"), Client()
    client.get("/admin/login/")
    client.cookies["sessionid"] = planted = "planted0planted0planted0planted0"
    client.post("/admin/login/", {"username": user.email, "password": PASSWORD})
    assert client.cookies["sessionid"].value != planted
    assert Client(headers={"cookie": f"sessionid={planted}"}).get("/admin/password_change/").status_code == 302


def test_a_reset_link_works_once_and_comes_from_us_whatever_the_host(
    django_capture_on_commit_callbacks: Any, settings: Any
) -> None:
    settings.ALLOWED_HOSTS, settings.PUBLIC_URL = ["*"], "https://plans.example"
    user = make_user("athlete")
    session = tokens.log_in(email=user.email, password=PASSWORD)
    with django_capture_on_commit_callbacks(execute=True):
        asked = Client().post("/password/reset/", {"email": user.email.upper()}, headers={"host": "evil.example"})
    assert asked.status_code == 302
    [message] = mail.outbox
    assert message.to == [user.email] and "evil.example" not in message.body
    [link] = [line for line in message.body.splitlines() if line.startswith("http")]
    assert link.startswith("https://plans.example/password/choose/")
    path, client = "/" + link.split("/", 3)[3], Client()
    form = client.get(path)
    assert client.post(form.headers["Location"], CHOSEN).status_code == 302
    with pytest.raises(NotAuthenticated):
        tokens.refresh(token=session.refresh)
    assert tokens.log_in(email=user.email, password=NEW)
    assert "unsuccessful" in Client().get(path).content.decode()


def test_an_address_that_nobody_has_is_answered_alike_with_the_same_writes(
    django_capture_on_commit_callbacks: Any,
) -> None:
    user, counts, bodies = make_user("coach"), [], []
    for email in (user.email, "nobody@test.example"):
        before = Job.objects.count()
        with django_capture_on_commit_callbacks(), CaptureQueriesContext(connection) as asked:
            bodies.append(Client().post("/password/reset/", {"email": email}).headers["Location"])
        counts.append((len(asked), Job.objects.count() - before))
    assert bodies[0] == bodies[1] and counts[0] == counts[1] and counts[0][1] == 1
    assert {set(job.payload) == {"user_id"} for job in Job.objects.filter(kind="accounts.send_reset")} == {True}


def test_links_are_limited_by_address_of_mail(settings: Any) -> None:
    settings.THROTTLE_RATES = {**settings.THROTTLE_RATES, "password_reset": "2/hour"}
    for email in ("anna@test.example", "Anna@test.example"):
        assert Client().post("/password/reset/", {"email": email}).status_code == 302
    assert "Too many requests" in Client().post("/password/reset/", {"email": "anna@test.example"}).content.decode()


@pytest.mark.parametrize("who", ["known", "unknown", "deactivated"])
def test_a_log_in_costs_a_hash_whoever_is_named(who: str, monkeypatch: pytest.MonkeyPatch) -> None:
    user = make_user("coach", email="known@test.example")
    type(user).objects.filter(pk=user.pk).update(is_active=who != "deactivated")
    hashed: list[str] = []
    encode = MD5PasswordHasher.encode
    monkeypatch.setattr(
        MD5PasswordHasher, "encode", lambda self, *given: hashed.append("") or encode(self, *given), raising=True
    )
    email = "nobody@test.example" if who == "unknown" else user.email
    assert APIClient().post("/api/v1/auth/token", {"email": email, "password": "wrong"}).status_code == 401
    assert len(hashed) == 1


@pytest.mark.pure
def test_the_script_that_compares_times_tells_what_differs_from_what_does_not() -> None:
    alike = [0.1 + 0.001 * (number % 7) for number in range(60)]
    assert not difference(alike, alike[::-1]).tells
    assert difference(alike, [seconds / 2 for seconds in alike]).tells
    with pytest.raises(ValueError, match="two samples"):
        difference([], alike)
