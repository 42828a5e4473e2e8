"""Parquet files that were written already: made one a type and day, and freed of what is to be forgotten. Pure.

Both are safe to kill at any moment and to run again. The new file stands whole under its name before an old one goes,
so that a reader in between meets an event twice, never too seldom; a reader that holds `files.reading` meets neither.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from common.durable import synchronise
from telemetry.forgetting import ARMS, Forget, what_is_left
from telemetry.sinks.files import digest_of, put, rewriting

_COMPACT: Final = "compact-"
_COLUMNS: Final = ("type", "time", "subject", "data")


@dataclass(frozen=True)
class Rewritten:
    """files: how many were read and replaced. rows: how many went or were changed because somebody is forgotten.

    duplicates: rows dropped since their id was there already. broken: files that could not be read, and stay.
    """

    files: int = 0
    rows: int = 0
    duplicates: int = 0
    broken: list[str] = field(default_factory=list)

    def __add__(self, other: Rewritten) -> Rewritten:
        counts = (self.files + other.files, self.rows + other.rows, self.duplicates + other.duplicates)
        return Rewritten(*counts, broken=self.broken + other.broken)


def forget_in_files(root: Path, forget: Forget) -> Rewritten:
    """Rewrite every file below `root` that holds somebody to forget, each in place."""
    done = Rewritten()
    for folder in _folders(root):
        with rewriting(root):
            for path in _files(folder):
                done += _forget_in(path, forget, root)
    return done


def compact_files(root: Path, *, before: date, forget: Forget) -> Rewritten:
    """Make one file of all files of a type and day, for each day before `before`, sorted by id and each id once.

    Of an event that came twice the row recorded first stays. A day whose files came through already is left alone
    until another file comes. What is to be forgotten goes as well: it may have come late. One type's day must fit into
    memory.
    """
    done = Rewritten()
    for folder in _folders(root):
        if folder.name.removeprefix("day=") < before.isoformat():
            with rewriting(root):
                done += _compact(folder, forget, root)
    return done


def _folders(root: Path) -> Iterator[Path]:
    yield from sorted(root.glob("type=*/day=*"))


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.parquet") if not path.name.startswith("."))


def _forget_in(path: Path, forget: Forget, root: Path) -> Rewritten:
    try:
        table, changed = _without(_read(path), forget)
    except (pa.ArrowException, OSError, ValueError) as error:
        return Rewritten(broken=[_told(path, root, error)])
    if not changed:
        return Rewritten()
    if table.num_rows:
        put({path: table}, root)
    else:
        path.unlink()
        synchronise(path.parent)
    return Rewritten(files=1, rows=changed)


def _compact(folder: Path, forget: Forget, root: Path) -> Rewritten:
    old = _files(folder)
    if not old or (len(old) == 1 and old[0].name.startswith(_COMPACT)):
        return Rewritten()
    tables, broken = [], []
    for path in old:
        try:
            tables.append(_read(path))
        except (pa.ArrowException, OSError) as error:
            broken.append(_told(path, root, error))
    if broken:
        return Rewritten(broken=broken)
    whole = pa.concat_tables(tables, promote_options="permissive")
    once = _once(whole)
    table, changed = _without(once, forget)
    new = folder / f"{_COMPACT}{digest_of(table['id'].to_pylist())}.parquet"
    if table.num_rows:
        put({new: table}, root)
    for path in old:
        if path != new:
            path.unlink()
    synchronise(folder)
    return Rewritten(files=len(old), rows=changed, duplicates=whole.num_rows - once.num_rows)


def _read(path: Path) -> pa.Table:
    return pq.ParquetFile(path).read()


def _once(table: pa.Table) -> pa.Table:
    """Return the rows by id, of each id the one recorded first."""
    if "recorded_at" in table.column_names:
        table = table.sort_by([("id", "ascending"), ("recorded_at", "ascending")])
    else:
        table = table.sort_by("id")
    ids = table["id"].to_pylist()
    first = [number == 0 or ids[number - 1] != one for number, one in enumerate(ids)]
    return table.filter(pa.array(first, pa.bool_()))


def _without(table: pa.Table, forget: Forget) -> tuple[pa.Table, int]:
    """Return a table without what is to be forgotten, and how many rows went or were changed."""
    if not forget:
        return table, 0
    kept = [True] * table.num_rows
    fresh: dict[int, str] = {}
    for number, (name, time, subject, data) in enumerate(
        zip(*(table[word].to_pylist() for word in _COLUMNS), strict=True)
    ):
        text = f"{subject} {data}"
        if not forget.concerns(text):
            continue
        before = json.loads(data)
        left = what_is_left(forget, name=name, time=time, text=text, data=before)
        kept[number] = left is not None
        if left is not None and left is not before:
            fresh[number] = json.dumps(left, ensure_ascii=False, sort_keys=True)
    changed = kept.count(False) + len(fresh)
    return _replaced(table, fresh).filter(pa.array(kept, pa.bool_())), changed


def _replaced(table: pa.Table, fresh: dict[int, str]) -> pa.Table:
    """Put new texts into `data`, and blanks into the arms' own columns of the same rows."""
    if not fresh:
        return table
    for word, values in (("data", fresh), *((f"data_{arm}", dict.fromkeys(fresh, "")) for arm in ARMS)):
        if word not in table.column_names:
            continue
        old = table[word].to_pylist()
        new = [values[number] if number in values and one is not None else one for number, one in enumerate(old)]
        table = table.set_column(table.column_names.index(word), word, pa.array(new, pa.string()))
    return table


def _told(path: Path, root: Path, error: Exception) -> str:
    return f"{path.relative_to(root)} cannot be read ({type(error).__name__})"
