"""Reading audit events as people may read them: decrypted, with what was erased marked as such."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from audit.models import AuditEvent
from audit.services import CIPHERTEXT
from common.keys import key_ring


@dataclass(frozen=True)
class ReadableEvent:
    """An event with its personal payload in clear, or `[erased]`."""

    event: AuditEvent
    metadata: dict[str, Any]
    origin_ip: str
    user_agent: str


def readable(events: Sequence[AuditEvent]) -> list[ReadableEvent]:
    """Return the events decrypted; one query for all keys, however many events."""
    ring = key_ring({owner for event in events for owner in (event.origin_key_of, event.text_key_of)})
    readable_events = []
    for event in events:
        metadata = {
            name: ring.read(event.text_key_of, base64.b64decode(value[CIPHERTEXT])) if _is_sealed(value) else value
            for name, value in event.metadata_json.items()
        }
        origin = event.origin_key_of
        readable_events.append(
            ReadableEvent(event, metadata, ring.read(origin, event.origin_ip), ring.read(origin, event.user_agent))
        )
    return readable_events


def _is_sealed(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {CIPHERTEXT}
