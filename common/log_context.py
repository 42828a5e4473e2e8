"""Who acts, in each log line: a service by its name, a person by a token that only the key's owner can resolve."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any
from uuid import UUID

from common.registries import Registry

# Filled by telemetry: a person's token, the same as in the events.
PSEUDONYMS: Registry[Callable[[UUID], str]] = Registry("pseudonyms", required=("person",))


def add_actor(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add `actor` to a line that is written inside a unit of work; a processor of structlog, made for every line."""
    # Settings name this processor before there are apps; a line of that time has no actor.
    from django.apps import apps

    if not apps.ready or "actor" in event:
        return event
    from common.context import ServiceIdentity, current_actor, in_unit_of_work

    if in_unit_of_work():
        actor = current_actor()
        token = PSEUDONYMS.find("person")
        if isinstance(actor, ServiceIdentity):
            event["actor"] = str(actor)
        elif token is not None:
            event["actor"] = token(UUID(str(actor.pk)))
    return event
