"""Segments outside the database: they prove themselves, contradict a log that was tampered with, and bring it back."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import boto3
import pytest
from botocore.exceptions import ClientError
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection
from moto.server import ThreadedMotoServer

from accounts.models import Role
from audit import merkle
from audit.archive.stores import FolderStore, S3Store, Store, store
from audit.canonical import COLUMNS, pack
from audit.errors import ArchiveConflict, LogFromAnotherServer, RetentionShortened
from audit.models import AuditEvent, AuditLeaf, AuditNode, AuditSeal
from audit.services import record
from audit.services.archive import Restored, archive, prolong, restore
from audit.services.export_events import HIDDEN, Chosen, export_events
from audit.services.seal import seal
from audit.services.verify import Scope, verify_log
from common import keys
from common.actors import actor_id
from common.context import COMMAND_LINE, RequestInfo, requested_by, service, unit_of_work
from common.errors import NotPermitted
from common.ids import uuid7
from tests.audit.log import actions, as_owner, order, sealed, wait_for_strangers, write
from tests.factories import make_user
from tests.support.databases import ROOT, Databases, environment

pytestmark = pytest.mark.usefixtures("committed_database", "_actions")

BUCKET = "audit-archive"
TABLES = ("audit_events", "audit_leaves", "audit_nodes", "audit_seals")


@pytest.fixture
def _actions(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with actions(monkeypatch):
        yield


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    """A client of a local S3 server. It lets retentions be shortened, which AWS does not: no proof of WORM."""
    names = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(names)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    client = boto3.client("s3", endpoint_url=f"http://{host}:{port}")
    yield client
    server.stop()
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, settings: Any) -> Store:
    """An empty archive of each kind."""
    if request.param == "bucket":
        client = request.getfixturevalue("s3")
        name = f"{BUCKET}-{uuid7().hex[-12:]}"
        client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
        settings.AUDIT_ARCHIVE = f"s3://{name}/log"
        settings.AUDIT_ARCHIVE_S3_ENDPOINT = client.meta.endpoint_url
    return store()


@pytest.fixture
def log() -> list[UUID]:
    for _ in range(3):
        write(3)
        sealed()
    return order()


def wipe(*tables: str) -> None:
    with as_owner(*TABLES) as cursor:
        for table in tables or TABLES:
            cursor.execute(f"DELETE FROM {table}")


def sql_id(pk: UUID) -> str:
    return f"'{pk}'" if connection.vendor == "postgresql" else f"'{pk.hex}'"


def test_segments_follow_each_other_and_prove_themselves(log: list[UUID], place: Store) -> None:
    assert archive() == ["segments/000000000000000-000000000000009.ndjson"]
    assert archive() == []
    write(2)
    sealed()
    assert archive() == ["segments/000000000000009-000000000000011.ndjson"]
    report = verify_log(Scope(archive=True))
    assert (report.intact, report.archived) == (True, 11)
    first, *lines = place.read(place.names()[0])
    assert json.loads(first) == {"first": 0, "format": "mesocycle-audit-segment/1", "size": 9}
    leaves = [bytes(value) for value in AuditLeaf.objects.order_by("leaf_index").values_list("leaf_hash", flat=True)]
    events = [line for line in lines if b'"format"' not in line]
    assert [merkle.leaf_hash(line) for line in events] == leaves[:9]
    assert json.loads(lines[-1]) == AuditSeal.objects.get(tree_size=9).head.as_json()


def test_segments_end_at_heads_and_hold_about_as_many_events_as_asked_for(log: list[UUID], place: Store) -> None:
    archive(most=4)
    assert [name[-22:-7] for name in place.names()] == [f"{size:015d}" for size in (3, 6, 9)]
    assert verify_log(Scope(archive=True)).archived == 9


def test_a_log_that_was_tampered_with_is_not_archived(log: list[UUID]) -> None:
    with as_owner(*TABLES) as cursor:
        cursor.execute(f"UPDATE audit_events SET actor_role = 'admin' WHERE id = {sql_id(log[4])}")
    with pytest.raises(ArchiveConflict, match="seal 2"):
        archive()
    with as_owner(*TABLES) as cursor:
        cursor.execute(f"DELETE FROM audit_events WHERE id = {sql_id(log[4])}")
    with pytest.raises(ArchiveConflict, match=str(log[4])):
        archive()
    assert store().names() == []


def test_the_archive_names_events_that_the_log_has_lost(log: list[UUID], place: Store, settings: Any) -> None:
    archive()
    settings.AUDIT_HEADS_DIR = "/nonexistent-heads"
    with as_owner(*TABLES) as cursor:
        cursor.execute(f"DELETE FROM audit_events WHERE id IN ({sql_id(log[7])}, {sql_id(log[8])})")
        cursor.execute("DELETE FROM audit_leaves WHERE leaf_index >= 6")
        cursor.execute("DELETE FROM audit_seals WHERE number = 3")
    found = verify_log(Scope(archive=True)).findings
    assert {f.event_id for f in found if f.kind == "event removed"} == {log[7], log[8]}
    assert {f.event_id for f in found if f.kind == "leaf altered"} == {log[6]}
    assert [f.seal for f in found if f.kind == "tail cut"] == [3]


def alter(name: str, change: Any) -> None:
    from django.conf import settings

    path = Path(settings.AUDIT_ARCHIVE) / name
    path.chmod(0o644)
    path.write_bytes(change(path.read_bytes()))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda data: data.replace(b'"n":1', b'"n":2', 1), "not those of head 1"),
        (lambda data: b"\n".join(data.split(b"\n")[:-3]) + b"\n", "end of the segment is missing"),
        (lambda data: data.split(b"\n")[0] + b"\n", "end of the segment is missing"),
        (lambda data: b"", "no JSON"),
        (lambda data: data.replace(b'"first":0', b'"first":1'), "begins with leaf 0"),
        (lambda data: data.replace(b'"number":1', b'"number":7'), "signature"),
        (lambda data: data.replace(b"\n", b"\n[]\n", 1), "no JSON object"),
        (lambda data: data.replace(b"\n", b"\n{}\n", 1), "is no event"),
        (lambda data: data.replace(b"\n", b"\nx\n", 1), "no JSON"),
        (lambda data: b"\n".join([*data.split(b"\n")[:2], *data.split(b"\n")[3:1:-1], *data.split(b"\n")[4:]]),
         "not those of head 1"),
    ],
)  # fmt: skip
def test_an_altered_segment_is_named_and_not_restored(change: Any, says: str, log: list[UUID]) -> None:
    (name,) = archive()
    alter(name, change)
    (finding,) = verify_log(Scope(archive=True)).findings
    assert (finding.kind, says in finding.detail) == ("archive altered", True), finding
    wipe()
    with pytest.raises(ArchiveConflict, match="segment"):
        restore()
    assert AuditEvent.objects.count() == 0


def snapshot() -> list[Any]:
    with unit_of_work(service("verifier"), read_only=True):
        events = sorted(pack(*row) for row in AuditEvent.objects.values_list(*COLUMNS))
        tables: list[Any] = [AuditLeaf, AuditNode, AuditSeal]
        return [events, *(sorted(map(str, model.objects.values_list())) for model in tables)]


def test_what_was_lost_comes_back_from_the_archive(place: Store) -> None:
    with unit_of_work(service("public")):
        for number in range(300):
            record("test.edit", target_id=uuid7(), subject_id=uuid7(), metadata={"n": number / 7, "reason": "é"})
    sealed(batch=100)
    archive()
    before = snapshot()
    assert restore() == Restored(300, 0, 0, 0)
    wipe()
    assert restore() == Restored(300, 300, 300, 3)
    assert snapshot() == before
    assert verify_log(Scope(archive=True)).intact
    with as_owner(*TABLES) as cursor:
        cursor.execute("DELETE FROM audit_leaves WHERE leaf_index IN (5, 6)")
        cursor.execute("DELETE FROM audit_seals WHERE number = 2")
        cursor.execute("DELETE FROM audit_nodes")
    assert restore() == Restored(300, 0, 2, 1)
    assert snapshot() == before
    if connection.vendor == "sqlite":
        write()
        sealed()
        assert verify_log(Scope(archive=True)).intact


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("audit_events", "actor_role = 'admin' WHERE id = {pk}"),
        ("audit_leaves", "event_id = {other} WHERE leaf_index = 4"),
        ("audit_seals", "key_id = '0' WHERE number = 2"),
    ],
)
def test_nothing_is_restored_over_something_else(table: str, change: str, log: list[UUID]) -> None:
    archive()
    with as_owner(*TABLES) as cursor:
        cursor.execute(f"UPDATE {table} SET " + change.format(pk=sql_id(log[4]), other=sql_id(uuid7())))
    before = snapshot()
    with pytest.raises(ArchiveConflict, match="another in the database"):
        restore()
    assert snapshot() == before


@pytest.mark.postgres
def test_a_log_from_another_server_goes_on_after_a_rebase(
    databases: Databases, committed_database: str, tmp_path: Path
) -> None:
    def offset(value: int) -> None:
        with as_owner() as cursor:
            cursor.execute(
                "CREATE OR REPLACE FUNCTION audit_commit_offset() RETURNS bigint LANGUAGE sql IMMUTABLE "
                f"AS 'SELECT {value}::bigint'"
            )

    offset(10**12)  # a server that has run for longer
    first = write(3)
    sealed()
    archive()
    wipe()
    offset(0)
    assert restore().events == 3
    (missed,) = write()
    with pytest.raises(LogFromAnotherServer):
        seal()
    with pytest.raises(CommandError, match="owner") as refused:
        call_command("audit", "rebase")
    assert refused.value.returncode == 3
    owned = environment(databases.url(str(connection.settings_dict["NAME"]), user="app_owner"))
    command = [sys.executable, "manage.py", "audit", "rebase", "--json"]
    done = subprocess.run(command, cwd=ROOT, env=owned, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    offset_now = json.loads(done.stdout)["offset"]
    assert 10**12 > offset_now > 10**12 - 10**10
    later = write(2)
    wait_for_strangers()
    seal()
    assert order() == [*first, *later]
    # What was written before the rebase stands before the log's end: it is named, not passed over in silence.
    assert [f.event_id for f in verify_log(Scope(archive=True)).findings] == [missed]


def test_a_retention_is_prolonged_and_never_shortened(log: list[UUID], place: Store, settings: Any) -> None:
    settings.AUDIT_RETENTION_DAYS = 100
    (name,) = archive()
    until = place.retained_until(name)
    assert timedelta(days=99) < until - datetime.now(UTC) < timedelta(days=101)
    place.prolong(name, until + timedelta(days=1))
    assert abs(place.retained_until(name) - until - timedelta(days=1)) < timedelta(seconds=2)
    with pytest.raises(RetentionShortened):
        place.prolong(name, until)
    with pytest.raises(RetentionShortened):
        prolong(until_days=30)
    assert prolong(until_days=200) == 1
    assert place.retained_until(name) > datetime.now(UTC) + timedelta(days=199)


def test_nothing_that_is_kept_is_replaced(log: list[UUID], place: Store, tmp_path: Path) -> None:
    (name,) = archive()
    before = list(place.read(name))
    other = tmp_path / "other"
    other.write_bytes(b"{}\n")
    with pytest.raises(ArchiveConflict):
        place.add(name, other, datetime.now(UTC))
    assert (list(place.read(name)), place.names()) == (before, [name])


def test_a_segment_whose_retention_cannot_be_noted_is_not_kept(tmp_path: Path) -> None:
    folder, source = tmp_path / "archive", tmp_path / "segment"
    source.write_text("{}\n")
    in_the_way = folder / f"segments/0-1.retention.{os.getpid()}.half"
    in_the_way.mkdir(parents=True)  # as a full disk would
    name, until = "segments/0-1.ndjson", datetime(2033, 1, 1, tzinfo=UTC)
    with pytest.raises(OSError):
        FolderStore(folder).add(name, source, until)
    assert FolderStore(folder).names() == []
    in_the_way.rmdir()
    FolderStore(folder).add(name, source, until)
    assert FolderStore(folder).retained_until(name) == until
    assert [path.name for path in sorted((folder / "segments").iterdir())] == ["0-1.ndjson", "0-1.retention.json"]


def test_a_bucket_locks_in_compliance_mode_and_its_first_version_counts(
    log: list[UUID], s3: Any, settings: Any
) -> None:
    bucket = f"{BUCKET}-worm"
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    settings.AUDIT_ARCHIVE, settings.AUDIT_ARCHIVE_S3_ENDPOINT = f"s3://{bucket}/log", s3.meta.endpoint_url
    (name,) = archive()
    key = f"log/{name}"
    (version,) = s3.list_object_versions(Bucket=bucket)["Versions"]
    assert s3.head_object(Bucket=bucket, Key=key)["ObjectLockMode"] == "COMPLIANCE"
    with pytest.raises(ClientError):
        s3.delete_object(Bucket=bucket, Key=key, VersionId=version["VersionId"])
    s3.put_object(Bucket=bucket, Key=key, Body=b"forged\n")
    s3.delete_object(Bucket=bucket, Key=key)
    assert verify_log(Scope(archive=True)).archived == 9
    assert verify_log(Scope(archive=True)).intact
    assert archive() == []


def test_a_bucket_without_a_lock_is_refused(s3: Any) -> None:
    s3.create_bucket(Bucket="plain")
    with pytest.raises(ImproperlyConfigured, match="Object Lock"):
        S3Store("plain", "", endpoint=s3.meta.endpoint_url)


def run(*arguments: Any) -> tuple[int, Any]:
    out = io.StringIO()
    try:
        call_command("audit", *map(str, arguments), "--json", stdout=out)
        return 0, json.loads(out.getvalue())
    except CommandError as error:
        return error.returncode, json.loads(out.getvalue() or "null")


def test_the_commands_say_what_they_did(log: list[UUID]) -> None:
    code, document = run("archive", "--prolong", "9999")
    assert (code, len(document["segments"]), document["prolonged"]) == (0, 1, 1)
    assert run("archive", "--prolong", "1")[0] == 4
    assert run("archive", "--most", "0")[0] == 2
    code, document = run("verify", "--archive")
    assert (code, document["archived"]) == (0, 9)
    assert run("restore") == (0, {"archived": 9, "events": 0, "leaves": 0, "seals": 0})
    code, document = run("seal")
    assert (code, document["newest"]["tree_size"]) == (0, 9)
    code, document = run("public-key")
    assert (code, document[0]["version"], document[0]["signs"]) == (0, 1, True)
    if connection.vendor == "sqlite":
        assert run("rebase")[0] == 4


@pytest.fixture
def told() -> UUID:
    """An event with personal payload about a subject; returns the subject's id."""
    subject = uuid7()
    info = RequestInfo(uuid7(), "203.0.113.9", "=cmd()")
    with requested_by(info), unit_of_work(service("public")):
        record("test.edit", target_id=uuid7(), subject_id=subject, metadata={"n": 1, "reason": "her knee"})
    return subject


def test_an_export_is_recorded_and_hides_what_only_compliance_reads(told: UUID, tmp_path: Path) -> None:
    import hashlib

    compliance, admin = make_user(Role.COMPLIANCE), make_user(Role.ADMIN)
    for number, (user, knows) in enumerate([(compliance, True), (admin, False), (COMMAND_LINE, False)]):
        path = tmp_path / f"{number}.csv"
        done = export_events(path, chosen=Chosen(subject_id=told, action="test.edit"), acting_user=user)
        (row,) = csv.DictReader(path.open(newline=""))
        assert json.loads(row["metadata"])["reason"] == ("her knee" if knows else HIDDEN)
        assert row["origin_ip"] == ("203.0.113.9" if knows else HIDDEN)
        assert row["user_agent"] == ("'=cmd()" if knows else HIDDEN)
        assert done.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert path.stat().st_mode & 0o077 == 0
        with unit_of_work(service("verifier"), read_only=True):
            event = AuditEvent.objects.filter(action="audit.export").order_by("-id")[0]
        assert event.actor_id == actor_id(user)
        what = {"subject_id": str(told), "action": "test.edit"}
        assert event.metadata_json == {"rows": 1, "sha256": done.sha256, "what": what, "decrypted": knows}
    keys.destroy_key(told)
    path = tmp_path / "erased.csv"
    export_events(path, chosen=Chosen(subject_id=told, action="test.edit"), acting_user=compliance)
    assert keys.ERASED in path.read_text()
    sealed()
    assert verify_log(Scope()).intact  # erasing destroyed a key, not a byte of the log


def test_who_does_not_read_the_log_exports_nothing(told: UUID, tmp_path: Path) -> None:
    for role in (Role.COACH, Role.ATHLETE, Role.SUPPORT, Role.DATA_SCIENTIST):
        with pytest.raises(NotPermitted):
            export_events(tmp_path / "x.csv", chosen=Chosen(), acting_user=make_user(role))
    assert list(tmp_path.glob("*.csv*")) == []


def test_the_export_command_takes_bounds_and_overwrites_nothing(log: list[UUID], tmp_path: Path) -> None:
    path = tmp_path / "all.csv"
    compliance = make_user(Role.COMPLIANCE)
    code, document = run("export", path, "--as", compliance.email, "--action", "test.edit")
    assert (code, document["rows"], document["decrypted"]) == (0, 9, True)
    with path.open(newline="") as file:
        assert [row["id"] for row in csv.DictReader(file)] == [str(pk) for pk in sorted(log)]
    before = path.read_bytes()
    assert run("export", path)[0] == 2
    assert path.read_bytes() == before
    assert run("export", tmp_path / "none.csv", "--to", "2020-01-01")[1]["rows"] == 0
    assert (
        run("export", tmp_path / "some.csv", "--from", "2020-01-01", "--actor", actor_id(service("public")))[1]["rows"]
        == 9
    )
    assert run("export", tmp_path / "bad.csv", "--from", "soon")[0] == 2
    assert run("export", tmp_path / "no.csv", "--as", make_user(Role.COACH).email)[0] == 3
