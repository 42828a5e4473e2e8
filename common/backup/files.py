"""Folders as tar files, and where they go back to."""

from __future__ import annotations

import os
import shutil
import tarfile
from pathlib import Path

from common.errors import WrongState


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file that is never changed in place a second name, or copy it where that is on another disk."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def pack(folder: Path, target: Path) -> None:
    """Write a folder's files as an uncompressed tar, in the order of their names, for nobody else to read."""
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    tar.add(path, arcname=path.relative_to(folder).as_posix(), recursive=False, filter=_nobodys)
        file.flush()
        os.fsync(file.fileno())


def refuse_used(place: Path) -> None:
    """Refuse a folder that holds files.

    Raises:
        WrongState: it does.
    """
    if holds_files(place):
        raise WrongState(f"{place} is not empty: move it away, or say --keep-files to leave it as it is.")


def holds_files(place: Path) -> bool:
    """Return whether there is a file below the folder, hidden ones aside."""
    return place.is_dir() and any(path.is_file() and not path.name.startswith(".") for path in place.rglob("*"))


def unpack(source: Path, place: Path) -> int:
    """Write a tar's files below a folder; return how many. Nothing that is there is replaced, nothing leaves it."""
    place.mkdir(parents=True, exist_ok=True)
    count = 0
    with tarfile.open(source) as tar:
        for member in tar:
            tar.extract(member, place, filter="data")
            count += 1
    return count


def _nobodys(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
