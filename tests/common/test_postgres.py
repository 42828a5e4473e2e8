"""Roles, append-only tables and row-level security on a PostgreSQL database of their own."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import IntegrityError, ProgrammingError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler
from psycopg.conninfo import conninfo_to_dict

from common.db_operations import CURRENT_SERVICE, CURRENT_USER_ID, AppendOnly, RowLevelSecurity, guarded_tables
from common.ids import uuid7
from tests.support.databases import ADMIN_URL

NAME = f"mesocycle_scratch_{os.getpid()}"

pytestmark = pytest.mark.postgres

HERS, HIS = uuid7(), uuid7()


def set_up() -> dict[str, Any]:
    out = io.StringIO()
    call_command("setup_database", admin_url=ADMIN_URL, name=NAME, as_json=True, stdout=out)
    document: dict[str, Any] = json.loads(out.getvalue())
    return document


@pytest.fixture(scope="module")
def scratch() -> Iterator[None]:
    """A fresh database, dropped again however the set-up of its tables ends."""
    assert set_up()["database_created"]
    yield
    with psycopg.connect(ADMIN_URL, autocommit=True) as server:
        server.execute(f"DROP DATABASE {NAME} WITH (FORCE)")


@pytest.fixture(scope="module")
def owner(scratch: None, django_db_blocker: Any) -> Iterator[BaseDatabaseWrapper]:
    """Connect as app_owner to a database with two guarded tables."""
    address = conninfo_to_dict(ADMIN_URL)
    settings = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": NAME,
        "USER": address.get("user", ""),
        "PASSWORD": address.get("password", ""),
        "HOST": address.get("host", ""),
        "PORT": str(address.get("port", "")),
    }
    with django_db_blocker.unblock():
        connection = ConnectionHandler({"default": settings})["default"]
        try:
            _make_tables(connection)
            yield connection
        finally:
            connection.close()


def _make_tables(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE app_owner")
        cursor.execute("CREATE TABLE facts (id uuid PRIMARY KEY, name text)")
        cursor.execute("CREATE TABLE diaries (id uuid PRIMARY KEY, owner uuid)")
        cursor.execute("CREATE TABLE plain (id int)")
    with connection.schema_editor() as editor:
        AppendOnly("facts").database_forwards("common", editor, None, None)
        mine = f"owner = {CURRENT_USER_ID} OR {CURRENT_SERVICE} = 'export'"
        RowLevelSecurity("diaries", mine).database_forwards("common", editor, None, None)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO diaries VALUES (%s, %s), (%s, %s)", [uuid7(), HERS, uuid7(), HIS])
        cursor.execute("INSERT INTO facts VALUES (%s, 'first')", [uuid7()])


def run(connection: BaseDatabaseWrapper, role: str, statement: str, user_id: Any = "", service: str = "") -> Any:
    """Execute one statement as a role with a context; return its rows or its count of rows."""
    with connection.cursor() as cursor:
        try:
            cursor.execute(f"SET ROLE {role}")
            cursor.execute("SELECT set_config('app.user_id', %s, false)", [str(user_id)])
            cursor.execute("SELECT set_config('app.service', %s, false)", [service])
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else cursor.rowcount
        finally:
            cursor.execute("SET ROLE app_owner")


@pytest.mark.parametrize("statement", ["UPDATE facts SET name = 'x'", "DELETE FROM facts", "TRUNCATE facts"])
def test_even_the_owner_cannot_change_an_append_only_table(statement: str, owner: BaseDatabaseWrapper) -> None:
    with pytest.raises(IntegrityError, match="append-only"):
        run(owner, "app_owner", statement)
    with pytest.raises(ProgrammingError, match="permission denied"):
        run(owner, "app_rw", statement)
    assert run(owner, "app_rw", "SELECT name FROM facts") == [("first",)]


def test_switching_triggers_off_for_a_session_does_not_help(owner: BaseDatabaseWrapper) -> None:
    with owner.cursor() as cursor:
        cursor.execute("RESET ROLE")
        try:
            cursor.execute("SET session_replication_role = replica")
            with pytest.raises(IntegrityError, match="append-only"):
                cursor.execute("DELETE FROM facts")
        finally:
            cursor.execute("SET session_replication_role = DEFAULT")
            cursor.execute("SET ROLE app_owner")
    assert guarded_tables(owner) == {"facts"}


def test_the_app_inserts_and_auditors_and_readers_read(owner: BaseDatabaseWrapper) -> None:
    assert run(owner, "app_rw", f"INSERT INTO facts VALUES ('{uuid7()}', 'second')") == 1
    for role in ("app_audit", "app_ro"):
        assert run(owner, role, "SELECT count(*) FROM facts") == [(2,)]
        with pytest.raises(ProgrammingError):
            run(owner, role, f"INSERT INTO facts VALUES ('{uuid7()}', 'x')")
    with pytest.raises(ProgrammingError):
        run(owner, "app_audit", "SELECT count(*) FROM plain")
    with pytest.raises(ProgrammingError):
        run(owner, "app_rw", "CREATE TABLE mine (id int)")


def test_rows_are_scoped_by_the_context_and_without_one_there_are_none(owner: BaseDatabaseWrapper) -> None:
    count = "SELECT count(*) FROM diaries"
    assert run(owner, "app_rw", count) == [(0,)]
    assert run(owner, "app_ro", count) == [(0,)]
    assert run(owner, "app_rw", "SELECT owner FROM diaries", HERS) == [(HERS,)]
    assert run(owner, "app_rw", count, service="export") == [(2,)]
    assert run(owner, "app_rw", f"UPDATE diaries SET id = id WHERE owner = '{HIS}'", HERS) == 0
    with pytest.raises(ProgrammingError, match="row-level security"):
        run(owner, "app_rw", f"INSERT INTO diaries VALUES ('{uuid7()}', '{HIS}')", HERS)
    assert run(owner, "app_owner", count) == [(2,)]


def test_queries_are_run_and_not_compiled(scratch: None) -> None:
    with psycopg.connect(ADMIN_URL, dbname=NAME) as database:
        assert database.execute("SHOW jit").fetchone() == ("off",)


def test_setting_up_again_changes_nothing_and_keeps_the_guard(owner: BaseDatabaseWrapper) -> None:
    again = set_up()
    assert (again["database_created"], again["roles_created"]) == (False, [])
    with pytest.raises(ProgrammingError, match="permission denied"):
        run(owner, "app_rw", "DELETE FROM facts")
    assert run(owner, "app_rw", "INSERT INTO plain VALUES (1)") == 1
