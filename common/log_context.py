"""What log lines say: who acts, by a token that only the key's owner can resolve, and a route instead of an address."""

from __future__ import annotations

import logging
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


class RouteForAddress(logging.Filter):
    """Put the route where Django's own lines ("Not Found: …") name the address, which may hold a token or a name."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the line in place; every line passes."""
        # Named by the settings, as above.
        from django.http import HttpRequest

        request = record.__dict__.pop("request", None)
        if not isinstance(request, HttpRequest):
            return True
        from common.rollup import route_of

        route = route_of(request)
        record.__dict__.update(method=request.method, route=route)
        # As Django's `log_response` writes the address.
        address = request.path.encode("unicode_escape").decode("ascii")
        if isinstance(record.args, tuple):
            record.args = tuple(route if arg in (address, request.path) else arg for arg in record.args)
        return True
