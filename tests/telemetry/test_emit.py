"""Telemetry events: with the change or not at all, without people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from common.context import NoContext, unit_of_work
from common.ids import uuid7
from telemetry.events import register
from telemetry.models import OutboxEvent
from telemetry.schema_files import InvalidData
from telemetry.services import PARTITIONS, emit, partition_of
from telemetry.tokens import person_token
from tests.telemetry.making import add_types

pytestmark = pytest.mark.django_db

Person = Callable[..., Any]


@pytest.fixture(autouse=True)
def _types(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    add_types(monkeypatch)
    yield


def test_an_event_is_a_cloud_event_in_the_outbox(person: Person) -> None:
    plan = uuid7()
    with unit_of_work(person()):
        emit("test.happened", aggregate_id=plan, data={"plan_id": plan, "value": 1.5})
    row = OutboxEvent.objects.get()
    envelope = row.data
    assert (envelope["specversion"], envelope["type"], envelope["subject"]) == ("1.0", "test.happened", str(plan))
    assert (UUID(envelope["id"]), envelope["data"]) == (row.pk, {"plan_id": str(plan), "value": 1.5})
    assert datetime.fromisoformat(envelope["time"]) == row.occurred_at
    assert envelope["dataschema"] == "urn:mesocycle:event:test.happened:1"
    assert (row.aggregate_id, row.partition, row.published_at) == (plan, partition_of(plan), None)


def test_people_leave_as_tokens(person: Person) -> None:
    coach, mate = uuid7(), uuid7()
    with unit_of_work(person()):
        emit("test.happened", aggregate_id=uuid7(), data={"coach_id": coach, "mate": str(mate)})
        emit("test.about_person", aggregate_id=coach, data={})
    happened, about = OutboxEvent.objects.order_by("id")
    assert happened.data["data"] == {"coach_id": person_token(coach), "mate": person_token(mate)}
    assert about.data["subject"] == person_token(coach)
    assert str(coach) not in str(happened.data) + str(about.data)


def test_a_person_named_by_anything_but_an_id_is_refused(person: Person) -> None:
    with pytest.raises(ValueError), unit_of_work(person()):  # noqa: PT011
        emit("test.happened", aggregate_id=uuid7(), data={"coach_id": "Jane Doe"})
    assert not OutboxEvent.objects.exists()


def test_what_is_not_registered_raises(person: Person) -> None:
    for name, data in (("test.unheard_of", {}), ("test.happened", {"email": "a@b.org"})):
        with pytest.raises((KeyError, ValueError)), unit_of_work(person()):
            emit(name, aggregate_id=uuid7(), data=data)
    with pytest.raises(ValueError, match="not among"):
        register("test.odd", data=frozenset(), person=frozenset({"who"}))


def test_data_are_checked_against_the_schema_where_settings_say_so(person: Person, settings: Any) -> None:
    wrong = {"value": "Jane Doe"}
    with pytest.raises(InvalidData, match=r"^test\.happened 1: value breaks type$"), unit_of_work(person()):
        emit("test.happened", aggregate_id=uuid7(), data=wrong)
    assert not OutboxEvent.objects.exists()
    settings.TELEMETRY_VALIDATE = False
    with unit_of_work(person()):
        emit("test.happened", aggregate_id=uuid7(), data=wrong)
    assert OutboxEvent.objects.exists()


def test_an_event_goes_with_its_change(person: Person) -> None:
    with pytest.raises(NoContext):
        emit("test.about_person", aggregate_id=uuid7(), data={})
    with pytest.raises(NoContext), unit_of_work(person(), read_only=True):
        emit("test.about_person", aggregate_id=uuid7(), data={})
    with pytest.raises(ZeroDivisionError), unit_of_work(person()):
        emit("test.about_person", aggregate_id=uuid7(), data={})
        1 / 0
    assert not OutboxEvent.objects.exists()


def test_tokens_depend_on_key_and_person_and_old_keys_still_work(settings: Any) -> None:
    somebody = uuid7()
    settings.TELEMETRY_TOKEN_KEYS = {1: "b2xk"}
    first = person_token(somebody)
    settings.TELEMETRY_TOKEN_KEYS = {1: "b2xk", 2: "bmV3"}
    assert person_token(somebody, version=1) == first
    assert person_token(somebody).startswith("v2:")
    assert person_token(somebody)[3:] != first[3:]
    assert person_token(uuid7()) != person_token(somebody)


def test_partitions_are_stable_and_all_used() -> None:
    # The relay orders by partition: this number may never change between releases.
    assert partition_of(UUID(int=1)) == 3
    assert {partition_of(uuid7()) for _ in range(1000)} == set(range(PARTITIONS))
