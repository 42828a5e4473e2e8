"""How long the oldest event has been waiting: measured by whoever relays, told by every process (through the cache)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import structlog
from django.core.cache import cache

from common import clock
from common.context import register_service, unit_of_work
from telemetry.models import OutboxEvent
from telemetry.services.emit import PARTITIONS

logger = structlog.get_logger("mesocycle.telemetry")

RELAY = register_service("relay")
_KEY: Final = "telemetry:lag"


def note_lag() -> datetime | None:
    """Measure when the oldest event that waits happened (None: none waits) and let other processes know."""
    oldest = oldest_waiting()
    told = {"oldest": oldest and oldest.isoformat(), "at": clock.now().isoformat()}
    try:
        cache.set(_KEY, told, timeout=None)
    except Exception:  # a cache that is down ends no relay
        logger.warning("the lag was not told", exc_info=True)
    return oldest


def lag() -> dict[str, Any]:
    """Return what monitors ask, without a query: for how long the oldest event has waited, and who says so since when.

    Both are None where no relay has told. Without a shared cache (Redis) a process knows of its own relay alone.
    """
    try:
        told = cache.get(_KEY)
    except Exception:  # a cache that is down makes nobody unready
        told = None
    if told is None:
        return {"oldest_waiting_seconds": None, "measured_seconds_ago": None}
    return {
        "oldest_waiting_seconds": _seconds_since(told["oldest"]) if told["oldest"] else 0.0,
        "measured_seconds_ago": _seconds_since(told["at"]),
    }


def oldest_waiting() -> datetime | None:
    """Return when the oldest event that waits happened: the head of each partition, which the index has first."""
    with unit_of_work(RELAY, read_only=True):
        waiting = OutboxEvent.objects.filter(published_at=None)
        if not waiting.exists():
            return None
        heads = (waiting.filter(partition=number).order_by("id") for number in range(PARTITIONS))
        found = [moment for head in heads for moment in head.values_list("occurred_at", flat=True)[:1]]
    return min(found, default=None)


def _seconds_since(moment: str) -> float:
    return round(max((clock.now() - datetime.fromisoformat(moment)).total_seconds(), 0.0), 1)
