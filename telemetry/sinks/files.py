"""Parquet files that are whole or not there, and the lock of whoever rewrites them. Pure.

New files may appear at any time. What changes or removes files holds `rewriting`; a reader that holds `reading`
meanwhile sees no file vanish between its listing and its reading.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from common.durable import synchronise

HIDDEN: Final = ".part"
_LOCK: Final = ".rewriting.lock"


def put(tables: Mapping[Path, pa.Table], root: Path) -> None:
    """Write every table under a hidden name, then give all their names; keep the names over a power cut.

    Raises:
        OSError: nothing hidden is left; of the names, the first ones may have been given.
    """
    hidden = []
    try:
        for path, table in tables.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f".{path.name}.{os.getpid()}{HIDDEN}")
            hidden.append(part)
            with part.open("wb") as file:
                pq.write_table(table, file, compression="zstd")
                file.flush()
                os.fsync(file.fileno())
        for part, path in zip(hidden, tables, strict=True):
            part.rename(path)
    except BaseException:
        for part in hidden:
            part.unlink(missing_ok=True)
        raise
    for folder in {folder for path in tables for folder in (path.parent, path.parent.parent, root)}:
        synchronise(folder)


def digest_of(ids: Iterable[str]) -> str:
    """Return what tells files with different events apart: 16 hexadecimal digits."""
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()[:16]


@contextmanager
def reading(root: Path) -> Iterator[None]:
    """Keep files from being rewritten or removed; new ones may still appear. Waits for who rewrites now."""
    with _locked(root, fcntl.LOCK_SH):
        yield


@contextmanager
def rewriting(root: Path) -> Iterator[None]:
    """Be the only one who rewrites or removes files, once nobody reads. A process that dies gives the lock back."""
    with _locked(root, fcntl.LOCK_EX):
        yield


@contextmanager
def _locked(root: Path, how: int) -> Iterator[None]:
    root.mkdir(parents=True, exist_ok=True)
    with (root / _LOCK).open("ab") as file:
        fcntl.flock(file, how)
        yield
