"""The same request sent twice has one effect and one answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from common import clock, idempotency
from common.api import UnitOfWorkAPIMixin
from common.errors import WrongState
from common.idempotency import StoredResponse, idempotent
from common.ids import uuid7
from common.models import IdempotencyKey, SubjectKey

pytestmark = pytest.mark.django_db

Person = Callable[..., Any]
factory = APIRequestFactory()


def effect() -> str:
    return str(SubjectKey.objects.create(subject_id=uuid7(), version=9, wrapped_key=b"k").pk)


def effects() -> int:
    return SubjectKey.objects.filter(version=9).count()


class Notes(UnitOfWorkAPIMixin, APIView):
    refuses = False
    permission_classes: list[Any] = []  # noqa: RUF012

    @idempotent
    def post(self, request: Request) -> Response:
        made = effect()
        if self.refuses:
            raise WrongState("not now")
        return Response({"id": made, "note": "her knee hurts"}, status=201, headers={"Location": f"/notes/{made}"})


class Waiting(UnitOfWorkAPIMixin, APIView):
    own_transaction = True
    permission_classes: list[Any] = []  # noqa: RUF012

    def answer(self, request: Request, stored: StoredResponse) -> Response:
        return Response({"job": stored.body["job"], "state": "done", "replayed": stored.replayed}, status=201)

    @idempotent(replay=answer)
    def post(self, request: Request) -> Response:
        return Response({"job": effect()}, status=202)


def post(view: type[APIView], user: Any, key: str | None, data: Any = None, **attributes: Any) -> Response:
    headers = {"Idempotency-Key": key} if key else {}
    kind = "multipart" if data and any(hasattr(v, "read") for v in data.values()) else "json"
    request = factory.post("/notes", data or {"a": 1}, format=kind, headers=headers)
    force_authenticate(request, user)
    response: Response = view.as_view(**attributes)(request)
    response.render()
    return response


def test_the_second_request_gets_the_first_answer_and_has_no_effect(person: Person) -> None:
    user = person()
    first, second = post(Notes, user, "k1"), post(Notes, user, "k1")
    assert effects() == 1
    assert (second.status_code, json.loads(second.content)) == (201, json.loads(first.content))
    assert second["Location"] == first["Location"]
    assert (first.get("Idempotency-Replayed"), second["Idempotency-Replayed"]) == (None, "true")


def test_keys_belong_to_one_person(person: Person) -> None:
    assert post(Notes, person(), "k1").data["id"] != post(Notes, person(), "k1").data["id"]
    assert effects() == 2


def test_without_a_key_each_request_has_its_effect(person: Person) -> None:
    user = person()
    post(Notes, user, None)
    post(Notes, user, None)
    assert effects() == 2


def test_the_same_key_with_another_body_is_422(person: Person) -> None:
    user = person()
    post(Notes, user, "k1")
    response = post(Notes, user, "k1", {"a": 2})
    assert (response.status_code, response.data["type"]) == (422, "/problems/idempotency-mismatch/")
    assert effects() == 1


def test_a_refused_request_frees_its_key(person: Person) -> None:
    user = person()
    assert post(Notes, user, "k1", refuses=True).status_code == 409
    assert (effects(), IdempotencyKey.objects.count()) == (0, 0)
    assert post(Notes, user, "k1").status_code == 201


@pytest.mark.parametrize("key", ["x" * 256, "two words", "ключ"])
def test_a_malformed_key_is_refused(key: str, person: Person) -> None:
    request = factory.post("/notes", {}, format="json")
    request.META["HTTP_IDEMPOTENCY_KEY"] = key
    force_authenticate(request, person())
    assert Notes.as_view()(request).status_code == 400


def test_files_are_compared_by_content(person: Person) -> None:
    user = person()
    for _ in range(2):
        response = post(Notes, user, "k1", {"file": SimpleUploadedFile("a.csv", b"1,2")})
    assert (response.status_code, effects()) == (201, 1)
    other = post(Notes, user, "k1", {"file": SimpleUploadedFile("a.csv", b"1,3")})
    assert other.status_code == 422


def test_the_stored_answer_is_ciphertext(person: Person) -> None:
    post(Notes, person(), "k1")
    assert b"knee" not in IdempotencyKey.objects.get().response_body


def test_a_first_request_that_still_runs_is_409(person: Person) -> None:
    user = person()
    post(Notes, user, "k1")
    IdempotencyKey.objects.update(response_status=None)
    assert post(Notes, user, "k1").data["type"] == "/problems/busy/"


def test_a_fault_of_the_database_is_not_taken_for_a_running_request(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise OperationalError("no such table: idempotency_keys")

    monkeypatch.setattr(IdempotencyKey, "save", broken)
    with pytest.raises(OperationalError, match="no such table"):
        post(Notes, person(), "k1")


def test_replay_turns_the_stored_202_into_the_answer_each_time(person: Person) -> None:
    user = person()
    first, second = post(Waiting, user, "k1"), post(Waiting, user, "k1")
    assert effects() == 1
    assert IdempotencyKey.objects.get().response_status == 202
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.data["job"] == second.data["job"]
    assert (first.data["replayed"], second.data["replayed"]) == (False, True)


def test_replay_inside_an_open_unit_is_a_mistake(person: Person) -> None:
    with pytest.raises(RuntimeError, match="own_transaction"):
        post(Waiting, person(), "k1", own_transaction=False)


def test_old_keys_are_forgotten(person: Person) -> None:
    user = person()
    with clock.frozen(clock.now() - timedelta(hours=25)):
        post(Notes, user, "old")
    post(Notes, user, "new")
    assert idempotency.purge() == 1
    assert IdempotencyKey.objects.get().key == "new"
