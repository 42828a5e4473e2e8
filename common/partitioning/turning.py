"""Turning a table into one that is partitioned by month, and back, while it is written to.

There: the old table becomes the first partition, with everything before a coming month; nothing is copied. A CHECK
constraint proves what it holds beforehand (NOT VALID, then validated, beside all work), so that the swap of names takes
locks for an instant only. Back: the partition with the most becomes the table, and the rows of the others are copied
into it under the lock. A lock that cannot be had in time is given up and asked for again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.db import OperationalError, connection, transaction

from common import clock
from common.db_operations import APP_ROLE, AppendOnly
from common.errors import InvalidInput, WrongState
from common.partitioning.ahead import make_months
from common.partitioning.functions import making, removing
from common.partitioning.months import bound, boundary
from common.partitioning.shape import Shape, quote, securing, shape_of, unlike
from common.partitioning.tables import FIRST, PARTITIONABLE, REST, is_partitioned, partitioned, partitions
from common.retention import runs_as_owner

MOST_ROWS: Final = 1_000_000
"""Rows that are copied under the lock on the way back, unless more are allowed."""
_NAME: Final = 63


@dataclass(frozen=True)
class Patience:
    """How long one try waits for its locks, and how many tries there are, a second apart."""

    lock_ms: int = 2_000
    tries: int = 30


def turn(table: str, patience: Patience = Patience()) -> int:
    """Partition a table by month and return how many partitions it has; of one that is, make what is missing.

    Raises:
        InvalidInput: not PostgreSQL, or no table that may be partitioned.
        WrongState: not connected as its owner, it has what would be lost, or the locks could not be had in time.
    """
    _check(table)
    if not is_partitioned(table):
        if blockers := unlike(table):
            raise WrongState(f"{table} cannot be partitioned: {'; '.join(blockers)}")
        month, shape = boundary(clock.now()), shape_of(table)
        prove = f"{table}_before"[:_NAME]
        _prove(table, prove, shape.key, month, patience)
        try:
            _patiently(lambda: _swap(table, prove, month), patience)
        except BaseException:
            # Left behind, it would refuse every row of the coming month.
            _patiently(lambda: _run([f"ALTER TABLE {quote(table)} DROP CONSTRAINT IF EXISTS {quote(prove)}"]), patience)
            raise
    make_months(table)
    return len(partitions(table))


def turn_back(table: str, *, most_rows: int = MOST_ROWS, patience: Patience = Patience()) -> int:
    """Make one plain table of a partitioned one; return how many rows were copied for that.

    Raises:
        InvalidInput: not PostgreSQL, or no table that may be partitioned.
        WrongState: not connected as its owner, not partitioned, more rows to copy than `most_rows`, no locks in time.
    """
    _check(table)
    if not is_partitioned(table):
        raise WrongState(f"{table} is not partitioned")
    found: list[int] = []
    _patiently(lambda: found.append(_merge(table, most_rows)), patience)
    if not partitioned():
        _run(removing())
    return found[-1]


def to_copy(table: str) -> int:
    """Return about how many rows the way back copies."""
    _, *others = sorted(partitions(table), key=lambda one: (-one.bytes, one.name))
    return sum(one.estimate for one in others)


def _check(table: str) -> None:
    if connection.vendor != "postgresql":
        raise InvalidInput("partitions are an option of PostgreSQL", pointer="/table")
    if table not in PARTITIONABLE:
        raise InvalidInput(f"one of {', '.join(PARTITIONABLE)}", pointer="/table")
    if not runs_as_owner(table):
        raise WrongState("needs the command as app_owner: DATABASE_URL connects as somebody else")


def _prove(table: str, name: str, key: str, month: date, patience: Patience) -> None:
    """Let the database itself hold that everything so far lies before the month; an earlier try's is replaced."""
    quoted, constraint = quote(table), quote(name)
    _patiently(
        lambda: _run(
            [
                f"ALTER TABLE {quoted} DROP CONSTRAINT IF EXISTS {constraint}",
                f"ALTER TABLE {quoted} ADD CONSTRAINT {constraint} CHECK ({quote(key)} < '{bound(month)}') NOT VALID",
            ]
        ),
        patience,
    )
    try:
        _run([f"ALTER TABLE {quoted} VALIDATE CONSTRAINT {constraint}"])
    except BaseException as error:
        _patiently(lambda: _run([f"ALTER TABLE {quoted} DROP CONSTRAINT {constraint}"]), patience)
        if getattr(error.__cause__, "sqlstate", "") == "23514":
            raise WrongState(
                f"{table} has keys from after {month}: their clocks were ahead, or they are no UUIDv7"
            ) from error
        raise


def _swap(table: str, prove: str, month: date) -> None:
    """Put a partitioned table in the place of the plain one, inside the caller's transaction."""
    first, quoted = f"{table}{FIRST}", quote(table)
    _run([f"LOCK TABLE {quoted} IN ACCESS EXCLUSIVE MODE"])
    shape = shape_of(table)
    _run([*making(APP_ROLE), *_unguard(shape, table), f"ALTER TABLE {quoted} RENAME TO {quote(first)}"])
    _run([f"ALTER INDEX {quote(one.name)} RENAME TO {quote(_named(one.name, FIRST))}" for one in shape.indexes])
    like = "INCLUDING DEFAULTS INCLUDING STORAGE INCLUDING COMPRESSION INCLUDING COMMENTS INCLUDING GENERATED"
    _run([f"CREATE TABLE {quoted} (LIKE {quote(first)} {like}) PARTITION BY RANGE ({quote(shape.key)})"])
    _run(_keys(shape, table, prove))
    _run(securing(shape, table))
    attach = f"ALTER TABLE {quoted} ATTACH PARTITION {quote(first)} FOR VALUES FROM (MINVALUE) TO ('{bound(month)}')"
    _run([attach, f"ALTER TABLE {quote(first)} DROP CONSTRAINT {quote(prove)}"])
    like = "INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE INCLUDING COMPRESSION"
    rest = quote(f"{table}{REST}")
    _run([f"CREATE TABLE {rest} (LIKE {quoted} {like})", f"ALTER TABLE {quoted} ATTACH PARTITION {rest} DEFAULT"])
    if shape.is_guarded:
        _guard(table, [first, f"{table}{REST}"])
    for name in (first, f"{table}{REST}"):
        _run([f"DROP POLICY IF EXISTS {quote(policy)} ON {quote(name)}" for policy in _policies_of(name)])
        with connection.cursor() as cursor:
            cursor.execute("SELECT partition_protect(%s, %s)", [table, name])
    _run(securing(shape, table))  # the guard granted what it always does: exactly what was there counts


def _merge(table: str, most_rows: int) -> int:
    """Put a plain table in the place of the partitioned one, inside the caller's transaction; return rows copied."""
    quoted = quote(table)
    _run([f"LOCK TABLE {quoted} IN ACCESS EXCLUSIVE MODE"])
    largest, *others = sorted(partitions(table), key=lambda one: (-one.bytes, one.name))
    shape, names = shape_of(table), dict(_index_names(table, largest.name))
    rows = sum(_count(one.name) for one in others)
    if rows > most_rows:
        raise WrongState(f"{rows:,} rows would be copied while nobody can use {table}: allow more with --most-rows")
    plain = quote(largest.name)
    _run([*_unguard(shape, table), f"ALTER TABLE {quoted} DETACH PARTITION {plain}"])
    _run([f"DROP TRIGGER IF EXISTS {quote(f'append_only_truncate_{largest.name}')} ON {plain}"])
    _run(["SET CONSTRAINTS ALL IMMEDIATE"])  # else the copies' foreign keys wait, and nothing can be renamed
    _run([f"INSERT INTO {plain} SELECT * FROM {quoted}", f"DROP TABLE {quoted}"])
    _run([f"ALTER TABLE {plain} RENAME TO {quoted}"])
    _run([f"ALTER INDEX {quote(child)} RENAME TO {quote(parent)}" for child, parent in names.items()])
    if shape.is_guarded:
        _guard(table, [])
    _run(securing(shape, table))
    return rows


def _keys(shape: Shape, table: str, prove: str) -> list[str]:
    """Return the statements that give a new table the constraints and indexes, under their names."""
    quoted = quote(table)
    statements = [
        f"ALTER TABLE {quoted} ADD CONSTRAINT {quote(name)} {definition}"
        for name, kind, definition in shape.constraints
        if name != prove
    ]
    return statements + [one.definition for one in shape.indexes if not one.constraint]


def _guard(table: str, parts: list[str]) -> None:
    with connection.schema_editor(atomic=False) as editor:
        AppendOnly(table).database_forwards("common", editor, None, None)
    # Triggers of partitions are copies of the table's, but not whether they fire always.
    row = quote(f"append_only_row_{table}")
    _run([f"ALTER TABLE {quote(part)} ENABLE ALWAYS TRIGGER {row}" for part in parts])


def _unguard(shape: Shape, table: str) -> list[str]:
    names = [f"append_only_{event}_{table}" for event in ("row", "truncate")] if shape.is_guarded else []
    return [f"DROP TRIGGER {quote(name)} ON {quote(table)}" for name in names]


def _policies_of(table: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT polname FROM pg_policy WHERE polrelid = %s::regclass", [table])
        return [name for (name,) in cursor.fetchall()]


def _index_names(table: str, partition: str) -> list[tuple[str, str]]:
    query = (
        "SELECT c.relname, p.relname FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid "
        "JOIN pg_class p ON p.oid = h.inhparent JOIN pg_index x ON x.indexrelid = p.oid "
        "JOIN pg_index y ON y.indexrelid = c.oid WHERE x.indrelid = %s::regclass AND y.indrelid = %s::regclass"
    )
    with connection.cursor() as cursor:
        cursor.execute(query, [table, partition])
        return list(cursor.fetchall())


def _named(name: str, end: str) -> str:
    return f"{name[: _NAME - len(end)]}{end}"


def _count(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {quote(table)}")  # nosec B608  # quoted
        return int(cursor.fetchone()[0])


def _run(statements: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _patiently(work: Callable[[], Any], patience: Patience) -> None:
    """Do it in one transaction that gives up its locks, and those it waits for, before others wait long for them.

    Raises:
        WrongState: every try waited in vain.
    """
    for left in range(patience.tries, 0, -1):
        try:
            with transaction.atomic(), _lock_timeout(patience.lock_ms):
                work()
            return
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", "") not in ("55P03", "40P01"):  # lock_not_available, deadlock
                raise
            if left == 1:
                raise WrongState("others held the table all the time: nothing was changed, try again later") from error
        time.sleep(1)


@contextmanager
def _lock_timeout(milliseconds: int) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{milliseconds}ms"])
    yield
