"""Making, checking and thinning out backups; the list of erasures outside the database."""

from __future__ import annotations

import io
import json
import os
import stat
import tarfile
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from django.conf import settings as configured
from django.core.management import CommandError, call_command
from django.db import connection
from psycopg import sql

from accounts.ledger import Erasure, append_to_ledger, read_ledger
from accounts.services.erasure import erase_from_command_line
from accounts.services.note_erasures import note_erasures
from audit.services.archive import archive
from common import clock
from common.backup.database import snapshot
from common.backup.make import make_backup, thin_out
from common.backup.opening import KEYS_PART, open_manifest, secrets_here
from common.errors import InvalidInput, NotPermitted, WrongState
from common.ids import uuid7
from config.settings import env
from tests.audit.log import sealed
from tests.backup.making import World, admin_url, folders
from tests.factories import make_athlete
from tests.support.databases import ADMIN_URL, Databases


@pytest.mark.postgres
def test_a_backup_is_for_nobody_else_and_says_what_it_holds(world: World) -> None:
    made = open_manifest(world.backup)
    assert {path.name for path in world.backup.iterdir()} == {*made.parts, "manifest.json"}
    for path in (world.backup, *world.backup.iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert "django_session" not in made.tables
    assert made.tables["audit_events"] > made.facts["audit"]["head"]["tree_size"] > 0
    held = b"".join(path.read_bytes() for path in world.backup.iterdir())
    assert [name for name, secret in secrets_here().items() if secret.rpartition(":")[2].encode() in held] == []
    out = io.StringIO()
    call_command("backup", "check", str(world.backup), "--json", stdout=out)
    assert json.loads(out.getvalue())["faults"] == []


@pytest.mark.postgres
def test_what_came_after_the_snapshot_of_heads_and_segments_is_left_out(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from common.backup import make

    dumped = make.dump

    def and_then_more(*arguments):
        found = dumped(*arguments)
        make_athlete()
        sealed()
        assert archive()
        return found

    monkeypatch.setattr(make, "dump", and_then_more)
    with folders(world.backup.parent.parent):
        sealed()
        made = open_manifest(make_backup(tmp_path, admin_url(world.database)).folder)
        (folder,) = tmp_path.iterdir()
        size, number = (made.facts["audit"]["head"][name] for name in ("tree_size", "number"))
        assert max(int(path.stem.split("-")[1]) for path in Path(configured.AUDIT_ARCHIVE).rglob("*.ndjson")) > size
    with tarfile.open(folder / "audit-archive.tar") as tar:
        segments = [name for name in tar.getnames() if name.endswith(".ndjson")]
        assert all(int(name[-22:-7]) <= size for name in segments)
    with tarfile.open(folder / "audit-heads.tar") as tar:
        lines = [line for name in tar.getnames() for line in tar.extractfile(name).read().splitlines()]
        assert json.loads(lines[-1])["number"] == number


@pytest.mark.postgres
def test_events_are_sealed_while_a_backup_runs(world: World, tmp_path: Path) -> None:
    with folders(world.backup.parent.parent), snapshot(admin_url(world.database)) as (cursor, name):
        assert name
        make_athlete()
        sealed()  # waits for whoever stops sealing, and would fail
        cursor.execute("SELECT pg_current_xact_id_if_assigned()")
        assert cursor.fetchone() == (None,)


@pytest.mark.postgres
def test_a_role_that_may_not_see_every_row_makes_no_backup(world: World, databases: Databases, tmp_path: Path) -> None:
    for user in ("app_rw", "app_owner", "app_ro"):
        with pytest.raises(NotPermitted, match=f"hides rows from {user}"):
            make_backup(tmp_path / "b", databases.url(world.database, user=user))
    assert list((tmp_path / "b").iterdir()) == []
    role = f"mesocycle_backup_{os.getpid()}"
    with psycopg.connect(ADMIN_URL, autocommit=True) as server:
        server.execute(sql.SQL("CREATE ROLE {} LOGIN BYPASSRLS IN ROLE pg_read_all_data").format(sql.Identifier(role)))
        server.execute(f"GRANT CONNECT ON DATABASE {world.database} TO {role}".encode())
        try:
            made = make_backup(tmp_path / "b", databases.url(world.database, user=role))
            assert made.rows >= sum(open_manifest(world.backup).tables.values())
        finally:
            server.execute(f"REVOKE CONNECT ON DATABASE {world.database} FROM {role}".encode())
            server.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


@pytest.mark.postgres
def test_a_backup_that_fails_leaves_nothing(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WrongState, match="DATABASE_URL is about"):
        make_backup(tmp_path / "b", ADMIN_URL)
    with pytest.raises(InvalidInput, match="cannot connect"):
        make_backup(tmp_path / "b", "postgresql://postgres@127.0.0.1:1/none")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "pg_dump").write_text("#!/bin/sh\necho half > /dev/null\necho 'No space left on device' >&2\nexit 1\n")
    (tools / "pg_dump").chmod(0o755)
    monkeypatch.setenv("PATH", str(tools))
    with pytest.raises(CommandError) as caught:
        call_command("backup", "make", str(tmp_path / "b"), url=admin_url(world.database))
    assert (caught.value.returncode, "No space left" in str(caught.value)) == (1, True)
    (tools / "pg_dump").unlink()
    with pytest.raises(CommandError, match="pg_dump is not installed"):
        call_command("backup", "make", str(tmp_path / "b"), url=admin_url(world.database))
    assert list((tmp_path / "b").iterdir()) == []


@pytest.mark.postgres
def test_the_secrets_come_out_as_the_environment_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    call_command("backup", "keys", stdout=out)
    said = dict(line.split("=", 1) for line in out.getvalue().splitlines())
    for name in ("FIELD_ENCRYPTION_KEYS", "TELEMETRY_TOKEN_KEYS", "AUDIT_SIGNING_KEYS"):
        monkeypatch.setenv(name, said[name])
        assert env.versioned_keys(name) == getattr(configured, name)
    assert said["SECRET_KEY"] == configured.SECRET_KEY


@pytest.mark.pure
def test_old_backups_go_and_keys_of_people_go_before_them(tmp_path: Path) -> None:
    now = clock.now()
    names = []
    for days in (40, 20, 3, 0):
        name = f"mesocycle-{now - timedelta(days=days):%Y%m%dT%H%M%SZ}"
        names.append(name)
        (tmp_path / name).mkdir()
        (tmp_path / name / KEYS_PART).touch()
    (tmp_path / "mesocycle-mine").mkdir()
    with pytest.raises(InvalidInput):
        thin_out(tmp_path, days=7, keys_days=35)
    done = thin_out(tmp_path, days=35, keys_days=7)
    assert (done.removed, done.without_keys) == ([names[0]], [names[1]])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["mesocycle-mine", *names[1:]])
    assert [(tmp_path / name / KEYS_PART).exists() for name in names[1:]] == [False, True, True]
    assert thin_out(tmp_path, days=0, keys_days=0).removed == names[1:3]
    assert (tmp_path / names[3] / KEYS_PART).exists(), "the newest one stays"
    assert (tmp_path / "mesocycle-mine").is_dir()


@pytest.mark.django_db
@pytest.mark.once
def test_sqlite_is_copied_and_not_dumped(tmp_path: Path) -> None:
    if connection.vendor == "sqlite":
        with pytest.raises(WrongState, match="SQLite"):
            make_backup(tmp_path, "postgresql://nobody@127.0.0.1/none")


@pytest.mark.django_db
def test_an_erasure_is_noted_outside_the_database(tmp_path: Path) -> None:
    with folders(tmp_path):
        gone = make_athlete(name="Xanthippe")
        erase_from_command_line(athlete_id=gone.pk, reason="asked")
        path = tmp_path / "erasures.ndjson"
        (line,) = read_ledger(path)
        assert line.athlete_id == gone.pk
        assert "Xanthippe" not in path.read_text()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert note_erasures() == 0
        path.unlink()
        assert note_erasures() == 1, "what was lost is made up for"


@pytest.mark.pure
def test_half_a_line_of_the_list_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "list"
    first, second = (Erasure(uuid7(), uuid7(), clock.now()) for _ in range(2))
    assert append_to_ledger(path, [first]) == 1
    with path.open("a") as file:
        file.write(second.line[:20])
    with pytest.raises(InvalidInput, match="line 2"):
        read_ledger(path)
    assert append_to_ledger(path, [first, second]) == 1
    assert read_ledger(path) == [first, second]
