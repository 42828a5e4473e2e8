"""Telling the warehouse how the service does: each hour's requests by route and method, once the hour is over.

The newest hour that was told is the one of the newest such event: there is no other record of it. Where retention has
removed them all, hours whose roll-ups are still there are told again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

from django.db import connection

from common import clock
from common.context import register_service, unit_of_work
from common.models import RequestRollup
from telemetry.models import DeadLetter, OutboxEvent
from telemetry.services.emit import emit

MEASURING: Final = register_service("service-measuring")
MEASURED: Final = "service.measured"
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER: Final = "OTHER"
"""What a client may send instead of a method is not repeated."""
GRACE: Final = timedelta(minutes=5)
"""Processes write their roll-ups with the first request of another minute: until then an hour is not told."""
HOUR: Final = timedelta(hours=1)
# Any number will do, as long as everybody who tells asks for the same one and nobody else does.
_LOCK: Final = 0x6D656173_75726521


@dataclass
class _Requests:
    """The requests of a route and method in an hour."""

    by_status: Counter[str] = field(default_factory=Counter)
    latency: Counter[str] = field(default_factory=Counter)


def measure_due() -> int:
    """Tell every whole hour that was not told yet, oldest first, and return how many hours those were.

    Each is a transaction of its own; while somebody else is telling there is nothing to do.
    """
    hours = 0
    while _tell_next():
        hours += 1
    return hours


def route_id(route: str) -> UUID:
    """Return the aggregate of a route's events, the same everywhere and for ever."""
    return uuid5(NAMESPACE_URL, f"urn:mesocycle:route:{route}")


def _tell_next() -> bool:
    """Tell the oldest hour that is due; return whether there was one."""
    until = hour_of(clock.now() - GRACE)
    with unit_of_work(MEASURING):
        if not claim(_LOCK):
            return False
        told = newest_told(MEASURED)
        rows = RequestRollup.objects.filter(minute__lt=until).order_by("minute")
        first = (rows if told is None else rows.filter(minute__gte=told + HOUR)).first()
        if first is None:
            return False
        hour = hour_of(first.minute)
        for (route, method), requests in sorted(_requests_of(hour).items()):
            emit(MEASURED, aggregate_id=route_id(route), data=_data(hour, route, method, requests))
        return True


def claim(lock: int) -> bool:
    """Become the only one who tells until the transaction ends; on SQLite whoever writes is."""
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [lock])
        return bool(cursor.fetchone()[0])


def newest_told(event: str) -> datetime | None:
    """Return the newest hour that events of a type told, also in vain."""
    found = []
    for model in (OutboxEvent, DeadLetter):
        newest = model._default_manager.filter(type=event).order_by("-occurred_at", "-id").first()
        if newest is not None:
            found.append(datetime.fromisoformat(newest.data["data"]["hour"]))
    return max(found, default=None)


def _requests_of(hour: datetime) -> Mapping[tuple[str, str], _Requests]:
    found: dict[tuple[str, str], _Requests] = {}
    rows = RequestRollup.objects.filter(minute__gte=hour, minute__lt=hour + HOUR)
    columns = rows.values_list("route", "method", "status_class", "count", "latency")
    for route, method, status_class, count, latency in columns.iterator():
        requests = found.setdefault((route, method if method in METHODS else OTHER), _Requests())
        requests.by_status[status_class] += count
        requests.latency.update(latency)
    return found


def _data(hour: datetime, route: str, method: str, requests: _Requests) -> dict[str, Any]:
    return {
        "hour": hour.isoformat(),
        "route": route,
        "method": method,
        "requests": requests.by_status.total(),
        "client_errors": requests.by_status["4xx"],
        "server_errors": requests.by_status["5xx"],
        "latency": dict(requests.latency) or None,
    }


def hour_of(moment: datetime) -> datetime:
    """Return when a moment's hour began."""
    return moment.replace(minute=0, second=0, microsecond=0)
