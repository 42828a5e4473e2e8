"""The finished marts: `marts/<build>/<table>.parquet`, and `current.json` that says which build readers take.

A build is whole or not there: its folder is written first, then `current.json` is replaced. The build before stays for
readers who have begun.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from django.conf import settings

_CURRENT: Final = "current.json"
KEPT: Final = 2


@dataclass(frozen=True, slots=True)
class Build:
    """What a published build says of itself. as_of: the moment its numbers are of. seconds: that it took."""

    name: str
    as_of: datetime
    built_at: datetime
    seconds: float
    target: str
    events: int
    quarantined: int
    newest_event: datetime | None
    has_synthetic: bool
    tests: int
    tables: tuple[str, ...]

    @property
    def folder(self) -> Path:
        return root() / "marts" / self.name

    def file(self, table: str) -> Path:
        """Return a table's file.

        Raises:
            KeyError: the build has no such table.
        """
        if table not in self.tables:
            raise KeyError(table)
        return self.folder / f"{table}.parquet"


def root() -> Path:
    """Return the folder of the warehouse."""
    return Path(settings.WAREHOUSE_DIR)


def current() -> Build | None:
    """Return the build that readers take, None where nothing was built yet."""
    try:
        told = json.loads((root() / _CURRENT).read_bytes())
    except FileNotFoundError:
        return None
    for name in ("as_of", "built_at", "newest_event"):
        told[name] = told[name] and datetime.fromisoformat(told[name])
    return Build(**{**told, "tables": tuple(told["tables"])})


def publish(build: Build) -> None:
    """Make a build, whose folder is written, the one that readers take; remove those before the last."""
    part = root() / f".{_CURRENT}.{os.getpid()}"
    with part.open("w") as file:
        json.dump(_document(build), file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    part.replace(root() / _CURRENT)
    older = sorted(one for one in (root() / "marts").iterdir() if one.name != build.name)
    for folder in older[: max(len(older) - KEPT + 1, 0)]:
        shutil.rmtree(folder, ignore_errors=True)


def _document(build: Build) -> dict[str, Any]:
    told = asdict(build)
    for name in ("as_of", "built_at", "newest_event"):
        told[name] = told[name] and told[name].isoformat()
    return told


def tables_of(nodes: Sequence[Any]) -> tuple[str, ...]:
    """Return the tables that readers get: facts, dimensions and marts; staging stays inside."""
    names = {one.name for one in nodes if one.kind == "model"}
    return tuple(sorted(name for name in names if name.startswith(("mart_", "fct_", "dim_"))))
