"""Retention by the month: a partition of which every row is over is dropped, not emptied row by row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.db import OperationalError, connection
from django.db.models import Q, QuerySet

from common import clock
from common.partitioning.months import bound, month_of
from common.partitioning.tables import Partition, is_partitioned, partitions

_TOMORROW: Final = ("55P03", "40P01", "40001")
"""No lock in time, deadlock, and a row that came between counting and dropping."""


def within(partition: Partition, key: str = "pk") -> Q:
    """Return the condition that a row's key lies in a partition."""
    asked = Q(**{f"{key}__lt": partition.high})
    return asked & Q(**{f"{key}__gte": partition.low}) if partition.low else asked


def closed(table: str) -> list[Partition]:
    """Return the partitions of months that have ended, the oldest first; none where the table is not partitioned."""
    if not is_partitioned(table):
        return []
    this = bound(month_of(clock.now()))
    return [one for one in partitions(table) if not one.is_rest and one.high is not None and one.high <= this]


def drop_if_over(table: str, partition: Partition, rows: QuerySet[Any], over: QuerySet[Any]) -> int | None:
    """Drop a partition if every row of it is over, inside the caller's transaction; return how many rows it had.

    None where a row has to stay, or where the locks could not be had within two seconds (tomorrow they are asked for
    again). The database counts once more, with the partition locked: a row that came meanwhile keeps it.
    """
    mine = within(partition)
    count = rows.filter(mine).count()
    if over.filter(mine).count() != count:
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT partition_drop(%s, %s, %s)", [table, partition.name, count])
    return count


def quietly(drop: Callable[[], int | None]) -> int | None:
    """Return what `drop` does, None where somebody else was at work on the partition."""
    try:
        return drop()
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") not in _TOMORROW:
            raise
        return None
