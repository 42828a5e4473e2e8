"""Emitting telemetry: into the outbox, in the transaction of the change."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder

from common import clock
from common.context import NoContext, in_unit_of_work
from common.ids import uuid7
from telemetry.events import EVENT_TYPES, EventType
from telemetry.models import OutboxEvent
from telemetry.schema_files import check_data, urn
from telemetry.tokens import person_token

SOURCE = "/mesocycle"
PARTITIONS = 16


def emit(event_type: str, *, aggregate_id: UUID, data: Mapping[str, Any]) -> OutboxEvent:
    """Put one event into the outbox as a CloudEvent (specification 1.0.2, structured JSON).

    Events of one aggregate share a partition, so that they are published in order. Ids of people leave as tokens. The
    schema is asked where `settings.TELEMETRY_VALIDATE` says so; the relay asks it of every event.

    Raises:
        NoContext: no writable unit of work is open.
        KeyError: the type is not registered.
        ValueError: data that the type does not know, or a person named by something that is no id.
        NoSchema, InvalidData: the schema, where it is asked, is missing or does not allow the data.
    """
    if not in_unit_of_work(writable=True):
        raise NoContext("a telemetry event is emitted inside a writable unit of work")
    registered = EVENT_TYPES.get(event_type)
    if unknown := data.keys() - registered.data:
        raise ValueError(f"{event_type} does not know {', '.join(sorted(unknown))}")
    plain = _without_people(registered, data)
    if settings.TELEMETRY_VALIDATE:
        check_data(event_type, registered.version, plain)
    event_id, occurred_at = uuid7(), clock.now()
    envelope = {
        "specversion": "1.0",
        "id": str(event_id),
        "source": SOURCE,
        "type": event_type,
        "subject": person_token(aggregate_id) if registered.person_aggregate else str(aggregate_id),
        "time": occurred_at.isoformat(),
        "datacontenttype": "application/json",
        "dataschema": urn(event_type, registered.version),
        "data": plain,
    }
    return OutboxEvent.objects.create(
        id=event_id,
        type=event_type,
        aggregate_id=aggregate_id,
        partition=partition_of(aggregate_id),
        data=envelope,
        occurred_at=occurred_at,
    )


def partition_of(aggregate_id: UUID) -> int:
    """Return the partition of an aggregate, the same on every machine and for ever (CRC-32)."""
    return zlib.crc32(aggregate_id.bytes) % PARTITIONS


def _without_people(registered: EventType, data: Mapping[str, Any]) -> dict[str, Any]:
    tokenised = {
        name: person_token(value) if name in registered.person and value is not None else value
        for name, value in data.items()
    }
    plain: dict[str, Any] = json.loads(json.dumps(tokenised, cls=DjangoJSONEncoder, allow_nan=False))
    return plain
