"""The actor's id as a plain value: people have theirs, a service identity gets one that its name fixes."""

from __future__ import annotations

import uuid

from common.context import Actor, NoContext, ServiceIdentity, current_actor

_SERVICES = uuid.uuid5(uuid.NAMESPACE_URL, "https://mesocycle.example/services/")


def actor_id(actor: Actor) -> uuid.UUID:
    """Return the id under which an actor is recorded."""
    if isinstance(actor, ServiceIdentity):
        return uuid.uuid5(_SERVICES, actor.name)
    return uuid.UUID(str(actor.pk))


def actor_id_or_none() -> uuid.UUID | None:
    """Return the acting id, None where no unit of work is open (migrations, a shell)."""
    try:
        return actor_id(current_actor())
    except NoContext:
        return None
