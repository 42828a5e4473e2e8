"""Sealing: nothing lost, nothing doubled, a late commit included, whatever happens in between."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from audit import merkle
from audit.canonical import COLUMNS, pack
from audit.heads import NO_HEAD, BadHead, TreeHead, leaf_mac
from audit.keys import signing_keys
from audit.models import AuditEvent, AuditLeaf, AuditNode, AuditSeal
from audit.services import record
from audit.services.publish_heads import publish_heads, published_heads
from audit.services.seal import seal
from common import clock
from common.context import service, unit_of_work
from common.db_operations import guarded_tables
from common.ids import uuid7
from tests.audit.log import actions, order, sealed, unsealed, write
from tests.support.databases import ROOT, environment

pytestmark = pytest.mark.usefixtures("committed_database", "_actions")


@pytest.fixture
def _actions(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with actions(monkeypatch):
        yield


def check_log() -> None:
    """Recompute everything that sealing stored from the events themselves."""
    keys, events = signing_keys(), {}
    with unit_of_work(service("sealer"), read_only=True):
        for row in AuditEvent.objects.values_list(*COLUMNS):
            events[row[0]] = (row[-1], merkle.leaf_hash(pack(*row)))
    leaves = list(AuditLeaf.objects.order_by("leaf_index"))
    assert [leaf.leaf_index for leaf in leaves] == list(range(len(leaves)))
    places = [(events[leaf.event_id][0], leaf.event_id.bytes) for leaf in leaves]
    assert places == sorted(set(places))
    hashes = [events[leaf.event_id][1] for leaf in leaves]
    assert [leaf.leaf_hash for leaf in leaves] == hashes
    previous = NO_HEAD
    for number, row in enumerate(AuditSeal.objects.order_by("number"), start=1):
        keys.verify(row.head)
        assert (row.number, row.previous_hash) == (number, previous)
        assert row.root_hash == merkle.root_of(hashes[: row.tree_size])
        mac_key = keys.mac_key(row.key_version)
        assert mac_key
        last = leaves[row.tree_size - 1]
        assert last.mac == leaf_mac(mac_key, last.leaf_index, last.event_id, last.leaf_hash)
        previous = row.head.digest
    for node in AuditNode.objects.all():
        assert node.node_hash == merkle.root_of(hashes[node.position << node.level : (node.position + 1) << node.level])


def test_every_event_becomes_one_leaf_under_a_signed_head() -> None:
    ids = write(5)
    assert sealed().tree_size == 5
    assert order() == ids
    ids += write(3)
    assert (sealed().tree_size, order()) == (8, ids)
    check_log()


def test_an_empty_log_has_no_head_and_a_quiet_one_gets_no_new_ones() -> None:
    assert (seal().newest, AuditSeal.objects.count()) == (None, 0)
    write()
    head = sealed().head
    again = seal()
    assert (again.events, again.heads, again.newest) == (0, 0, head)
    assert AuditSeal.objects.count() == 1


def test_batches_end_anywhere_also_within_a_transaction() -> None:
    with unit_of_work(service("public")):
        for number in range(7):
            record("test.edit", target_id=uuid7(), metadata={"n": number})
    write(2)
    assert sealed(batch=2).tree_size == 9
    assert list(AuditSeal.objects.order_by("number").values_list("tree_size", flat=True)) == [2, 4, 6, 8, 9]
    check_log()


def test_large_subtrees_are_kept() -> None:
    with unit_of_work(service("public")):
        for number in range(600):
            record("test.edit", target_id=uuid7(), metadata={"n": number})
    sealed(batch=250)
    assert set(AuditNode.objects.values_list("level", "position")) == {(8, 0), (8, 1), (9, 0)}
    check_log()


@pytest.mark.postgres
def test_a_late_commit_is_sealed() -> None:
    """A sealer that goes by the highest id or time would pass over the transaction that is still open."""
    written, go_on = threading.Event(), threading.Event()

    def late(_: int) -> Any:
        try:
            with unit_of_work(service("public")):
                event = record("test.edit", target_id=uuid7(), metadata={"n": -1})
                written.set()
                assert go_on.wait(60)
            return event.pk
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        late_one = pool.submit(late, 0)
        assert written.wait(60)
        quick = write(3)
        assert seal().events == 0  # they stand behind the open transaction
        go_on.set()
        late_id = late_one.result(60)
    sealed()
    assert order() == [late_id, *quick]
    check_log()


@pytest.mark.postgres
def test_only_one_sealer_works_at_a_time() -> None:
    write(3)
    holding, go_on = threading.Event(), threading.Event()

    def hold(_: int) -> None:
        try:
            with unit_of_work(service("sealer")), connection.cursor() as cursor:
                from audit.services.seal import _LOCK

                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
                holding.set()
                assert go_on.wait(60)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        holder = pool.submit(hold, 0)
        assert holding.wait(60)
        assert seal().events == 0
        go_on.set()
        holder.result(60)
    assert sealed().tree_size == 3


def test_several_sealers_and_writers_at_once_lose_and_double_nothing() -> None:
    def work(number: int) -> list[Any]:
        try:
            if number % 2:
                return [seal(batch=7).events for _ in range(6)][:0]
            return write(12)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        ids = [pk for part in pool.map(work, range(6)) for pk in part]
    sealed(batch=7)
    assert sorted(order()) == sorted(ids)
    check_log()


def test_a_fault_at_any_statement_leaves_the_log_before_or_after() -> None:
    ids, faults = write(4), 0
    for nth in range(1, 100):
        count = 0

        def fail(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any, nth: int = nth) -> Any:
            nonlocal count
            count += 1
            if count == nth:
                raise DatabaseError("injected")
            return execute(sql, params, many, context)

        try:
            with connection.execute_wrapper(fail):
                done = seal(batch=3)
        except DatabaseError:
            faults += 1
            tree_size = max(AuditSeal.objects.values_list("tree_size", flat=True), default=0)
            assert AuditLeaf.objects.count() == tree_size in (0, 3, 4)
            check_log()
            continue
        if done.events == 0 and not unsealed():
            break
    assert faults > 8
    sealed()
    assert order() == ids
    assert [head.number for head in published_heads_now()] == list(range(1, AuditSeal.objects.count() + 1))
    check_log()


KILLED = """
import django; django.setup()
import os, signal, time
from audit.models import {model}
make = {model}.objects.{method}
def die(*args, **kwargs):
    make(*args, **kwargs)
    os.kill(os.getpid(), signal.SIGKILL)
{model}.objects.{method} = die
from audit.services.seal import seal
for _ in range(300):  # a stranger's transaction may keep it from sealing for a while
    seal()
    time.sleep(0.1)
"""


@pytest.mark.parametrize(("model", "method"), [("AuditLeaf", "bulk_create"), ("AuditSeal", "create")])
def test_a_sealer_killed_in_the_middle_loses_and_doubles_nothing(
    model: str, method: str, committed_database: str, tmp_path: Path
) -> None:
    ids = write(5)
    code = KILLED.format(model=model, method=method)
    env = environment(committed_database, MESOCYCLE_VAR=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert (AuditLeaf.objects.count(), AuditSeal.objects.count()) == (0, 0)
    sealed()
    assert order() == ids
    check_log()


def published_heads_now() -> list[TreeHead]:
    from django.conf import settings

    return list(published_heads(Path(settings.AUDIT_HEADS_DIR)))


def test_heads_are_kept_outside_the_database_and_missed_ones_made_up_for(settings: Any) -> None:
    write()
    sealed()
    first = published_heads_now()
    folder = Path(settings.AUDIT_HEADS_DIR)
    (path,) = folder.glob("*.ndjson")
    settings.AUDIT_HEADS_DIR = str(folder / "elsewhere")  # the process died before it could publish
    write()
    sealed()
    write()
    sealed()
    settings.AUDIT_HEADS_DIR = str(folder)
    path.write_bytes(path.read_bytes() + b'{"half a')
    assert publish_heads() == 2
    assert published_heads_now() == [row.head for row in AuditSeal.objects.order_by("number")]
    assert published_heads_now()[:1] == first
    assert publish_heads() == 0


def test_time_of_heads_never_runs_backwards() -> None:
    write()
    at = sealed().sealed_at
    write()
    with clock.frozen(at - timedelta(days=1)):
        assert sealed().sealed_at > at


def test_a_new_key_signs_from_now_on_and_the_old_ones_heads_still_hold(settings: Any) -> None:
    import base64

    write()
    old = sealed().head
    keys = signing_keys()
    settings.AUDIT_SIGNING_KEYS = {**settings.AUDIT_SIGNING_KEYS, 2: base64.b64encode(b"b" * 32).decode()}
    write()
    new = sealed().head
    assert (old.key_version, new.key_version) == (1, 2)
    for head in (old, new):
        signing_keys().verify(head)
    settings.AUDIT_RETIRED_KEYS = {1: base64.b64encode(keys.public_key(1)).decode()}
    settings.AUDIT_SIGNING_KEYS = {2: base64.b64encode(b"b" * 32).decode()}
    signing_keys().verify(old)
    settings.AUDIT_RETIRED_KEYS = {}
    with pytest.raises(BadHead, match="not known"):
        signing_keys().verify(old)


def test_a_head_that_was_altered_or_signed_by_another_is_refused() -> None:
    write()
    head = sealed().head
    for changed in (
        replace(head, tree_size=2),
        replace(head, number=2),
        replace(head, root_hash=bytes(32)),
        replace(head, previous_hash=b"\1" * 32),
        replace(head, sealed_at=head.sealed_at + timedelta(microseconds=1)),
        replace(head, key_id="0" * 32),
        replace(head, signature=bytes(64)),
        replace(head, signature=b""),
    ):
        with pytest.raises(BadHead):
            signing_keys().verify(changed)
    assert TreeHead.from_json(head.as_json()) == head


@pytest.mark.parametrize("table", ["audit_leaves", "audit_nodes", "audit_seals", "audit_events"])
def test_the_tables_of_the_log_are_append_only(table: str) -> None:
    write()
    sealed()
    assert table in guarded_tables(connection)
    column = {"audit_nodes": "level", "audit_seals": "number", "audit_events": "xact_id"}.get(table, "leaf_index")
    if table == "audit_nodes":
        AuditNode.objects.create(level=8, position=0, node_hash=bytes(32))
    for statement in (f"UPDATE {table} SET {column} = 9", f"DELETE FROM {table}"):
        with pytest.raises(DatabaseError, match="append-only|permission denied"), transaction.atomic():
            connection.cursor().execute(statement)
    if connection.vendor == "sqlite":
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            connection.cursor().execute(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")
