"""Types of events of the tests' own, with schemas."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from common import clock
from common.ids import uuid7
from telemetry.events import EVENT_TYPES, register
from telemetry.models import DeadLetter, OutboxEvent
from telemetry.schema_files import TOKEN, schemas, urn
from telemetry.services import partition_of

HAPPENED, ABOUT_PERSON = "test.happened", "test.about_person"
_PERSON = {"type": ["string", "null"], "pattern": TOKEN, "description": "Somebody"}
_PROPERTIES: dict[str, dict[str, Any]] = {
    "plan_id": {"type": "string", "format": "uuid", "description": "A plan"},
    "coach_id": _PERSON,
    "mate": _PERSON,
    "value": {"type": ["number", "null"], "description": "A number"},
    "number": {"type": "integer", "description": "Its place among its aggregate's events"},
    "day": {"type": "string", "format": "date", "description": "A day"},
    "is_so": {"type": "boolean", "description": "Whether"},
    "source": {"type": "string", "enum": ["here", "there"], "description": "Named as an attribute of the envelope is"},
    "codes": {"type": "array", "items": {"type": "string", "pattern": "^[a-z]+$"}, "description": "Some codes"},
}


def schema(name: str, properties: dict[str, Any], version: int = 1, **more: Any) -> dict[str, Any]:
    """Return a whole schema."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": urn(name, version),
        "title": "Something happened",
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        **more,
    }


def add_types(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register our types, with schemas, until the test ends."""
    monkeypatch.setattr(EVENT_TYPES, "_entries", dict(EVENT_TYPES.items()))
    register(HAPPENED, data=frozenset(_PROPERTIES), person=frozenset({"mate"}))
    register(ABOUT_PERSON, data=frozenset(), person_aggregate=True)
    add_schemas(monkeypatch)


def add_schemas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the schemas alone, which is what a relay needs."""
    monkeypatch.setitem(schemas(), (HAPPENED, 1), schema(HAPPENED, _PROPERTIES))
    monkeypatch.setitem(schemas(), (ABOUT_PERSON, 1), schema(ABOUT_PERSON, {}))


def event(aggregate_id: UUID, **data: Any) -> OutboxEvent:
    """Return an event that was not stored, in whatever order a test wants to store it."""
    event_id, now = uuid7(), clock.now()
    envelope = {
        "specversion": "1.0",
        "id": str(event_id),
        "source": "/mesocycle",
        "type": HAPPENED,
        "subject": str(aggregate_id),
        "time": now.isoformat(),
        "datacontenttype": "application/json",
        "dataschema": urn(HAPPENED, 1),
        "data": data,
    }
    return OutboxEvent(
        id=event_id,
        type=HAPPENED,
        aggregate_id=aggregate_id,
        partition=partition_of(aggregate_id),
        data=envelope,
        occurred_at=now,
    )


def dead_letter() -> DeadLetter:
    """Store an event as one that could not be published; inside the caller's unit of work."""
    row = event(UUID(int=1), number=7)
    return DeadLetter.objects.create(
        id=row.pk,
        type=HAPPENED,
        aggregate_id=row.aggregate_id,
        partition=row.partition,
        data=row.data,
        occurred_at=row.occurred_at,
        attempts=5,
        reason="the sink refused it",
    )
