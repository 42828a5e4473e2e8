"""Pages instead of pages: what a browser sees where the request is refused, lost, or cannot be answered."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

import psycopg
import pytest
from django.conf import settings
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import include, path, reverse

from common.problem import CONTENT_TYPE


def refused(sqlstate: str | None) -> OperationalError:
    """Return what Django raises where PostgreSQL answers so; without a state it does not answer at all."""
    error = OperationalError("server closed the connection")
    error.__cause__ = psycopg.errors.lookup(sqlstate)() if sqlstate else psycopg.OperationalError()
    return error


def gone(_: HttpRequest) -> HttpResponse:
    raise refused(None)


def broken(_: HttpRequest) -> HttpResponse:
    raise ValueError("a name that must not be shown")


urlpatterns = [path("gone/", gone), path("broken/", broken), path("api/gone/", gone), path("", include("config.urls"))]
handler500 = "common.failures.server_error"
handler404 = "common.failures.page_not_found"


@pytest.fixture
def client() -> Iterator[Client]:
    with override_settings(ROOT_URLCONF=__name__):
        yield Client(raise_request_exception=False)


@pytest.mark.django_db
def test_while_the_database_is_away_a_page_asks_to_come_again(client: Client) -> None:
    answer = client.get("/gone/")
    assert (answer.status_code, answer["Retry-After"], answer["Cache-Control"]) == (503, "2", "no-store")
    assert "Not available at the moment" in answer.text
    assert answer["X-Request-ID"] in answer.text


@pytest.mark.django_db
def test_a_session_that_cannot_be_read_is_no_error_of_ours(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(_: object) -> None:
        raise refused("57P01")

    monkeypatch.setattr(import_module(settings.SESSION_ENGINE).SessionStore, "load", lost)
    client.cookies[settings.SESSION_COOKIE_NAME] = "0123456789abcdef"
    answer = client.get(reverse("admin:index"))
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")


@pytest.mark.django_db
def test_the_api_says_so_as_a_problem_wherever_it_failed(client: Client) -> None:
    answer = client.get("/api/gone/")
    assert (answer.status_code, answer["Content-Type"], answer["Retry-After"]) == (503, CONTENT_TYPE, "2")
    assert answer.json()["type"] == "/problems/unavailable/"


@pytest.mark.django_db
def test_a_failure_gives_its_number_and_nothing_else(client: Client) -> None:
    answer = client.get("/broken/")
    assert answer.status_code == 500
    assert answer["X-Request-ID"] in answer.text
    assert "must not be shown" not in answer.text


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "language", "title"),
    [("de", "de", "Diese Seite gibt es nicht"), ("en", "en-gb", "There is no such page")],
)
def test_what_is_not_there_is_said_in_the_readers_language(
    client: Client, asked: str, language: str, title: str
) -> None:
    answer = client.get("/nowhere/<script>", headers={"Accept-Language": asked})
    assert answer.status_code == 404
    assert f'<html lang="{language}">' in answer.text
    assert title in answer.text
    assert "<script>" not in answer.text


@pytest.mark.django_db
def test_a_form_without_its_token_says_what_to_do() -> None:
    answer = Client(enforce_csrf_checks=True).post(reverse("admin:login"), {"username": "a", "password": "b"})
    assert answer.status_code == 403
    assert "This form cannot be sent any more" in answer.text
