"""Request roll-ups: counted in memory, written once a minute or every 200 requests, never at a request's expense."""

from __future__ import annotations

import bisect
import logging
import threading
from collections import Counter
from datetime import datetime

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse

from common import clock

logger = logging.getLogger("mesocycle.rollup")

BUCKETS_MS = (5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
FLUSH_AFTER_REQUESTS = 200
ROUTE_LENGTH = 200

_Key = tuple[datetime, str, str, str]

_lock = threading.Lock()
_counts: dict[_Key, Counter[str]] = {}
_pending = 0


def bucket(seconds: float) -> str:
    """Return the upper edge in ms of the bucket that a latency falls into, `inf` above the last."""
    index = bisect.bisect_left(BUCKETS_MS, seconds * 1000)
    return str(BUCKETS_MS[index]) if index < len(BUCKETS_MS) else "inf"


def count(request: HttpRequest, response: HttpResponse, *, seconds: float) -> None:
    """Count one request by its route, never by its address (which may name a person)."""
    global _pending
    if not getattr(settings, "REQUEST_ROLLUP", True):
        return
    match = getattr(request, "resolver_match", None)
    route = str(match.route)[:ROUTE_LENGTH] if match else "(none)"
    minute = clock.now().replace(second=0, microsecond=0)
    key = (minute, route, (request.method or "")[:10], f"{response.status_code // 100}xx")
    with _lock:
        due = _pending + 1 >= FLUSH_AFTER_REQUESTS or any(known[0] != minute for known in _counts)
        _counts.setdefault(key, Counter())[bucket(seconds)] += 1
        _pending += 1
    if due:
        flush()


def _in_transaction() -> bool:
    return connection.in_atomic_block


def flush() -> int:
    """Write what was counted and return the number of rows; failing, say so in the log and drop it.

    Inside an open transaction nothing is written: the numbers would hang on somebody else's commit.
    """
    global _counts, _pending
    from common.models import RequestRollup

    if _in_transaction():
        return 0
    with _lock:
        counted, _counts, _pending = _counts, {}, 0
    rows = [
        RequestRollup(
            minute=minute, route=route, method=method, status_class=status, count=latency.total(), latency=dict(latency)
        )
        for (minute, route, method, status), latency in counted.items()
    ]
    try:
        RequestRollup.objects.bulk_create(rows)
    except Exception:
        logger.warning("request roll-up of %d rows was lost", len(rows), exc_info=True)
        return 0
    return len(rows)
