"""The canonical bytes of an event: what is hashed, sealed, archived and handed out. Pure.

Format 1: one JSON object (RFC 8259) of every column, ASCII, keys sorted, no blanks, `"v": 1`. Ids are lower-case
UUIDs, moments UTC with six decimals, ciphertext is base64 *as stored*: erasing a person destroys their key, not the
bytes, and the seal holds. Numbers are written so that SQLite's JSON text and PostgreSQL's jsonb give the same bytes: a
float without fraction as the integer that its shortest decimal names (1e16 as 10000000000000000), any other as its
shortest decimal.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

VERSION: Final = 1

IDS: Final = frozenset({"id", "actor_id", "target_id", "subject_id", "linked_event_id", "request_id"})
CIPHERTEXTS: Final = frozenset({"origin_ip", "user_agent"})
# The order in which `pack` takes them.
COLUMNS: Final = (
    "id",
    "occurred_at",
    "actor_id",
    "actor_role",
    "action",
    "target_type",
    "target_id",
    "subject_id",
    "linked_event_id",
    "request_id",
    "metadata_json",
    "origin_ip",
    "user_agent",
    "xact_id",
)
_ENCODE: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode


class NotCanonical(ValueError):
    """These bytes are not the canonical form of an event."""


def pack(
    id: UUID,
    occurred_at: datetime,
    actor_id: UUID | None,
    actor_role: str,
    action: str,
    target_type: str,
    target_id: UUID | None,
    subject_id: UUID | None,
    linked_event_id: UUID | None,
    request_id: UUID,
    metadata_json: Mapping[str, Any],
    origin_ip: bytes | None,
    user_agent: bytes | None,
    xact_id: int,
) -> bytes:
    """Return the canonical bytes of an event, given its columns in the order of `COLUMNS`.

    Raises ValueError where a number is not finite, or the moment has no time zone.
    """
    if occurred_at.tzinfo is None:
        raise ValueError("an event's moment has a time zone")
    return _ENCODE(
        {
            "v": VERSION,
            "id": str(id),
            "occurred_at": _moment(occurred_at),
            "actor_id": _id(actor_id),
            "actor_role": actor_role,
            "action": action,
            "target_type": target_type,
            "target_id": _id(target_id),
            "subject_id": _id(subject_id),
            "linked_event_id": _id(linked_event_id),
            "request_id": str(request_id),
            "metadata_json": _plain(metadata_json),
            "origin_ip": None if origin_ip is None else base64.b64encode(origin_ip).decode(),
            "user_agent": None if user_agent is None else base64.b64encode(user_agent).decode(),
            "xact_id": xact_id,
        }
    ).encode("ascii")


def unpack(data: bytes) -> dict[str, Any]:
    """Return the columns of an event by name, as `pack` takes them.

    Raises:
        NotCanonical: not the bytes that `pack` makes of what they say.
    """
    try:
        given = json.loads(data)
        columns = {name: _column(name, given[name]) for name in COLUMNS}
        again = pack(**columns)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NotCanonical("these bytes are no event") from error
    if again != data:
        raise NotCanonical("these bytes are no event in its canonical form")
    return columns


def _id(value: UUID | None) -> str | None:
    return None if value is None else str(value)


def _column(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in IDS:
        return UUID(value)
    if name in CIPHERTEXTS:
        return base64.b64decode(value, validate=True)
    return datetime.fromisoformat(value) if name == "occurred_at" else value


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _plain(value: Any) -> Any:
    """Return JSON data with each whole float as the integer that it is written as."""
    if isinstance(value, float):
        return int(Decimal(repr(value))) if value.is_integer() else value
    if isinstance(value, Mapping):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(member) for member in value]
    return value
