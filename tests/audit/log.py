"""What the tests of the sealed log share: events that really commit, and sealing that waits for strangers.

On PostgreSQL events are sealed below the oldest running transaction *of the server*: another test process may hold one
open for a while, so that `sealed()` waits for its end.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
from django.db import connection
from django.db.models import Exists, OuterRef

from audit.events import ACTIONS, register
from audit.models import AuditEvent, AuditLeaf, AuditSeal
from audit.services import record
from audit.services.seal import BATCH, seal
from common.context import service, unit_of_work
from common.ids import uuid7
from tests.support.databases import ADMIN_URL

PATIENCE = 60.0


@contextmanager
def actions(monkeypatch: Any) -> Iterator[None]:
    monkeypatch.setattr(ACTIONS, "_entries", dict(ACTIONS.items()))
    register("test.edit", target_type="thing", metadata=frozenset({"n", "reason"}))
    yield


def write(count: int = 1, **fields: Any) -> list[UUID]:
    """Write events, each in a transaction of its own; return their ids."""
    ids = []
    for number in range(count):
        with unit_of_work(service("public")):
            metadata = {"n": number, "reason": "because"}
            event = record("test.edit", target_id=uuid7(), subject_id=uuid7(), metadata={**metadata, **fields})
        ids.append(event.pk)
    return ids


def unsealed() -> list[UUID]:
    with unit_of_work(service("sealer"), read_only=True):
        sealed_ones = AuditLeaf.objects.filter(event_id=OuterRef("pk"))
        return list(AuditEvent.objects.filter(~Exists(sealed_ones)).values_list("pk", flat=True))


def sealed(*, batch: int = BATCH) -> AuditSeal:
    """Seal everything, with no more seals than the batch asks for; return the newest seal."""
    wait_for_strangers()
    seal(batch=batch)
    assert unsealed() == []
    return AuditSeal.objects.order_by("-number")[0]


def wait_for_strangers() -> None:
    """Wait until everything that was written can be sealed."""
    deadline = time.monotonic() + PATIENCE
    while not _all_can_be_sealed():
        assert time.monotonic() < deadline, f"somebody holds a transaction open for {PATIENCE} s"
        time.sleep(0.05)


def _all_can_be_sealed() -> bool:
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_commit_horizon() > coalesce(max(xact_id), 0) FROM audit_events")
        return bool(cursor.fetchone()[0])


def order() -> list[UUID]:
    """Return the events of the log in the order of their leaves."""
    return list(AuditLeaf.objects.order_by("leaf_index").values_list("event_id", flat=True))


@contextmanager
def as_app_owner() -> Iterator[None]:
    """Connect as who owns the tables, as an operator's command does; on SQLite we own the file anyway."""
    before = connection.settings_dict["USER"]
    if connection.vendor == "postgresql":
        connection.close()
        connection.settings_dict["USER"] = "app_owner"
    try:
        yield
    finally:
        if connection.vendor == "postgresql":
            connection.close()
            connection.settings_dict["USER"] = before


@contextmanager
def as_owner(*tables: str) -> Iterator[Any]:
    """Yield a cursor of who owns the tables, with their guards off: a person with every right on the database."""
    if connection.vendor == "postgresql":
        with psycopg.connect(ADMIN_URL, dbname=connection.settings_dict["NAME"], autocommit=True) as owner:
            owner.execute("SET ROLE app_owner")
            for table in tables:
                owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")  # type: ignore[arg-type]
            with owner.cursor() as cursor:
                yield cursor
            for table in tables:
                owner.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only_row_{table}")  # type: ignore[arg-type]
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        triggers = cursor.fetchall()
        for name, _ in triggers:
            cursor.execute(f'DROP TRIGGER "{name}"')
        yield cursor
        for _, sql in triggers:
            cursor.execute(sql)
