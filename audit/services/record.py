"""Writing audit events: in the transaction of the change, or not at all."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder

from audit.events import ACTIONS, ActionType
from audit.models import AuditEvent
from common.actors import actor_id
from common.context import (
    Actor,
    NoContext,
    ServiceIdentity,
    after_unit,
    current_actor,
    current_request_id,
    in_unit_of_work,
    request_info,
    unit_of_work,
)
from common.keys import KeyRing, key_ring
from common.prepared import insert

DENIED = "access.denied"
CIPHERTEXT = "ciphertext"


def record(
    action: str,
    *,
    target_id: UUID | None,
    metadata: Mapping[str, Any] | None = None,
    subject_id: UUID | None = None,
    linked_to: AuditEvent | UUID | None = None,
) -> AuditEvent:
    """Write one event about the change at hand; if this fails, so does the change.

    Args:
        target_id: the thing changed; its type comes from the registry.
        metadata: only registered names; free text is encrypted under the subject's key.
        subject_id: the athlete whom it concerns.
        linked_to: the action whose resulting state this is (required for state events, B6).

    Raises:
        NoContext: no writable unit of work is open.
        KeyError: the action is not registered.
        ValueError: metadata that the action does not know, or a state event without its action.
    """
    if not in_unit_of_work(writable=True):
        raise NoContext("an audit event is written inside a writable unit of work")
    registered = ACTIONS.get(action)
    given = dict(metadata or {})
    if unknown := given.keys() - registered.metadata:
        raise ValueError(f"{action} does not know metadata {', '.join(sorted(unknown))}")
    if registered.state != (linked_to is not None):
        raise ValueError(f"{action}: a state event names its action (linked_to), an action does not")
    event = _event(registered, target_id, subject_id, linked_to)
    _encrypt(event, registered, given)
    insert(event)
    return event


def record_denied(
    attempted: str,
    *,
    target_type: str = "request",
    target_id: UUID | None = None,
    subject_id: UUID | None = None,
    detail: str = "",
    acting_user: Actor | None = None,
) -> None:
    """Record a refused attempt in a transaction of its own, after the open unit of work has rolled back.

    Outside a unit of work it is written at once, and `acting_user` must be given.

    Raises:
        NoContext: nobody acts.
    """
    actor = acting_user or current_actor()
    metadata = {"attempted": attempted, "target_type": target_type, "detail": detail}

    def write() -> None:
        with unit_of_work(actor):
            record(DENIED, target_id=target_id, metadata=metadata, subject_id=subject_id)

    after_unit(write)


def _event(
    registered: ActionType, target_id: UUID | None, subject_id: UUID | None, linked_to: AuditEvent | UUID | None
) -> AuditEvent:
    actor = current_actor()
    return AuditEvent(
        actor_id=actor_id(actor),
        actor_role=str(actor) if isinstance(actor, ServiceIdentity) else getattr(actor, "role", ""),
        action=registered.action,
        target_type=registered.target_type,
        target_id=target_id,
        subject_id=subject_id,
        linked_event_id=linked_to.pk if isinstance(linked_to, AuditEvent) else linked_to,
        request_id=current_request_id(),
    )


def _encrypt(event: AuditEvent, registered: ActionType, metadata: dict[str, Any]) -> None:
    """Fill in metadata and origin: personal payload as ciphertext, the rest as plain JSON."""
    plain = json.loads(json.dumps(metadata, cls=DjangoJSONEncoder, allow_nan=False))
    free_text = {name for name in plain.keys() & registered.free_text if plain[name] not in (None, "")}
    info = request_info.get()
    has_origin = info is not None and bool(info.origin_ip or info.user_agent)
    owners = {event.text_key_of} if free_text else set()
    owners |= {event.origin_key_of} if has_origin else set()
    ring = key_ring(owners, create=True)
    for name in free_text:
        plain[name] = _sealed(ring, event.text_key_of, plain[name])
    event.metadata_json = plain
    if info is not None and has_origin:
        event.origin_ip = ring.encrypt(event.origin_key_of, info.origin_ip) if info.origin_ip else None
        event.user_agent = ring.encrypt(event.origin_key_of, info.user_agent) if info.user_agent else None


def _sealed(ring: KeyRing, owner: UUID, value: Any) -> dict[str, str]:
    text = value if isinstance(value, str) else json.dumps(value)
    return {CIPHERTEXT: base64.b64encode(ring.encrypt(owner, text)).decode()}
