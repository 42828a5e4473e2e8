"""Request ids, believable origins, problems under /api/, request roll-ups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.test import RequestFactory
from rest_framework.response import Response

from common import context, rollup
from common.middleware import RequestContextMiddleware, origin_ip
from common.models import RequestRollup

requests = RequestFactory()
GIVEN = "0190a3f4-7e3c-7abc-8def-0123456789ab"


@pytest.fixture(autouse=True)
def _empty_rollup(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(rollup, "_counts", {})
    monkeypatch.setattr(rollup, "_pending", 0)
    yield


def handled(request: HttpRequest, response: HttpResponse | None = None) -> tuple[HttpResponse, context.RequestInfo]:
    seen: list[context.RequestInfo] = []

    def view(_: HttpRequest) -> HttpResponse:
        info = context.request_info.get()
        assert info is not None
        seen.append(info)
        return response or HttpResponse("fine")

    return RequestContextMiddleware(view)(request), seen[0]


def test_a_uuid_as_request_id_is_taken_over_and_given_back() -> None:
    response, info = handled(requests.get("/", headers={"X-Request-ID": GIVEN, "User-Agent": "curl"}))
    assert (response["X-Request-ID"], info.request_id, info.user_agent) == (GIVEN, UUID(GIVEN), "curl")
    assert context.request_info.get() is None


@pytest.mark.parametrize("nonsense", ["", "1; DROP TABLE", "\x1b[31m", "x" * 10_000])
def test_anything_else_as_request_id_is_replaced(nonsense: str) -> None:
    response, info = handled(requests.get("/", headers={"X-Request-ID": nonsense}))
    assert response["X-Request-ID"] == str(info.request_id) != nonsense
    assert info.request_id.version == 7


@pytest.mark.parametrize(
    ("proxies", "remote", "forwarded", "origin"),
    [
        ([], "203.0.113.9", "198.51.100.1", "203.0.113.9"),
        (["10.0.0.0/8"], "10.0.0.1", "198.51.100.1", "198.51.100.1"),
        (["10.0.0.0/8"], "10.0.0.1", "6.6.6.6, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        (["10.0.0.0/8"], "10.0.0.1", "not an address", "10.0.0.1"),
        (["10.0.0.0/8"], "10.0.0.1", "", "10.0.0.1"),
        (["::1"], "::1", "2001:db8::1", "2001:db8::1"),
        ([], "", "198.51.100.1", None),
    ],
)
def test_origin_is_the_first_address_that_is_not_our_proxy(
    proxies: list[str], remote: str, forwarded: str, origin: str | None, settings: Any
) -> None:
    settings.TRUSTED_PROXIES = proxies
    request = requests.get("/", REMOTE_ADDR=remote, HTTP_X_FORWARDED_FOR=forwarded)
    assert origin_ip(request) == origin


def test_an_error_page_under_api_becomes_a_problem_without_its_text() -> None:
    page = HttpResponse("<h1>Traceback: secret</h1>", status=500)
    response, info = handled(requests.get("/api/v1/x"), page)
    assert (response.status_code, response["Content-Type"]) == (500, "application/problem+json")
    assert b"secret" not in response.content
    assert str(info.request_id).encode() in response.content


def test_other_errors_stay_as_they_are() -> None:
    page = HttpResponseNotFound("<h1>no</h1>")
    assert handled(requests.get("/admin/x"), page)[0] is page
    browsable = Response({}, status=404)
    browsable.accepted_renderer = object()  # type: ignore[attr-defined]
    assert handled(requests.get("/api/v1/x"), browsable)[0] is browsable


def test_a_missing_address_under_api_is_a_problem(client: Any) -> None:
    response = client.get("/api/v1/there/is/no/such/thing")
    assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")
    assert response.json()["type"] == "/problems/not-found/"


def test_a_latency_falls_into_the_bucket_that_holds_it() -> None:
    assert [rollup.bucket(s) for s in (0, 0.005, 0.0051, 9.9, 11)] == ["5", "5", "10", "10000", "inf"]


@pytest.mark.django_db
def test_requests_are_counted_by_route_and_status_class(monkeypatch: pytest.MonkeyPatch) -> None:
    for status in (200, 204, 404):
        handled(requests.get("/plans/4711"), HttpResponse(status=status))
    assert rollup.flush() == 0  # inside the test's own transaction nothing is written
    monkeypatch.setattr(rollup, "_in_transaction", lambda: False)
    assert rollup.flush() == 2
    rows = RequestRollup.objects.order_by("status_class")
    assert [(r.route, r.status_class, r.count, sum(r.latency.values())) for r in rows] == [
        ("(none)", "2xx", 2, 2),
        ("(none)", "4xx", 1, 1),
    ]


@pytest.mark.django_db
def test_a_roll_up_that_fails_costs_no_request(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object) -> None:
        raise RuntimeError("disk full")

    monkeypatch.setattr(RequestRollup.objects, "bulk_create", broken)
    monkeypatch.setattr(rollup, "FLUSH_AFTER_REQUESTS", 1)
    monkeypatch.setattr(rollup, "_in_transaction", lambda: False)
    assert handled(requests.get("/"))[0].status_code == 200
