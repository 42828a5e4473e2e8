"""Append-only tables on SQLite, on a scratch database of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import IntegrityError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler

from common.db_operations import AppendOnly, RowLevelSecurity, guarded_tables

pytestmark = pytest.mark.pure

TABLE = "CREATE TABLE facts (id char(32) PRIMARY KEY, name text, code text UNIQUE, a int, b int, UNIQUE (a, b))"
ROW = ("1", "first", "c1", 1, 1)


@pytest.fixture
def scratch(django_db_blocker: Any) -> Iterator[BaseDatabaseWrapper]:
    handler = ConnectionHandler({"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}})
    with django_db_blocker.unblock():
        connection = handler["default"]
        with connection.cursor() as cursor:
            cursor.execute(TABLE)
            cursor.execute("INSERT INTO facts VALUES (%s, %s, %s, %s, %s)", ROW)
        with connection.schema_editor() as editor:
            AppendOnly("facts").database_forwards("common", editor, None, None)
            RowLevelSecurity("facts", "false").database_forwards("common", editor, None, None)
        yield connection
        connection.close()


def rows(connection: BaseDatabaseWrapper) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM facts ORDER BY id")
        return [tuple(row) for row in cursor.fetchall()]


def test_new_rows_are_welcome(scratch: BaseDatabaseWrapper) -> None:
    with scratch.cursor() as cursor:
        cursor.execute("INSERT INTO facts VALUES ('2', 'second', NULL, NULL, NULL)")
        cursor.execute("INSERT INTO facts VALUES ('3', 'third', NULL, 1, NULL)")
    assert len(rows(scratch)) == 3


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE facts SET name = 'changed'",
        "UPDATE OR REPLACE facts SET name = 'changed'",
        "DELETE FROM facts",
        "INSERT OR REPLACE INTO facts VALUES ('1', 'changed', 'c9', 9, 9)",
        "REPLACE INTO facts VALUES ('2', 'changed', 'c1', 9, 9)",
        "REPLACE INTO facts VALUES ('2', 'changed', 'c9', 1, 1)",
        "REPLACE INTO facts (rowid, id, name) VALUES (1, '2', 'changed')",
        "INSERT INTO facts VALUES ('1', 'x', 'c9', 9, 9) ON CONFLICT (id) DO UPDATE SET name = 'changed'",
    ],
)
def test_nothing_that_is_there_changes(statement: str, scratch: BaseDatabaseWrapper) -> None:
    with pytest.raises(IntegrityError, match="append-only"), scratch.cursor() as cursor:
        cursor.execute(statement)
    assert rows(scratch) == [ROW]


def test_the_guard_is_listed_and_can_be_taken_back_by_a_migration(scratch: BaseDatabaseWrapper) -> None:
    assert guarded_tables(scratch) == {"facts"}
    with scratch.schema_editor() as editor:
        AppendOnly("facts").database_backwards("common", editor, None, None)
    assert guarded_tables(scratch) == frozenset()
    with scratch.cursor() as cursor:
        cursor.execute("DELETE FROM facts")
    assert rows(scratch) == []
