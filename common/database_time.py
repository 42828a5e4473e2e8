"""The database's clock: what several processes must agree on is not decided by the clock of one of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, models

from common import clock


class DatabaseClock(models.Func):
    """The moment as a column, for a statement that reads other things too; to be read by `as_database_now`."""

    template = "NULL"
    output_field = models.DateTimeField()

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, tuple[()]]:
        """Return the SQL of the moment at which a row is read, not of the transaction's beginning."""
        return "clock_timestamp()", ()


def database_now() -> datetime:
    """Return the database's present moment in UTC; the virtual one where time stands still, our own on SQLite."""
    if clock.stands_still() or connection.vendor != "postgresql":
        return clock.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return as_database_now(cursor.fetchone()[0])


def database_moment(after: timedelta = timedelta(0)) -> Any:
    """Return the database's present moment, and `after` from then, for a column or a condition of a statement.

    An expression on PostgreSQL, the same for a whole statement, so that an index can be asked; a datetime where time
    stands still (the virtual one) and on SQLite (our own clock's).
    """
    if clock.stands_still() or connection.vendor != "postgresql":
        return clock.now() + after
    moment = models.Func(template="statement_timestamp()", output_field=models.DateTimeField())
    return models.ExpressionWrapper(moment + after, output_field=models.DateTimeField())


def as_database_now(found: datetime | None) -> datetime:
    """Return what `database_now` would have, from a column that `DatabaseClock` made a moment ago."""
    return clock.now() if found is None or clock.stands_still() else found.astimezone(UTC)
