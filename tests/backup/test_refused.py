"""What a restore refuses, before anything is changed, and how it says so."""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.test import override_settings

from common.backup.contributions import Later
from common.backup.manifest import NAME
from common.backup.opening import DATABASE_PART, KEYS_PART, open_manifest, write_manifest
from common.errors import DomainError, InvalidInput, WrongState
from tests.backup.making import World, new_database, restored, rewritten
from tests.support.databases import ADMIN_URL, Databases

pytestmark = pytest.mark.postgres

OTHER = base64.b64encode(b"o" * 32).decode()


@pytest.fixture
def copied(world: World, tmp_path: Path) -> Path:
    return Path(shutil.copytree(world.backup, tmp_path / "copy"))


def exists(name: str) -> bool:
    with psycopg.connect(ADMIN_URL) as server:
        return server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is not None


def refusal(backup: Path, databases: Databases, **more: Any) -> DomainError:
    """Return why nothing was restored, and see that nothing was."""
    with new_database(databases) as name:
        with pytest.raises(DomainError) as caught:
            restored(backup, **{"later": Later(unknown=True), **more})
        assert not exists(name)
    return caught.value


def flipped(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 512)


def of_another_release(folder: Path) -> None:
    made = open_manifest(folder)
    made.migrations.append("plans.9999_from_the_future")
    (folder / NAME).unlink()
    write_manifest(made, folder)


def told_smaller(folder: Path) -> None:
    """Cut a part and say so in the manifest: what somebody does who wants it not to be noticed."""
    cut(folder / "audit-archive.tar")
    size = (folder / "audit-archive.tar").stat().st_size
    rewritten(folder / NAME, lambda said: said["parts"]["audit-archive.tar"].update(bytes=size))


DAMAGE: list[tuple[str, Callable[[Path], object], str]] = [
    ("dump altered", lambda folder: flipped(folder / DATABASE_PART), "database.dump was altered"),
    ("keys altered", lambda folder: flipped(folder / KEYS_PART), "subject-keys.dump was altered"),
    ("archive cut", lambda folder: cut(folder / "audit-archive.tar"), "audit-archive.tar is cut off"),
    ("heads missing", lambda folder: (folder / "audit-heads.tar").unlink(), "audit-heads.tar is missing"),
    ("keys over", lambda folder: (folder / KEYS_PART).unlink(), "subject-keys.dump is missing"),
    ("manifest altered", told_smaller, "the manifest was altered"),
    ("manifest cut", lambda folder: cut(folder / NAME), "no JSON"),
    ("manifest missing", lambda folder: (folder / NAME).unlink(), "is no backup"),
    ("another release", of_another_release, "plans.9999_from_the_future"),
]


@pytest.mark.parametrize(("damage", "says"), [row[1:] for row in DAMAGE], ids=[row[0] for row in DAMAGE])
def test_a_damaged_backup_is_not_restored(
    damage: Callable[[Path], object], says: str, copied: Path, elsewhere: Path, databases: Databases
) -> None:
    damage(copied)
    assert says in refusal(copied, databases).detail


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"FIELD_ENCRYPTION_KEYS": {1: OTHER}}, "FIELD_ENCRYPTION_KEYS is another key"),
        ({"FIELD_ENCRYPTION_KEYS": {2: OTHER}}, "FIELD_ENCRYPTION_KEYS lacks version 1"),
        ({"TELEMETRY_TOKEN_KEYS": {1: OTHER}}, "TELEMETRY_TOKEN_KEYS version 1 is another key"),
        ({"TELEMETRY_TOKEN_KEYS": {2: OTHER}}, "TELEMETRY_TOKEN_KEYS lacks version 1"),
        ({"AUDIT_SIGNING_KEYS": {1: OTHER}}, "AUDIT_SIGNING_KEYS version 1 is another key"),
        ({"AUDIT_SIGNING_KEYS": {3: OTHER}}, "AUDIT_SIGNING_KEYS lacks version 1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_keys_are_named(
    keys: dict[str, Any], says: str, world: World, elsewhere: Path, databases: Databases
) -> None:
    with override_settings(**keys):
        assert says in refusal(world.backup, databases).detail


def test_nothing_is_restored_over_something(world: World, elsewhere: Path, databases: Databases) -> None:
    with new_database(databases) as name:
        with psycopg.connect(ADMIN_URL, autocommit=True) as server:
            server.execute(f"CREATE DATABASE {name} OWNER app_owner".encode())
        with psycopg.connect(ADMIN_URL, dbname=name, autocommit=True) as database:
            database.execute("CREATE TABLE mine (id int)")
        with pytest.raises(WrongState, match=f"The database {name} is not empty"):
            restored(world.backup, later=Later(unknown=True))
        with psycopg.connect(ADMIN_URL, dbname=name) as database:
            tables = database.execute("SELECT relname FROM pg_class WHERE relname IN ('mine', 'plans')").fetchall()
        assert tables == [("mine",)]


def test_nor_over_files_nor_without_a_word_about_the_erased(
    world: World, elsewhere: Path, databases: Databases
) -> None:
    (elsewhere / "archive" / "segments").mkdir(parents=True)
    (elsewhere / "archive" / "segments" / "mine").touch()
    assert "archive is not empty" in refusal(world.backup, databases).detail
    shutil.rmtree(elsewhere / "archive")
    error = refusal(world.backup, databases, later=Later())
    assert (type(error), "--erasures" in error.detail) == (InvalidInput, True)
    (elsewhere / "list").write_text('{"format": "something else"}\n')
    assert "line 1" in refusal(world.backup, databases, later=Later((elsewhere / "list",))).detail


def test_keys_that_are_older_than_the_backup_are_refused(
    world: World, copied: Path, elsewhere: Path, databases: Databases
) -> None:
    made = open_manifest(copied)
    (copied / NAME).unlink()
    write_manifest(type(made)(**{**made.__dict__, "made_at": "2020-01-01T00:00:00+00:00"}), copied)
    assert "older than the backup" in refusal(world.backup, databases, keys_of=copied).detail


def test_a_database_that_could_not_be_filled_is_dropped(
    world: World, copied: Path, elsewhere: Path, databases: Databases
) -> None:
    """The dump is what the manifest says, and no dump all the same."""
    made = open_manifest(copied)
    (copied / DATABASE_PART).write_bytes(b"PGDMP")
    made.parts[DATABASE_PART] = {"bytes": 5, "sha256": "f" * 64}
    from common.backup.manifest import part_of

    made.parts[DATABASE_PART] = part_of(copied / DATABASE_PART)
    (copied / NAME).unlink()
    write_manifest(made, copied)
    assert "pg_restore failed" in refusal(copied, databases).detail
