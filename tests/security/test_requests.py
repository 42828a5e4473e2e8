"""What a request may bring: other hosts, other sites, too much of it, a way out of a folder."""

from __future__ import annotations

from typing import Any, Final

import pytest
from django.test import Client

from tests.factories import PASSWORD, api_of, make_athlete, make_user

pytestmark = pytest.mark.django_db

MANY: Final = 3 * 1024 * 1024
FORM: Final = "multipart/form-data; boundary=x"


class Unread:
    """A body that nobody may read."""

    def read(self, *_: Any) -> bytes:
        raise AssertionError("the body was read")

    readline = read


@pytest.mark.parametrize(
    ("path", "sent_as"),
    [
        ("/admin/login/", FORM),
        ("/api/session/login/", FORM),
        ("/password/reset/", FORM),
        ("/admin/accounts/user/add/", FORM),
        ("/api/v1/auth/token", "application/json"),
        ("/api/v1/plans", FORM),
        ("/ofrep/v1/evaluate/flags", "application/json"),
    ],
)
def test_a_long_body_is_refused_unread(path: str, sent_as: str) -> None:
    answer = Client().generic("POST", path, content_type=sent_as, CONTENT_LENGTH=str(MANY), **{"wsgi.input": Unread()})
    assert (answer.status_code, answer.headers["Content-Type"]) == (413, "application/problem+json")
    assert answer.json()["type"] == "/problems/too-large/"


def test_files_are_taken_where_files_go_up_to_a_limit(settings: Any) -> None:
    coach = make_user("coach")
    athlete, client, page = make_athlete(coach=coach), api_of(coach), Client()
    page.force_login(coach, backend="accounts.backends.EmailBackend")
    api, form = f"/api/v1/athletes/{athlete.pk}/activities", f"/admin/accounts/athlete/{athlete.pk}/import/"
    rows = b"date,load\n" + b"2024-01-01,50\n" * (MANY // 14)

    def send() -> list[Any]:
        from django.core.files.uploadedfile import SimpleUploadedFile

        return [
            client.post(api, {"file": SimpleUploadedFile("year.csv", rows)}, format="multipart"),
            page.post(form, {"history": SimpleUploadedFile("year.csv", rows)}),
        ]

    settings.UPLOAD_MAX_BYTES = 2 * 1024 * 1024
    refused, shown = send()
    assert refused.status_code == 400 and "larger than" in refused.json()["errors"][0]["detail"]
    assert "larger than" in shown.content.decode()
    settings.UPLOAD_MAX_REQUEST_BYTES = 2 * 1024 * 1024
    assert [answer.status_code for answer in send()] == [413, 413]


@pytest.mark.parametrize("host", ["evil.example", "testserver.evil.example", "testserver:80@evil.example", "a b"])
def test_another_host_is_refused(host: str) -> None:
    for path in ("/admin/login/", "/api/v1/me", "/password/reset/"):
        assert Client().get(path, headers={"host": host}).status_code == 400
    assert Client().get("/admin/login/", headers={"x-forwarded-host": host}).status_code == 200


@pytest.mark.parametrize(
    "to",
    [
        "https://evil.example",
        "//evil.example/x",
        "/\\evil.example",
        "javascript:alert(1)",
        "https:evil.example",
        "\thttps://e",
    ],
)
@pytest.mark.parametrize("page", ["/admin/login/", "/api/session/login/"])
def test_a_log_in_leads_nowhere_else(page: str, to: str) -> None:
    user = make_user("coach")
    answer = Client().post(f"{page}?next={to}", {"username": user.email, "password": PASSWORD, "next": to})
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/") and "evil" not in answer.headers["Location"]


def test_a_session_changes_nothing_without_the_csrf_token() -> None:
    coach = make_user("coach")
    athlete, strict = make_athlete(coach=coach), Client(enforce_csrf_checks=True)
    strict.force_login(coach, backend="accounts.backends.EmailBackend")
    body = {"race_date": "2030-01-06", "race_distance": "10k", "athlete_id": str(athlete.pk)}
    for path in ("/api/v1/plans", "/api/v1/notifications/read", f"/admin/accounts/athlete/{athlete.pk}/plan/"):
        for more in ({}, {"content_type": "application/json"}, {"content_type": "text/plain"}):
            assert strict.post(path, body, **more).status_code == 403, (path, more)
    elsewhere = {"origin": "https://evil.example"}
    assert strict.post("/admin/login/", {"username": "x", "password": "y"}, headers=elsewhere).status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "/static/../manage.py",
        "/static/%2e%2e/manage.py",
        "/static/..%2f..%2fetc/passwd",
        "/static//etc/passwd",
        "/static/mesocycle/../../../pyproject.toml",
        "/admin/metrics/..%2f..%2fweek.csv",
        "/admin/metrics/overview/..%2f..%2fpyproject.toml",
        "/problems/..%2f..%2fetc%2fpasswd/",
        "/calendar/..%2f..%2fetc%2fpasswd.ics",
    ],
)
def test_no_address_leads_out_of_its_folder(path: str) -> None:
    client = Client()
    client.force_login(make_user("admin"), backend="accounts.backends.EmailBackend")
    answer = client.get(path)
    assert answer.status_code in (302, 404)
    assert b"root:" not in answer.content and b"[project]" not in answer.content
