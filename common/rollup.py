"""Request roll-ups: counted in memory, written once a minute or every 200 requests, never at a request's expense."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from datetime import datetime

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse

from common import clock
from common.latency import BUCKETS_MS, bucket

__all__ = ["BUCKETS_MS", "bucket", "count", "flush"]

logger = logging.getLogger("mesocycle.rollup")

FLUSH_AFTER_REQUESTS = 200
ROUTE_LENGTH = 200

_Key = tuple[datetime, str, str, str]

_lock = threading.Lock()
_counts: dict[_Key, Counter[str]] = {}
_milliseconds: dict[_Key, float] = {}
_pending = 0


def count(request: HttpRequest, response: HttpResponse, *, seconds: float) -> None:
    """Count one request by its route, never by its address (which may name a person)."""
    global _pending
    if not getattr(settings, "REQUEST_ROLLUP", True):
        return
    minute = clock.now().replace(second=0, microsecond=0)
    key = (minute, route_of(request), (request.method or "")[:10], f"{response.status_code // 100}xx")
    with _lock:
        due = _pending + 1 >= FLUSH_AFTER_REQUESTS or any(known[0] != minute for known in _counts)
        _counts.setdefault(key, Counter())[bucket(seconds)] += 1
        _milliseconds[key] = _milliseconds.get(key, 0.0) + seconds * 1000
        _pending += 1
    if due:
        flush()


def route_of(request: HttpRequest) -> str:
    """Return the pattern that the request's address matched."""
    match = getattr(request, "resolver_match", None)
    return str(match.route)[:ROUTE_LENGTH] if match else "(none)"


def _in_transaction() -> bool:
    return connection.in_atomic_block


def flush() -> int:
    """Write what was counted and return the number of rows; failing, say so in the log and drop it.

    A process that answered requests looks at itself on this occasion (`common.sampling`). Inside an open transaction
    nothing is written: the numbers would hang on somebody else's commit.
    """
    global _counts, _pending, _milliseconds
    from common.models import ProcessRole, RequestRollup
    from common.sampling import SAMPLER

    if _in_transaction():
        return 0
    with _lock:
        counted, _counts, _pending = _counts, {}, 0
        took, _milliseconds = _milliseconds, {}
    rows = [
        RequestRollup(
            minute=key[0],
            route=key[1],
            method=key[2],
            status_class=key[3],
            count=latency.total(),
            total_ms=round(took.get(key, 0.0), 3),
            latency=dict(latency),
        )
        for key, latency in counted.items()
    ]
    try:
        RequestRollup.objects.bulk_create(rows)
    except Exception:
        logger.warning("request roll-up of %d rows was lost", len(rows), exc_info=True)
        return 0
    if rows:
        SAMPLER.look(ProcessRole.WEB)
    return len(rows)
