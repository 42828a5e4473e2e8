"""Months are made before they begin: beat asks every day, and whoever turned a table."""

from __future__ import annotations

import logging

from django.db import DatabaseError, connection

from common import clock
from common.context import register_service, unit_of_work
from common.partitioning.months import later, month_of
from common.partitioning.tables import AHEAD, partitioned, strays

logger = logging.getLogger("mesocycle.partitions")

PARTITIONER = register_service("partitioner")


def make_ahead() -> dict[str, int]:
    """Make what is missing of this month and the `AHEAD` next, and of months that rows of the rest belong to.

    Each month is a transaction of its own, which waits two seconds for its locks: what could not be had then is tried
    at the next turn, and alert rules watch how many months are left. Returns how many were made, by table; nothing
    where no table is partitioned.
    """
    return {table: make_months(table) for table in partitioned()}


def make_months(table: str) -> int:
    """Make what is missing of one table; return how many partitions that were."""
    this, made = month_of(clock.now()), 0
    with unit_of_work(PARTITIONER, read_only=True):
        lost = [month for month in strays(table) if month <= later(this, AHEAD)]
    for month in dict.fromkeys([*(later(this, number) for number in range(AHEAD + 1)), *lost]):
        try:
            with unit_of_work(PARTITIONER), connection.cursor() as cursor:
                cursor.execute("SELECT partition_make(%s, %s)", [table, month])
                made += bool(cursor.fetchone()[0])
        except DatabaseError:
            logger.exception("a month could not be made", extra={"table": table, "month": f"{month:%Y-%m}"})
    return made
