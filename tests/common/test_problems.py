"""Errors as problems, entity tags, and the API mixin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import OperationalError
from django.http import Http404
from django.test import Client
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from common import context, errors
from common.api import DENIAL_RECORDERS, UnitOfWorkAPIMixin, preferred_wait
from common.errors import PROBLEM_TYPES, DomainError, InvalidInput, LimitReached, NotPermitted, StaleVersion
from common.etag import check_etag, etag_for, require_if_match
from common.ids import uuid7
from common.models import SubjectKey
from common.validation import invalid_input_from

pytestmark = pytest.mark.django_db

Person = Callable[..., Any]
factory = APIRequestFactory()


class Goal(serializers.Serializer[Any]):
    distance = serializers.ChoiceField(["5k"])
    days = serializers.ListField(child=serializers.IntegerField(max_value=6))


class View(UnitOfWorkAPIMixin, APIView):
    raises: Exception | None = None
    actors: list[Any] = []  # noqa: RUF012
    permission_classes: list[Any] = []  # noqa: RUF012

    def post(self, request: Request) -> Response:
        self.actors.append(context.current_actor())
        SubjectKey.objects.create(subject_id=uuid7(), version=1, wrapped_key=b"k")
        if self.raises:
            raise self.raises
        Goal(data=request.data).is_valid(raise_exception=True)
        return Response({"ok": True})

    def get(self, request: Request) -> Response:
        if self.raises:
            raise self.raises
        return Response({"writable": context.in_unit_of_work(writable=True)})


def call(method: str, user: Any = None, raises: Exception | None = None, **extra: Any) -> Response:
    request = getattr(factory, method)("/api/v1/goals", extra.pop("data", None), format="json", **extra)
    if user is not None:
        force_authenticate(request, user)
    response: Response = View.as_view(raises=raises, actors=[])(request)
    response.render()
    return response


@pytest.mark.parametrize("kind", sorted(PROBLEM_TYPES.values(), key=lambda kind: kind.type_slug))
def test_every_domain_error_is_a_problem_with_its_type_and_status(kind: type[DomainError], person: Person) -> None:
    error = kind("what happened", retry_after=7) if kind is LimitReached else kind("what happened")
    response = call("get", person(), raises=error)
    assert response.status_code == kind.status
    assert response["Content-Type"] == "application/problem+json"
    problem = response.data
    assert problem["type"] == f"/problems/{kind.type_slug}/"
    assert (problem["title"], problem["status"]) == (kind.title, kind.status)
    assert (problem["detail"], problem["instance"]) == ("what happened", "/api/v1/goals")


def test_every_problem_type_has_a_page_that_explains_it() -> None:
    client = Client()
    for slug, kind in list(PROBLEM_TYPES.items()):
        page = client.get(f"/problems/{slug}/").content.decode()
        assert kind.title.replace("'", "&#x27;") in page
        assert (kind.__doc__ or "").split()[0].replace("'", "&#x27;") in page
    assert client.get("/problems/no-such-thing/").status_code == 404


@pytest.mark.parametrize(
    ("error", "status", "slug"),
    [
        (Http404(), 404, "not-found"),
        (PermissionDenied(), 403, "forbidden"),
        (exceptions.PermissionDenied(), 403, "forbidden"),
        (exceptions.NotAuthenticated(), 401, "not-authenticated"),
        (exceptions.ParseError(), 400, "malformed-request"),
        (exceptions.UnsupportedMediaType("text/x"), 415, "unsupported-media-type"),
        (exceptions.Throttled(wait=3), 429, "throttled"),
        (OperationalError("database is locked"), 409, "busy"),
    ],
)
def test_framework_errors_have_the_same_shape(error: Exception, status: int, slug: str, person: Person) -> None:
    response = call("get", person(), raises=error)
    # DRF answers 403 to the unauthenticated where no scheme can challenge.
    assert response.status_code in ({status, 403} if status == 401 else {status})
    assert response.data["type"] == f"/problems/{slug}/" or status == 401
    assert response["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("state", "status"),
    [(None, 503), ("57P01", 503), ("08006", 503), ("55P03", 409)],  # refused, restarted, cut off; a lock
)
def test_a_database_that_is_away_is_no_fault_of_the_request(state: str | None, status: int, person: Person) -> None:
    error = OperationalError("server closed the connection")
    error.__cause__ = psycopg.errors.lookup(state)() if state else psycopg.OperationalError()
    response = call("get", person(), raises=error)
    assert response.status_code == status
    assert (response.get("Retry-After") == "2") == (status == 503)


def test_an_unknown_method_is_a_problem(person: Person) -> None:
    response = call("delete", person())
    assert (response.status_code, response.data["type"]) == (405, "/problems/method-not-allowed/")


def test_validation_errors_point_at_each_value(person: Person) -> None:
    response = call("post", person(), data={"distance": "6k", "days": [1, 9]})
    assert response.status_code == 400
    assert response.data["type"] == "/problems/validation-error/"
    assert [e["pointer"] for e in response.data["errors"]] == ["#/distance", "#/days/1"]


def test_model_validation_points_at_fields() -> None:
    error = invalid_input_from(ValidationError({"day": ["no"], "__all__": ["neither"]}))
    assert error.errors == [{"pointer": "#/day", "detail": "no"}, {"pointer": "#", "detail": "neither"}]


def test_members_pointer_and_headers_come_along(person: Person) -> None:
    limited = call("get", person(), raises=LimitReached(retry_after=90, limit=5))
    assert (limited["Retry-After"], limited.data["limit"]) == ("90", 5)
    stale = call("get", person(), raises=StaleVersion(current_etag='"2-ab"'))
    assert (stale["ETag"], stale.data["current_etag"]) == ('"2-ab"', '"2-ab"')
    invalid = call("get", person(), raises=InvalidInput("too soon", pointer="/race_date"))
    assert invalid.data["errors"] == [{"pointer": "#/race_date", "detail": "too soon"}]


def test_members_cannot_overwrite_the_status() -> None:
    assert NotPermitted("no", status=200).as_problem()["status"] == 403


def test_a_refused_change_is_rolled_back(person: Person) -> None:
    call("post", person(), raises=NotPermitted("no"))
    assert not SubjectKey.objects.filter(wrapped_key=b"k").exists()


def test_the_view_runs_as_the_person_and_reads_are_read_only(person: Person) -> None:
    assert call("post", person(), data={"distance": "5k", "days": [1]}).status_code == 200
    assert call("get", person()).data == {"writable": False}


def test_without_a_person_the_public_identity_acts() -> None:
    seen: list[Any] = []
    request = factory.post("/api/v1/goals", {"distance": "5k", "days": []}, format="json")
    View.as_view(actors=seen)(request)
    assert seen == [context.PUBLIC]


def test_refusals_reach_the_recorders_after_the_roll_back(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, bool]] = []
    recorders = {"test": lambda error, request: seen.append((error.detail, context.in_unit_of_work()))}
    monkeypatch.setattr(DENIAL_RECORDERS, "_entries", recorders)
    call("post", person(), raises=NotPermitted("not yours"))
    call("post", person(), raises=InvalidInput("nonsense"))
    assert seen == [("not yours", False)]


def test_unexpected_errors_are_not_dressed_up(person: Person) -> None:
    with pytest.raises(ZeroDivisionError):
        call("get", person(), raises=ZeroDivisionError())


def if_match(value: str | None, body: dict[str, str] | None = None) -> Request:
    headers = {} if value is None else {"If-Match": value}
    return View().initialize_request(factory.post("/", body or {}, format="json", headers=headers))


CURRENT = etag_for(7, "a" * 64)


@pytest.mark.parametrize("header", [CURRENT, f'"1-x", {CURRENT}'])
def test_a_change_based_on_the_current_version_passes(header: str) -> None:
    assert require_if_match(if_match(header), CURRENT) == CURRENT


@pytest.mark.parametrize("body", [{"expected_etag": CURRENT}, {"expected_etag": CURRENT.strip('"')}])
def test_a_form_names_the_version_in_its_body(body: dict[str, str]) -> None:
    assert require_if_match(if_match(None, body), CURRENT) == CURRENT


@pytest.mark.parametrize("header", [None, "*", f"W/{CURRENT}", "7"])
def test_a_change_that_names_no_version_is_428(header: str | None) -> None:
    with pytest.raises(errors.PreconditionRequired):
        require_if_match(if_match(header), CURRENT)


def test_a_change_of_an_older_version_is_412_with_the_current_tag() -> None:
    with pytest.raises(StaleVersion) as caught:
        require_if_match(if_match(etag_for(6, "a" * 64)), CURRENT)
    assert caught.value.members == {"current_etag": CURRENT}
    with pytest.raises(StaleVersion):
        check_etag(etag_for(7, "b" * 64), CURRENT)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("wait=5", 5), ("respond-async, wait=7", 7), ("wait=100000", 30), ("", 0), ("await=5", 0), ("wait=-1", 0)],
)
def test_prefer_wait_is_read_and_bounded(header: str, seconds: float, settings: Any) -> None:
    settings.PREFER_WAIT_MAX_SECONDS = 30
    assert preferred_wait(View().initialize_request(factory.get("/", headers={"Prefer": header}))) == seconds
