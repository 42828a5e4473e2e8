"""`migrate` waits for no lock for long, lets pass who waits behind it, and tries again; indexes are made online."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.db.migrations.state import ModelState, ProjectState

from common.management.commands import migrate
from common.models import Lease
from common.online_index import AddIndexOnline
from tests.support.databases import Databases

TABLE = "accounts_athlete"
LOCK_SECONDS = 0.3


@pytest.fixture
def as_owner(databases: Databases, committed_database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Be the owner of a database of this test's own, before its last migration of comments; yields its address."""
    name = connection.settings_dict["NAME"]
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "USER", "app_owner")
    monkeypatch.setattr(migrate, "PAUSE_SECONDS", 0.05)
    yield databases.url(name, user="app_owner")
    connection.close()


def told(*arguments: str, **options: Any) -> dict[str, Any]:
    out = io.StringIO()
    call_command("migrate", *arguments, as_json=True, stdout=out, stderr=io.StringIO(), **options)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


@contextmanager
def read_by_somebody(address: str) -> Iterator[psycopg.Connection[Any]]:
    """A transaction that has written the table which a foreign key of the migration needs, and stays open."""
    with psycopg.connect(address) as somebody:
        somebody.execute(f"LOCK TABLE {TABLE} IN ROW EXCLUSIVE MODE")
        yield somebody
        somebody.rollback()


@contextmanager
def writers(address: str) -> Iterator[list[float]]:
    """Somebody who writes the table all the time; what is yielded is how long each write took."""
    took: list[float] = []
    ends = threading.Event()

    def write() -> None:
        with psycopg.connect(address, autocommit=True) as writer:
            while not ends.wait(0.01):
                begun = time.monotonic()
                writer.execute(f"UPDATE {TABLE} SET name = name WHERE false")
                took.append(time.monotonic() - begun)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield took
    finally:
        ends.set()
        thread.join()


@pytest.mark.postgres
def test_a_lock_that_is_held_is_given_up_and_tried_again(as_owner: str, monkeypatch: pytest.MonkeyPatch):
    assert told("plans", "0005")["tries"] == 1
    with read_by_somebody(as_owner) as somebody:
        with writers(as_owner) as took, pytest.raises(CommandError) as refused:
            call_command(
                "migrate", "plans", "0006", lock_timeout=LOCK_SECONDS, tries=2, stderr=io.StringIO(), verbosity=0
            )
        assert refused.value.returncode == 4
        assert "plans.0006_comment_tags got no lock in 2 tries" in str(refused.value)
        assert LOCK_SECONDS * 0.8 < max(took) < LOCK_SECONDS + 2, "waited behind the migration, and no longer than it"

        monkeypatch.setattr(migrate.Command, "note", lambda self, text: somebody.rollback())
        assert told("plans", "0006", lock_timeout=LOCK_SECONDS, tries=3)["tries"] == 2
    assert "plan_comment_tags" in connection.introspection.table_names()
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",)


class Watched(migrate.Command):
    """Notes what is set on the connection."""

    def _on_postgres(self, statement: str, *values: str) -> None:
        self.given = values


@pytest.mark.pure
@pytest.mark.parametrize(("atomic", "timeout"), [(True, "2000ms"), (False, "0ms")])
def test_what_is_made_concurrently_may_wait(atomic, timeout):
    command = Watched()
    command.verbosity, command._lock_timeout = 0, 2.0
    command.migration_progress_callback("apply_start", type("Migration", (), {"atomic": atomic})())
    assert command.given[1] == timeout


@pytest.mark.django_db
def test_where_all_is_applied_there_is_nothing_to_do():
    found = told()
    assert found["tries"] == 1
    assert "No migrations to apply" in found["said"]


def online() -> tuple[AddIndexOnline, ProjectState, ProjectState]:
    """The operation, and the states before and after it."""
    before = ProjectState()
    before.add_model(ModelState.from_model(Lease))
    operation = AddIndexOnline("lease", models.Index(fields=["holder"], name="lease_holder"))
    after = before.clone()
    operation.state_forwards("common", after)
    return operation, before, after


def run_online(operation: AddIndexOnline, before: ProjectState, after: ProjectState, *, back: bool = False) -> set[str]:
    """Run it without a transaction; return the names of the table's indexes."""
    with connection.schema_editor(atomic=False) as editor:
        if back:
            operation.database_backwards("common", editor, after, before)
        else:
            operation.database_forwards("common", editor, before, after)
    with connection.cursor() as cursor:
        return set(connection.introspection.get_constraints(cursor, Lease._meta.db_table))


def test_an_index_is_made_online_on_either_database(databases: Databases, committed_database: str, request):
    if connection.vendor == "postgresql":
        request.getfixturevalue("as_owner")
    trial = online()
    assert "lease_holder" in run_online(*trial)
    assert "lease_holder" not in run_online(*trial, back=True)


@pytest.mark.postgres
def test_an_index_that_was_cut_off_is_made_again(as_owner: str):
    trial = online()
    Lease.objects.bulk_create(
        [Lease(name=str(number), holder="same", expires_at="2026-01-01T00:00Z") for number in (1, 2)]
    )
    with psycopg.connect(as_owner, autocommit=True) as server:
        with pytest.raises(psycopg.errors.UniqueViolation):
            server.execute("CREATE UNIQUE INDEX CONCURRENTLY lease_holder ON leases (holder)")
        assert "lease_holder" in run_online(*trial)
        assert server.execute(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = 'lease_holder'::regclass"
        ).fetchone() == (True,)
    assert "lease_holder" in run_online(*trial), "made already: nothing to do"
