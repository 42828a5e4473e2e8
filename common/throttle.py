"""Limits on how often somebody may do something, counted by the database in one statement.

DRF's throttles read, compare and write: racing requests all pass. Here each request adds one to its window's counter
and sees the result, whatever process it runs in. Counting happens before the unit of work, since a refused log-in must
count although its request rolls back. Windows are fixed, so up to twice the limit fits around a window's border.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from common import clock
from common.errors import LimitReached
from common.models import ThrottleCounter

PERIODS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_RATE = re.compile(rf"(?P<limit>[1-9]\d{{0,8}})/(?P<period>{'|'.join(PERIODS)})")


@dataclass(frozen=True)
class Rate:
    """So many requests in so many seconds."""

    limit: int
    seconds: int

    @classmethod
    def parse(cls, text: str) -> Rate | None:
        """Return what `10/minute` means; None for `off`, which sets no limit.

        Raises:
            ImproperlyConfigured: anything else.
        """
        if text == "off":
            return None
        match = _RATE.fullmatch(text)
        if match is None:
            raise ImproperlyConfigured(
                f"{text!r} is no rate such as 10/minute (periods: {', '.join(PERIODS)}), nor off"
            )
        return cls(int(match["limit"]), PERIODS[match["period"]])


def take(scope: str, *who: str) -> None:
    """Count one request of each of `who` (a user's id, an address) under a scope of `settings.THROTTLE_RATES`.

    Raises:
        LimitReached: one of them is over the limit; says when the window ends.
        KeyError: no such scope.
    """
    rate = Rate.parse(settings.THROTTLE_RATES[scope])
    if rate is None:
        return
    now = clock.now()
    window = int(now.timestamp()) // rate.seconds
    ends_at = datetime.fromtimestamp((window + 1) * rate.seconds, UTC)
    for name in who:
        if _count(f"{scope}:{_hidden(name)}:{window}", ends_at) > rate.limit:
            wait = max(1, round((ends_at - now).total_seconds()))
            raise LimitReached(f"Too many requests ({settings.THROTTLE_RATES[scope]}).", retry_after=wait)


def purge() -> int:
    """Delete counters of windows that are over; return how many."""
    deleted, _ = ThrottleCounter.objects.filter(expires_at__lt=clock.now()).delete()
    return deleted


def _hidden(name: str) -> str:
    """Return a stand-in for an e-mail or an address, so that the table names nobody."""
    return hashlib.blake2s(name.strip().lower().encode(), key=settings.SECRET_KEY.encode()[:32]).hexdigest()[:32]


def _count(key: str, ends_at: datetime) -> int:
    prepared = ThrottleCounter._meta.get_field("expires_at").get_db_prep_value(ends_at, connection)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO throttle_counters (key, count, expires_at) VALUES (%s, 1, %s) "
            "ON CONFLICT (key) DO UPDATE SET count = throttle_counters.count + 1 RETURNING count",
            [key, prepared],
        )
        row = cursor.fetchone()
    assert row is not None
    return int(row[0])
