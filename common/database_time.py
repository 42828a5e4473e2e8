"""The database's clock: what several processes must agree on is not decided by the clock of one of them."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import connection

from common import clock


def database_now() -> datetime:
    """Return the database's present moment in UTC; the virtual one where time stands still, our own on SQLite."""
    if clock.stands_still() or connection.vendor != "postgresql":
        return clock.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        found: datetime = cursor.fetchone()[0]
    return found.astimezone(UTC)
