"""A person with every right on the database changes the log; `audit verify` names what they did."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from audit import merkle
from audit.canonical import COLUMNS, pack
from audit.heads import SigningKeys, TreeHead, key_id
from audit.models import AuditEvent, AuditLeaf, AuditNode, AuditSeal
from audit.services import verify as verify_service
from audit.services.seal import seal
from audit.services.verify import Scope, verify_log
from audit.verification import Finding, Report
from common.context import service, unit_of_work
from common.ids import uuid7
from tests.audit.log import actions, as_owner, order, sealed, unsealed, wait_for_strangers, write

pytestmark = pytest.mark.usefixtures("committed_database", "_actions")


@pytest.fixture
def _actions(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with actions(monkeypatch):
        yield


@pytest.fixture
def log() -> list[UUID]:
    """Nine events under three seals."""
    for _ in range(3):
        write(3)
        sealed()
    return order()


def sql_id(pk: UUID) -> str:
    return f"'{pk}'" if connection.vendor == "postgresql" else f"'{pk.hex}'"


def tamper(*statements: str) -> None:
    with as_owner("audit_events", "audit_leaves", "audit_nodes", "audit_seals") as cursor:
        for statement in statements:
            cursor.execute(statement)
            assert cursor.rowcount != 0, statement


def findings() -> list[Finding]:
    return verify_log(Scope()).findings


def named(kind: str) -> list[UUID | None]:
    """Return the events that were found, which all must be of this kind."""
    found = findings()
    assert {finding.kind for finding in found} == {kind}, found
    return [finding.event_id for finding in found]


def test_an_untouched_log_is_intact(log: list[UUID]) -> None:
    write(2)
    report = verify_log(Scope())
    assert (report.intact, report.events, report.seals, report.tree_size, report.waiting) == (True, 9, 3, 9, 2)


def test_an_empty_log_is_intact() -> None:
    assert verify_log(Scope()) == Report()


CHANGES = {
    "occurred_at": "'2020-01-01 00:00:00+00:00'",
    "actor_id": "NULL",
    "actor_role": "'admin'",
    "action": "'test.edit '",
    "target_type": "'x'",
    "target_id": "NULL",
    "subject_id": "NULL",
    "linked_event_id": "'00000000000000000000000000000001'",
    "request_id": "'00000000000000000000000000000001'",
    "metadata_json": "'{\"n\": 2}'",
    "origin_ip": "'\\x01'",
    "user_agent": "'\\x01'",
    "xact_id": "xact_id + 1",
}


@pytest.mark.parametrize("column", CHANGES)
def test_one_altered_column_names_its_event(column: str, log: list[UUID]) -> None:
    assert {"id", *CHANGES} == set(COLUMNS)
    tamper(f"UPDATE audit_events SET {column} = {CHANGES[column]} WHERE id = {sql_id(log[4])}")
    assert named("event altered") == [log[4]]


def test_one_flipped_bit_of_a_ciphertext_names_its_event(log: list[UUID]) -> None:
    with unit_of_work(service("verifier"), read_only=True):
        metadata = AuditEvent.objects.get(pk=log[4]).metadata_json
    text = metadata["reason"]["ciphertext"]
    metadata["reason"]["ciphertext"] = text[:20] + ("A" if text[20] != "A" else "B") + text[21:]
    tamper(f"UPDATE audit_events SET metadata_json = '{json.dumps(metadata)}' WHERE id = {sql_id(log[4])}")
    assert named("event altered") == [log[4]]


def test_what_no_program_can_read_is_altered_too(log: list[UUID]) -> None:
    """Both databases store a number that no float can hold."""
    tamper(f"UPDATE audit_events SET metadata_json = '{{\"n\": 1e400}}' WHERE id = {sql_id(log[4])}")
    assert named("event altered") == [log[4]]


def test_a_deleted_event_is_named(log: list[UUID]) -> None:
    tamper(f"DELETE FROM audit_events WHERE id = {sql_id(log[4])}")
    assert named("event removed") == [log[4]]


def test_an_event_deleted_with_its_leaf_leaves_a_gap(log: list[UUID]) -> None:
    tamper(f"DELETE FROM audit_events WHERE id = {sql_id(log[4])}", f"DELETE FROM audit_leaves WHERE leaf_index = {4}")
    (finding,) = findings()
    assert (finding.kind, finding.leaf_index, finding.seal) == ("event removed", 4, 2)


def test_an_event_deleted_and_the_gap_closed_is_named_by_what_moved(log: list[UUID]) -> None:
    tamper(
        f"DELETE FROM audit_events WHERE id = {sql_id(log[4])}",
        "DELETE FROM audit_leaves WHERE leaf_index = 4",
        *(f"UPDATE audit_leaves SET leaf_index = {i - 1} WHERE leaf_index = {i}" for i in range(5, 9)),
    )
    found = findings()
    moved = [finding.event_id for finding in found if finding.kind == "events reordered"]
    assert moved == log[5:]
    assert "belongs at leaf 5" in found[0].detail
    assert [f.leaf_index for f in found if f.kind == "tail cut"] == [8]


def test_a_leaf_alone_deleted_names_the_event_that_lost_it(log: list[UUID]) -> None:
    tamper("DELETE FROM audit_leaves WHERE leaf_index = 4")
    found = {finding.kind: finding for finding in findings()}
    assert found["event removed"].leaf_index == 4
    assert found["event inserted"].event_id == log[4]


def insert_copy(of: UUID, xact: str = "xact_id", pk: UUID | None = None) -> UUID:
    """Insert an event as the owner, with another's columns and a transaction of its own choice."""
    pk = pk or uuid7()
    columns = ", ".join(name for name in COLUMNS if name not in ("id", "xact_id"))
    tamper(
        f"INSERT INTO audit_events (id, xact_id, {columns}) "
        f"SELECT {sql_id(pk)}, {xact}, {columns} FROM audit_events WHERE id = {sql_id(of)}"
    )
    return pk


def test_an_event_inserted_in_the_past_is_named(log: list[UUID]) -> None:
    past = UUID(int=log[4].int + 1)
    inserted = insert_copy(log[4], pk=past)
    assert named("event inserted") == [inserted]
    write()
    sealed_again = sealed_but(inserted)
    assert inserted not in sealed_again
    assert named("event inserted") == [inserted]


def sealed_but(stray: UUID) -> list[UUID]:
    """Seal on; what was slipped in is never sealed."""
    wait_for_strangers()
    seal()
    assert unsealed() == [stray]
    return order()


@pytest.mark.postgres
def test_an_event_with_a_transaction_that_has_not_begun_is_named(log: list[UUID]) -> None:
    inserted = insert_copy(log[4], xact="9000000000000000")
    assert named("event inserted") == [inserted]


def test_a_leaf_written_without_the_key_is_named(log: list[UUID]) -> None:
    """The event is inserted with a leaf whose hash is right, behind the newest seal."""
    inserted = insert_copy(log[8], xact="xact_id + 1")
    with unit_of_work(service("verifier"), read_only=True):
        leaf = merkle.leaf_hash(pack(*AuditEvent.objects.values_list(*COLUMNS).get(pk=inserted)))
    AuditLeaf.objects.create(leaf_index=9, event_id=inserted, leaf_hash=leaf, mac=bytes(16))
    assert named("event inserted") == [inserted]


def test_two_exchanged_leaves_are_named(log: list[UUID]) -> None:
    """Whole rows change places, near and far."""
    for one, other in ((3, 4), (0, 8)):
        swap = [
            f"UPDATE audit_leaves SET leaf_index = 99 WHERE leaf_index = {one}",
            f"UPDATE audit_leaves SET leaf_index = {one} WHERE leaf_index = {other}",
            f"UPDATE audit_leaves SET leaf_index = {other} WHERE leaf_index = 99",
        ]
        tamper(*swap)
        assert sorted(map(str, named("events reordered"))) == sorted(map(str, [log[one], log[other]]))
        tamper(*swap)
        assert findings() == []


def test_two_events_exchanged_under_their_marks_are_named(log: list[UUID]) -> None:
    """Event ids and hashes change places, the marks stay: right hashes at wrong leaves."""
    one, other = AuditLeaf.objects.filter(leaf_index__in=[1, 7]).order_by("leaf_index")
    hexed = "'\\x{}'" if connection.vendor == "postgresql" else "x'{}'"
    put = "UPDATE audit_leaves SET event_id = {}, leaf_hash = {} WHERE leaf_index = {}"
    tamper(
        put.format(sql_id(uuid7()), hexed.format("00" * 32), 1),
        put.format(sql_id(one.event_id), hexed.format(bytes(one.leaf_hash).hex()), 7),
        put.format(sql_id(other.event_id), hexed.format(bytes(other.leaf_hash).hex()), 1),
    )
    found = findings()
    assert {(f.kind, f.event_id) for f in found} == {("events reordered", log[1]), ("events reordered", log[7])}
    assert "belongs at leaf 7" in found[0].detail


def test_two_events_that_exchanged_their_ids_are_named(log: list[UUID]) -> None:
    tamper(
        f"UPDATE audit_events SET id = {sql_id(UUID(int=1))} WHERE id = {sql_id(log[2])}",
        f"UPDATE audit_events SET id = {sql_id(log[2])} WHERE id = {sql_id(log[6])}",
        f"UPDATE audit_events SET id = {sql_id(log[6])} WHERE id = {sql_id(UUID(int=1))}",
    )
    assert named("event altered") == [log[2], log[6]]


def test_an_event_altered_and_sealed_again_without_the_key_is_named(log: list[UUID]) -> None:
    """The event, its leaf and every seal are made to fit again, signed with a key of their own."""
    tamper(f"UPDATE audit_events SET actor_role = 'admin' WHERE id = {sql_id(log[4])}")
    with unit_of_work(service("verifier"), read_only=True):
        leaf = merkle.leaf_hash(pack(*AuditEvent.objects.values_list(*COLUMNS).get(pk=log[4])))
    hexed = f"'\\x{leaf.hex()}'" if connection.vendor == "postgresql" else f"x'{leaf.hex()}'"
    tamper(f"UPDATE audit_leaves SET leaf_hash = {hexed} WHERE leaf_index = 4")
    assert named("event inserted") == [log[4]]
    rewrite_seals()
    found = findings()
    assert [f.event_id for f in found if f.kind == "event inserted"] == [log[4]]
    assert {f.seal for f in found if f.kind == "seal rewritten"} == {1, 2, 3}


def rewrite_seals() -> None:
    """Sign all seals anew over the leaves as they are, with a key that is not the server's."""
    keys, leaves = SigningKeys({1: b"z" * 32}), list(AuditLeaf.objects.order_by("leaf_index"))
    previous = bytes(32)
    hexed = "'\\x{}'" if connection.vendor == "postgresql" else "x'{}'"
    for row in AuditSeal.objects.order_by("number"):
        tree = merkle.CompactRange()
        for leaf in leaves[: row.tree_size]:
            tree.append(bytes(leaf.leaf_hash))
        changed = {"root_hash": tree.root(), "previous_hash": previous, "key_id": key_id(keys.public_key(1))}
        head = TreeHead(**{**row.head.__dict__, **changed})
        parts = {"root_hash": tree.root(), "previous_hash": previous, "signature": keys.sign(head)}
        values = ", ".join(f"{name} = {hexed.format(value.hex())}" for name, value in parts.items())
        peaks = hexed.format(b"".join(tree.peaks).hex())
        tamper(
            f"UPDATE audit_seals SET {values}, peaks = {peaks}, key_id = '{head.key_id}' WHERE number = {row.number}"
        )
        previous = head.digest


def test_a_leaf_alone_altered_is_named(log: list[UUID]) -> None:
    zero = "'\\x" + "00" * 32 + "'" if connection.vendor == "postgresql" else "zeroblob(32)"
    tamper(f"UPDATE audit_leaves SET leaf_hash = {zero} WHERE leaf_index = 4")
    assert named("leaf altered") == [log[4]]


def test_a_cut_tail_is_named(log: list[UUID]) -> None:
    tamper(
        f"DELETE FROM audit_events WHERE id IN ({sql_id(log[7])}, {sql_id(log[8])})",
        "DELETE FROM audit_leaves WHERE leaf_index >= 7",
    )
    (finding,) = findings()
    assert (finding.kind, finding.leaf_index, finding.seal) == ("tail cut", 7, 3)
    assert "leaves 7 to 8" in finding.detail


def test_a_tail_cut_with_its_seal_is_named_by_the_heads_kept_outside(
    log: list[UUID], settings: Any, tmp_path: Path
) -> None:
    tamper(
        f"DELETE FROM audit_events WHERE id IN ({', '.join(map(sql_id, log[6:]))})",
        "DELETE FROM audit_leaves WHERE leaf_index >= 6",
        "DELETE FROM audit_seals WHERE number = 3",
    )
    (finding,) = findings()
    assert (finding.kind, finding.seal) == ("tail cut", 3)
    heads = Path(settings.AUDIT_HEADS_DIR)
    (kept,) = heads.rename(tmp_path / "kept").glob("*.ndjson")
    assert findings() == []  # nothing inside the database tells
    (finding,) = verify_log(Scope(against=[kept])).findings
    assert (finding.kind, finding.seal) == ("tail cut", 3)


def test_removed_seals_are_named(log: list[UUID], settings: Any) -> None:
    settings.AUDIT_HEADS_DIR = "/nonexistent-heads"
    tamper("DELETE FROM audit_seals WHERE number = 3")
    assert named("seal removed") == log[6:]
    tamper("DELETE FROM audit_seals WHERE number = 1")
    assert [f.seal for f in findings() if f.kind == "seal removed"][0] == 2


def test_a_seal_removed_from_the_middle_is_named(log: list[UUID]) -> None:
    tamper("DELETE FROM audit_seals WHERE number = 2")
    assert {(f.kind, f.seal) for f in findings()} == {("seal removed", 3), ("tail cut", 2)}


@pytest.mark.parametrize(
    "change",
    [
        "tree_size = 5",
        "sealed_at = '2020-01-01 00:00:00+00:00'",
        "key_version = 2",
        "key_id = '0'",
        "root_hash = previous_hash",
        "previous_hash = root_hash",
        "signature = root_hash",
        "peaks = root_hash",
    ],
)
def test_a_rewritten_seal_is_named(change: str, log: list[UUID]) -> None:
    tamper(f"UPDATE audit_seals SET {change} WHERE number = 2")
    found = findings()
    assert ("seal rewritten", 2) in {(f.kind, f.seal) for f in found}


def test_a_log_signed_anew_with_the_servers_own_key_is_named_by_the_heads_kept_outside(
    log: list[UUID], settings: Any
) -> None:
    """Who has stolen the key can forge everything but what others have kept."""
    tamper(
        f"DELETE FROM audit_events WHERE id IN ({', '.join(map(sql_id, log[6:]))})",
        "DELETE FROM audit_leaves WHERE leaf_index >= 6",
        "DELETE FROM audit_seals WHERE number = 3",
    )
    kept = Path(settings.AUDIT_HEADS_DIR)
    settings.AUDIT_HEADS_DIR = str(kept.parent / "forged")
    write(3)
    sealed()
    assert findings() == []
    settings.AUDIT_HEADS_DIR = str(kept)
    found = findings()
    assert {(f.kind, f.seal) for f in found} == {("seal rewritten", 3)}


def test_an_altered_inner_node_is_named() -> None:
    with unit_of_work(service("public")):
        from audit.services import record

        for number in range(257):
            record("test.edit", target_id=uuid7(), metadata={"n": number})
    sealed()
    assert AuditNode.objects.count() == 1
    tamper("DELETE FROM audit_nodes")
    assert [f.kind for f in findings()] == ["node altered"]


def test_a_part_of_the_log_is_verified_from_its_seal_on(log: list[UUID]) -> None:
    times = list(AuditSeal.objects.order_by("number").values_list("sealed_at", flat=True))
    tamper(f"UPDATE audit_events SET actor_role = 'admin' WHERE id = {sql_id(log[4])}")
    for since, until, kinds, events in (
        (None, times[0], [], 3),
        (times[0], times[1], ["event altered"], 3),
        (times[1], None, [], 3),
        (times[0], None, ["event altered"], 6),
        (times[2], None, [], 0),
    ):
        report = verify_log(Scope(since=since, until=until))
        assert ([f.kind for f in report.findings], report.events) == (kinds, events)


def test_findings_are_counted_to_the_end_and_listed_up_to_a_limit(
    log: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    from audit import verification

    monkeypatch.setattr(verification, "MOST_FINDINGS", 4)
    monkeypatch.setattr(verification, "CHUNK", 2)
    tamper("UPDATE audit_events SET actor_role = 'x'")
    report = verify_log(Scope())
    assert (report.found, len(report.findings)) == (9, 4)


def run(*arguments: str) -> tuple[int, dict[str, Any]]:
    out = io.StringIO()
    try:
        call_command("audit", *arguments, "--json", stdout=out)
        code = 0
    except CommandError as error:
        code = error.returncode
    return code, json.loads(out.getvalue())


def test_the_command_has_an_exit_code_for_tampering(log: list[UUID], tmp_path: Path) -> None:
    code, document = run("verify")
    assert (code, document["intact"], document["events"]) == (0, True, 9)
    tamper(f"UPDATE audit_events SET actor_role = 'admin' WHERE id = {sql_id(log[4])}")
    code, document = run("verify")
    assert (code, document["intact"]) == (5, False)
    assert document["findings"][0]["event_id"] == str(log[4])
    out = io.StringIO()
    with pytest.raises(CommandError) as error:
        call_command("audit", "verify", stdout=out)
    assert error.value.returncode == 5
    assert str(log[4]) in out.getvalue()
    (tmp_path / "bad.json").write_text("no head")
    for bad in (["--from", "yesterday"], ["--against", "nowhere"], ["--against", str(tmp_path / "bad.json")]):
        assert run("verify", *bad)[0] == 2


def test_heads_of_another_log_are_foreign(log: list[UUID], tmp_path: Path) -> None:
    keys = SigningKeys({1: b"z" * 32})
    head = AuditSeal.objects.get(number=2).head
    other = TreeHead(**{**head.__dict__, "key_id": key_id(keys.public_key(1))})
    other = TreeHead(**{**other.__dict__, "signature": keys.sign(other)})
    path = tmp_path / "head.json"
    path.write_text(json.dumps(other.as_json()))
    assert [f.kind for f in verify_log(Scope(against=[path])).findings] == ["foreign head"]
    path.write_text(json.dumps({"head": head.as_json(), "anything": 1}))
    assert verify_log(Scope(against=[path])).intact


def test_verifying_opens_no_writable_transaction(log: list[UUID]) -> None:
    assert verify_service.VERIFIER.name == "verifier"
    with unit_of_work(verify_service.VERIFIER, read_only=True):
        assert verify_log(Scope()).intact


def test_a_log_that_grows_meanwhile_is_intact() -> None:
    """Verification reads in many steps; writers and the sealer go on between them."""
    done = threading.Event()

    def work(number: int) -> int:
        count = 0
        try:
            while not done.is_set():
                if number:
                    write()
                else:
                    seal(batch=5)
                count += 1
        finally:
            connection.close()
        return count

    with ThreadPoolExecutor(3) as pool:
        workers = [pool.submit(work, number) for number in range(3)]
        try:
            reports = [verify_log(Scope()) for _ in range(10)]
        finally:
            done.set()
        counts = [worker.result(60) for worker in workers]
    assert [report.findings for report in reports] == [[]] * 10
    assert min(counts) > 0
    sealed()
    assert verify_log(Scope()).events == sum(counts[1:])
