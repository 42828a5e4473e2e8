"""Restoring a backup into an empty database, and proving that everything is there."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from psycopg.conninfo import make_conninfo

from common.backup.contributions import CONTRIBUTIONS, FILES, CaughtUp, Later
from common.backup.database import KEYS_TABLE, connected, drop, fill, make_empty, state_of
from common.backup.files import holds_files, refuse_used, unpack
from common.backup.manifest import Manifest, differences
from common.backup.opening import (
    DATABASE_PART,
    KEYS_PART,
    contributions,
    faults_of,
    faults_of_keys,
    open_manifest,
)
from common.errors import InvalidInput, WrongState
from common.provisioning import OWNER, grant

_MOST: Final = 20


@dataclass(frozen=True)
class Source:
    """What to restore.

    Args:
        backup: its folder.
        keys_of: another backup whose keys of people are taken; None for the same one's.
        keep_files: leave folders that hold files as they are.
    """

    backup: Path
    keys_of: Path | None = None
    keep_files: bool = False


@dataclass
class Restored:
    """What a restore came to; `faults` is empty where all is as it was when the backup was made."""

    database: str
    made_at: str
    rows: int = 0
    files: dict[str, int] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    done_again: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


def restore_backup(source: Source, *, admin_url: str, later: Later) -> Restored:
    """Restore into the database that `DATABASE_URL` names as `app_owner`, which is made where it is missing.

    Everything is looked at first: parts, keys, release, target. A database that we made and could not fill is dropped.

    Raises:
        InvalidInput: no backup, cannot connect, or nothing is said about who was erased since.
        WrongState: damaged, other keys, another release, the database or a folder is not empty.
        ProgramFailed: pg_restore failed.
    """
    begun = time.monotonic()
    made, keys = _looked_at(source, later)
    restored = Restored(str(connection.settings_dict["NAME"]), made.made_at)
    is_new = make_empty(admin_url, restored.database)
    try:
        connection.close()
        fill(admin_url, restored.database, source.backup / DATABASE_PART, (source.keys_of or source.backup) / KEYS_PART)
        restored.rows = sum(made.tables.values())
        for name, files in FILES.items():
            _put(source, name, files.place(), restored)
    except BaseException:
        if is_new:
            drop(admin_url, restored.database)
        raise
    restored.seconds["restored"] = time.monotonic() - begun
    restored.faults += _state_faults(made, keys, admin_url, restored.database)
    with connected(admin_url, "/admin-url", dbname=restored.database, autocommit=True) as database:
        grant(database, restored.database)
    _prove(made, later, restored)
    restored.seconds["in all"] = time.monotonic() - begun
    return restored


def catch_up(later: Later) -> CaughtUp:
    """Do again in the present database what happened after it was backed up, however it was restored.

    Raises:
        InvalidInput: nothing is said about who was erased since.
    """
    found = CaughtUp()
    for _, contribution in contributions():
        if contribution.ready:
            contribution.ready(later)
    for _, contribution in contributions():
        if contribution.catch_up:
            more = contribution.catch_up(later)
            found.done.extend(more.done)
            found.faults.extend(more.faults)
    return found


def _looked_at(source: Source, later: Later) -> tuple[Manifest, Manifest]:
    """Return the manifests of the backup and of what its keys are taken from; refuse whatever is not in order."""
    if connection.vendor != "postgresql" or connection.settings_dict["USER"] != OWNER:
        raise InvalidInput(f"DATABASE_URL has to name the new database as {OWNER}", pointer="/database-url")
    made = open_manifest(source.backup)
    faults = faults_of(source.backup, made, without_keys=source.keys_of is not None)
    keys = made
    if source.keys_of is not None:
        keys = open_manifest(source.keys_of)
        faults += [fault for fault in faults_of(source.keys_of, keys) if fault.startswith(KEYS_PART)]
        faults += faults_of_keys(keys)
        if keys.made_at < made.made_at:
            faults.append("the keys of people are older than the backup: those of people who came between are missing")
    elif not (source.backup / KEYS_PART).exists():
        faults.append("people's keys of this backup are over: say --subject-keys with a newer backup")
    if faults:
        raise WrongState(f"Nothing was restored: {_listed(faults)}.")
    _check_release(made)
    for _, contribution in contributions():
        if contribution.ready:
            contribution.ready(later)
    for _, files in FILES.items():
        place = files.place()
        if place is not None and not source.keep_files:
            refuse_used(place)
    return made, keys


def _check_release(made: Manifest) -> None:
    """Refuse what another release made: its tables are not ours.

    Raises:
        WrongState: the migrations differ.
    """
    ours = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations or {}}
    theirs = set(made.migrations)
    replaced = theirs - ours
    if replaced or ours - theirs:
        raise WrongState(
            "Nothing was restored: another release made this backup "
            f"(migrations of its own: {_listed(sorted(replaced)) or 'none'}; "
            f"it lacks: {_listed(sorted(ours - theirs)) or 'none'}). Restore with that release, then upgrade."
        )


def _put(source: Source, name: str, place: Path | None, restored: Restored) -> None:
    if place is None or holds_files(place):
        restored.kept.append(name)
    else:
        restored.files[name] = unpack(source.backup / f"{name}.tar", place)


def _state_faults(made: Manifest, keys: Manifest, admin_url: str, name: str) -> list[str]:
    """Return what differs from the snapshot: rows, rights, migrations."""
    left_out = [table for _, contribution in CONTRIBUTIONS.items() for table in contribution.left_out]
    with connected(make_conninfo(admin_url, dbname=name), "/admin-url") as database:
        state = state_of(database.cursor(), left_out)
    expected = {**made.tables, KEYS_TABLE: keys.tables[KEYS_TABLE]}
    faults = [
        f"{table} has {state.tables.get(table)} rows, the backup {expected.get(table)}"
        for table in differences(expected, state.tables)
    ]
    faults += [f"who may do what with {thing} differs" for thing in differences(made.rights, state.rights)]
    if state.migrations != made.migrations:
        faults.append("the migrations differ")
    return faults[:_MOST]


def _prove(made: Manifest, later: Later, restored: Restored) -> None:
    for name, contribution in contributions():
        if contribution.verify:
            try:
                restored.faults += contribution.verify(made.facts.get(name, {}))
            except ImproperlyConfigured as error:
                restored.faults.append(str(error))
    found = catch_up(later)
    restored.done_again += found.done
    restored.faults += found.faults


def _listed(what: Sequence[Any]) -> str:
    shown = "; ".join(str(one) for one in what[:_MOST])
    return f"{shown}; and {len(what) - _MOST} more" if len(what) > _MOST else shown
