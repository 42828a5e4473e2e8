"""Making a backup, and letting old ones go."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from django.db import connection

from common import clock
from common.backup import manifest
from common.backup.contributions import CONTRIBUTIONS, FILES
from common.backup.database import State, dump, snapshot, state_of
from common.backup.files import pack
from common.backup.manifest import Manifest
from common.backup.opening import KEYS_PART, keys_here, write_manifest
from common.durable import synchronise
from common.errors import InvalidInput, WrongState

_PREFIX: Final = "mesocycle-"
_STAMP: Final = "%Y%m%dT%H%M%SZ"
_HALF: Final = ".half-"
# No backup lasts that long: what is left of one that was killed goes.
_ABANDONED: Final = timedelta(days=2)


@dataclass(frozen=True)
class Made:
    """A backup: its folder, how large it is (bytes by part), how many rows, how long it took (seconds)."""

    folder: Path
    parts: dict[str, int]
    rows: int
    seconds: float


@dataclass(frozen=True)
class Thinned:
    """Names of backups that went, and of those whose keys of people went."""

    removed: list[str]
    without_keys: list[str]


def make_backup(root: Path, url: str) -> Made:
    """Write a backup into a new folder below `root`; it has its name once it is whole.

    First one snapshot of the database, then the files: the database never refers to a file that came later than it
    looked, and what came later of heads and segments is left out.

    Args:
        url: the database, by a role that row-level security does not bind.

    Raises:
        InvalidInput: cannot connect, or write there.
        NotPermitted: row-level security binds this role.
        WrongState: SQLite, or the database is not the application's.
        ProgramFailed: pg_dump failed.
    """
    if connection.vendor != "postgresql":
        raise WrongState("Backups are of PostgreSQL. On SQLite stop the processes and copy the folder MESOCYCLE_VAR.")
    begun = time.monotonic()
    for _, contribution in CONTRIBUTIONS.items():
        if contribution.prepare:
            contribution.prepare()
    at = clock.now().astimezone(UTC)
    with _half(root, f"{_PREFIX}{at.strftime(_STAMP)}") as (folder, target):
        made = _database(folder, url, at)
        _files(folder, made)
        made.parts.update({path.name: manifest.part_of(path) for path in sorted(folder.iterdir())})
        write_manifest(made, folder)
        synchronise(folder)
        folder.rename(target)
        synchronise(root)
    sizes = {name: part["bytes"] for name, part in made.parts.items()}
    return Made(target, sizes, sum(made.tables.values()), time.monotonic() - begun)


def thin_out(root: Path, *, days: int, keys_days: int) -> Thinned:
    """Remove backups older than `days`, and people's keys from those older than `keys_days`; the newest one stays.

    Raises:
        InvalidInput: keys would be kept for longer than what they open.
    """
    if keys_days > days:
        raise InvalidInput("keys cannot be kept for longer than the backups they belong to", pointer="/keys-days")
    now, thinned = clock.now(), Thinned([], [])
    for name, made_at in _backups(root)[:-1]:
        if now - made_at > timedelta(days=days):
            # Its name first: what is killed here leaves nothing that looks like a backup.
            shutil.rmtree((root / name).rename(root / f"{_HALF}{name}"))
            thinned.removed.append(name)
        elif now - made_at > timedelta(days=keys_days) and (root / name / KEYS_PART).exists():
            (root / name / KEYS_PART).unlink()
            thinned.without_keys.append(name)
    return thinned


def _database(folder: Path, url: str, at: datetime) -> Manifest:
    """Dump one snapshot, and return the manifest of it without its parts."""
    left_out = [table for _, contribution in CONTRIBUTIONS.items() for table in contribution.left_out]
    with snapshot(url) as (cursor, name):
        cursor.execute("SELECT current_database()")
        (database,) = cursor.fetchone() or ("",)
        if database != connection.settings_dict["NAME"]:
            raise WrongState(f"DATABASE_URL is about {connection.settings_dict['NAME']}, the backup about {database}.")
        state: State = state_of(cursor, left_out)
        facts: dict[str, Any] = {
            key: dict(contribution.facts(cursor)) for key, contribution in CONTRIBUTIONS.items() if contribution.facts
        }
        dump(url, folder, name, left_out)
    moment = at.isoformat(timespec="seconds")
    return Manifest(moment, database, state.server, state.migrations, state.tables, state.rights, keys_here(), facts)


def _files(folder: Path, made: Manifest) -> None:
    for name, files in FILES.items():
        staging = folder / f"{name}.d"
        staging.mkdir(mode=0o700)
        files.stage(staging, made.facts)
        pack(staging, folder / f"{name}.tar")
        shutil.rmtree(staging)


@contextmanager
def _half(root: Path, name: str) -> Iterator[tuple[Path, Path]]:
    """Yield a hidden folder that nobody else may read, and what it shall be called; it goes where that fails."""
    target, folder = root / name, root / f"{_HALF}{name}"
    try:
        root.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(root)
        if target.exists():
            raise InvalidInput(f"{target} is there already", pointer="/folder")
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise InvalidInput(f"cannot write to {root}: {error.strerror}", pointer="/folder") from error
    try:
        yield folder, target
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _remove_abandoned(root: Path) -> None:
    for path in root.glob(f"{_HALF}*"):
        if time.time() - path.stat().st_mtime > _ABANDONED.total_seconds():
            shutil.rmtree(path, ignore_errors=True)


def _backups(root: Path) -> list[tuple[str, datetime]]:
    """Return name and moment of each backup below a folder, the oldest first."""
    found = []
    for path in sorted(root.glob(f"{_PREFIX}*")):
        try:
            stamp = datetime.strptime(path.name.removeprefix(_PREFIX), _STAMP)
        except ValueError:
            continue
        found.append((path.name, stamp.replace(tzinfo=UTC)))
    return found
