"""Audit events: with the change or not at all, never changed, personal payload as ciphertext."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from audit.events import ACTIONS, register
from audit.models import AuditEvent
from audit.registration import record_api_denial
from audit.selectors import readable
from audit.services import DENIED, record, record_denied
from common import context, keys
from common.actors import actor_id
from common.api import DENIAL_RECORDERS, UnitOfWorkAPIMixin
from common.context import NoContext, RequestInfo, requested_by, service, unit_of_work
from common.db_operations import guarded_tables
from common.errors import NotPermitted
from common.ids import uuid7

pytestmark = pytest.mark.django_db

Person = Callable[..., Any]


@pytest.fixture(autouse=True)
def _actions(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(ACTIONS, "_entries", dict(ACTIONS.items()))
    register("test.edit", target_type="thing", metadata=frozenset({"before", "after", "reason"}))
    register("test.state", target_type="thing", metadata=frozenset({"state"}), state=True)
    yield


def test_an_event_says_who_did_what_to_what_and_in_which_request(person: Person) -> None:
    somebody, target, athlete = person(role="coach"), uuid7(), uuid7()
    with requested_by(RequestInfo(uuid7(), "203.0.113.9", "curl/8")) as info, unit_of_work(somebody):
        record("test.edit", target_id=target, metadata={"before": 1, "after": 2}, subject_id=athlete)
    event = AuditEvent.objects.get()
    assert (event.actor_id, event.actor_role, event.action) == (somebody.pk, "coach", "test.edit")
    assert (event.target_type, event.target_id, event.subject_id) == ("thing", target, athlete)
    assert (event.request_id, event.metadata_json) == (info.request_id, {"before": 1, "after": 2})


def test_a_service_acts_under_its_own_name() -> None:
    with unit_of_work(service("public")):
        event = record("test.edit", target_id=None)
    assert (event.actor_id, event.actor_role) == (actor_id(service("public")), "service:public")


def test_personal_payload_is_ciphertext_and_can_be_read_until_it_is_erased(person: Person) -> None:
    somebody, athlete = person(), uuid7()
    with requested_by(RequestInfo(uuid7(), "203.0.113.9", "curl/8")), unit_of_work(somebody):
        record("test.edit", target_id=uuid7(), metadata={"reason": "her knee", "after": 2}, subject_id=athlete)
    event = AuditEvent.objects.get()
    stored = str(event.metadata_json).encode() + (event.origin_ip or b"") + (event.user_agent or b"")
    assert not any(secret in stored for secret in (b"knee", b"203.0.113.9", b"curl"))
    (shown,) = readable([event])
    assert (shown.metadata, shown.origin_ip) == ({"reason": "her knee", "after": 2}, "203.0.113.9")
    assert shown.user_agent == "curl/8"
    keys.destroy_key(athlete)
    (shown,) = readable([event])
    assert (shown.metadata, shown.origin_ip) == ({"reason": keys.ERASED, "after": 2}, "203.0.113.9")


def test_reading_many_events_takes_one_query(person: Person, django_assert_num_queries: Any) -> None:
    for _ in range(5):
        with unit_of_work(person()):
            record("test.edit", target_id=uuid7(), metadata={"reason": "r"}, subject_id=uuid7())
    events = list(AuditEvent.objects.all())
    with django_assert_num_queries(1):
        assert [shown.metadata["reason"] for shown in readable(events)] == ["r"] * 5


def test_outside_a_writable_unit_of_work_nothing_is_recorded(person: Person) -> None:
    with pytest.raises(NoContext):
        record("test.edit", target_id=uuid7())
    with pytest.raises(NoContext), unit_of_work(person(), read_only=True):
        record("test.edit", target_id=uuid7())


@pytest.mark.parametrize(
    ("action", "metadata", "linked"),
    [
        ("test.unheard_of", {}, False),
        ("test.edit", {"colour": "red"}, False),
        ("test.edit", {"before": float("nan")}, False),
        ("test.edit", {}, True),
        ("test.state", {"state": "x"}, False),
    ],
)
def test_what_is_not_registered_fails_the_change(action: str, metadata: Any, linked: bool, person: Person) -> None:
    with pytest.raises((KeyError, ValueError)), unit_of_work(person()):
        keys.encrypt_for(uuid7(), "the change")
        record(action, target_id=uuid7(), metadata=metadata, linked_to=uuid7() if linked else None)
    assert not AuditEvent.objects.exists()
    assert not keys.SubjectKey.objects.exists()


def test_the_state_that_resulted_is_linked_to_its_action(person: Person) -> None:
    with unit_of_work(person()):
        action = record("test.edit", target_id=uuid7())
        state = record("test.state", target_id=action.target_id, metadata={"state": "on"}, linked_to=action)
    assert state.linked_event_id == action.pk


def test_an_action_has_one_shape() -> None:
    with pytest.raises(ValueError, match="another entry"):
        register("test.edit", target_type="other", metadata=frozenset())


@pytest.mark.parametrize("statement", ["UPDATE audit_events SET action = 'x'", "DELETE FROM audit_events"])
def test_events_cannot_be_changed(statement: str, person: Person) -> None:
    with unit_of_work(person()):
        record("test.edit", target_id=uuid7())
    refusal = "append-only|permission denied"  # the app's role is refused before the trigger
    with pytest.raises(DatabaseError, match=refusal), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    with pytest.raises(DatabaseError, match=refusal), transaction.atomic():
        event = AuditEvent.objects.get()
        event.action = "x"
        event.save()
    assert AuditEvent.objects.get().action == "test.edit"


def test_the_table_is_guarded() -> None:
    assert "audit_events" in guarded_tables(connection)


def test_a_refused_attempt_is_recorded_though_its_unit_rolled_back(person: Person) -> None:
    somebody, target = person(), uuid7()
    with pytest.raises(NotPermitted), unit_of_work(somebody):
        record("test.edit", target_id=target)
        record_denied("plan:edit", target_type="plan", target_id=target, detail="not yours")
        raise NotPermitted("not yours")
    event = AuditEvent.objects.get()
    assert (event.action, event.actor_id, event.target_id) == (DENIED, somebody.pk, target)
    assert readable([event])[0].metadata == {"attempted": "plan:edit", "target_type": "plan", "detail": "not yours"}


def test_a_refused_attempt_of_nobody_raises() -> None:
    with pytest.raises(NoContext):
        record_denied("plan:edit")


class Refusing(UnitOfWorkAPIMixin, APIView):
    permission_classes: list[Any] = []  # noqa: RUF012

    def post(self, request: Request, **kwargs: Any) -> Response:
        record("test.edit", target_id=uuid7())
        raise NotPermitted("not yours")


def test_a_refused_api_request_is_recorded(person: Person) -> None:
    assert DENIAL_RECORDERS.get("audit") is record_api_denial
    somebody = person()
    request = APIRequestFactory().post("/x/", {}, format="json")
    force_authenticate(request, somebody)
    assert Refusing.as_view()(request).status_code == 403
    event = AuditEvent.objects.get()
    assert (event.action, event.actor_id) == (DENIED, somebody.pk)
    assert not context.in_unit_of_work()
