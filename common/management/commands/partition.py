"""Partition tables by month, or turn them back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser
from django.db import connection

from common import clock
from common.errors import InvalidInput
from common.management.base import MesocycleCommand
from common.partitioning.ahead import make_ahead
from common.partitioning.months import boundary
from common.partitioning.shape import unlike
from common.partitioning.tables import (
    PARTITIONABLE,
    is_partitioned,
    months_ahead,
    partitions,
    strays,
)
from common.partitioning.turning import MOST_ROWS, Patience, to_copy, turn, turn_back


class Command(MesocycleCommand):
    """Show, turn, turn back."""

    help = (
        "PostgreSQL: partition a table by month of its UUIDv7 key, so that retention drops months instead of rows. "
        "Without TABLE it shows how each table stands. Connect as app_owner to change something; the application goes "
        "on meanwhile, and waits for a moment when names are swapped."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the table and what to do with it."""
        super().add_arguments(parser)
        parser.add_argument("table", nargs="?", metavar="TABLE", help="audit_events or telemetry_outbox")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--plan", action="store_true", help="only say what would be done")
        what.add_argument("--back", action="store_true", help="make one plain table of it again")
        what.add_argument("--ahead", action="store_true", help="only make coming months, as beat does every night")
        parser.add_argument(
            "--most-rows",
            type=int,
            default=MOST_ROWS,
            help="rows that --back may copy while nobody can use the table (default: %(default)s)",
        )
        parser.add_argument(
            "--lock-timeout", type=int, default=2_000, metavar="MS", help="of one try (default: %(default)s)"
        )

    def run(self, **options: Any) -> int | None:
        """Do it, and show how the tables stand."""
        table = options["table"]
        if connection.vendor != "postgresql":
            raise InvalidInput("partitions are an option of PostgreSQL", pointer="/table")
        if table is not None and table not in PARTITIONABLE:
            raise InvalidInput(f"one of {', '.join(PARTITIONABLE)}", pointer="/table")
        if table is None and (options["plan"] or options["back"]):
            raise InvalidInput("say which table", pointer="/table")
        patience = Patience(lock_ms=options["lock_timeout"])
        if options["plan"]:
            self._show([{"table": table, **_plan(table)}], [])
            return None
        if options["ahead"]:
            make_ahead()
        elif options["back"]:
            self.note(f"{turn_back(table, most_rows=options['most_rows'], patience=patience):,} rows were copied")
        elif table:
            turn(table, patience)
        tables = [table] if table else list(PARTITIONABLE)
        parts = [{"table": one, **_told(part)} for one in tables if is_partitioned(one) for part in partitions(one)]
        self._show([_standing(one) for one in tables], parts)
        return None

    def _show(self, tables: list[dict[str, Any]], parts: list[dict[str, Any]]) -> None:
        if self.as_json:
            self.emit({"tables": tables, "partitions": parts})
            return
        self.table(tables)
        if parts:
            self.table(parts)


def _standing(table: str) -> dict[str, Any]:
    if not is_partitioned(table):
        return {"table": table, "partitioned": "no", "months ahead": None, "rows of no month": None}
    lost = sum(strays(table).values())
    return {
        "table": table,
        "partitioned": "yes",
        "months ahead": months_ahead(table, clock.now()),
        "rows of no month": lost,
    }


def _plan(table: str) -> dict[str, Any]:
    if is_partitioned(table):
        return {"now": "partitioned", "a run makes": "what is missing", "--back copies about": to_copy(table)}
    why = unlike(table)
    return {
        "now": "plain",
        "a run makes": f"cannot: {'; '.join(why)}"
        if why
        else f"one of all before {boundary(clock.now())}, then months",
        "--back copies about": None,
    }


def _told(part: Any) -> dict[str, Any]:
    known = asdict(part)
    return {
        "partition": part.name,
        "until": f"{part.ends:%Y-%m-%d}" if part.ends else "the rest",
        "rows, estimated": known["estimate"],
        "MiB": round(known["bytes"] / 2**20, 1),
    }
