"""Which tables may be partitioned by month, and how a table stands in this database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection

from common.partitioning.months import bound, later, moment_of, month_of
from common.registries import Registry

FIRST, REST = "_first", "_rest"
"""Ends of names: of the partition with everything from before, and of the one for rows of no month."""
AHEAD: Final = 3
"""Months that are made before they begin."""


@dataclass(frozen=True)
class Partitionable:
    """A table of which rows are read and removed by time: `why` it may be partitioned, in a sentence."""

    table: str
    why: str


PARTITIONABLE: Registry[Partitionable] = Registry("tables to partition", required=("audit_events", "telemetry_outbox"))


@dataclass(frozen=True)
class Partition:
    """One partition: keys of [low, high), None at an open end; bytes with its indexes; rows as last estimated."""

    name: str
    low: UUID | None
    high: UUID | None
    is_rest: bool
    bytes: int
    estimate: int

    @property
    def ends(self) -> datetime | None:
        """Return the moment from which on nothing belongs here; None for the rest."""
        return moment_of(self.high) if self.high else None


def may_partition(table: str, why: str) -> None:
    """Register a table, from `AppConfig.ready`."""
    PARTITIONABLE.register(table, Partitionable(table, why))


def is_partitioned(table: str) -> bool:
    """Return whether the table is partitioned in this database."""
    if connection.vendor != "postgresql":
        return False
    return bool(_rows("SELECT 1 FROM pg_class WHERE oid = to_regclass(%s) AND relkind = 'p'", [table]))


def partitioned() -> list[str]:
    """Return the tables that are partitioned in this database."""
    if connection.vendor != "postgresql":
        return []
    query = "SELECT relname FROM pg_class WHERE relkind = 'p' AND relname = ANY(%s) ORDER BY 1"
    return [name for (name,) in _rows(query, [list(PARTITIONABLE)])]


def partitions(table: str) -> list[Partition]:
    """Return a partitioned table's partitions, the oldest first and the rest last."""
    return [Partition(*row) for row in _rows("SELECT * FROM partition_list(%s)", [table])]


def strays(table: str) -> dict[date, int]:
    """Return how many rows lie in the rest, by the month they belong to."""
    return dict(_rows("SELECT month, n FROM partition_rest(%s)", [table]))


def months_ahead(table: str, now: datetime) -> int:
    """Return how many months after this one are there without a gap; -1 where this one is not."""
    spans = [(one.low, one.high) for one in partitions(table) if not one.is_rest]
    month, found = month_of(now), -1
    while any((low is None or low <= bound(month)) and high and bound(month) < high for low, high in spans):
        found, month = found + 1, later(month, 1)
    return found


def _rows(query: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return list(cursor.fetchall())
