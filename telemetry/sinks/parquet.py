"""Parquet files, `type=…/day=…/<first id>-<digest of the ids>.parquet`: one for each type and day of a batch.

A file is written under a hidden name, synchronised, and renamed: readers see it whole or not at all. The same batch
again gets the same name and replaces itself; another batch with some of the same events repeats them, as "at least
once" says. Columns: the envelope's, `recorded_at` (when the relay wrote it), `data` as JSON text, and each scalar of
the schema as `data_<name>`.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pyarrow as pa

from common import clock
from telemetry.compatibility import types_of
from telemetry.schema_files import schema_of
from telemetry.sinks.contract import Event, Refused
from telemetry.sinks.files import HIDDEN, digest_of, put

_TIMESTAMP: Final = pa.timestamp("us", tz="UTC")
_ENVELOPE: Final = ("id", "source", "type", "subject", "dataschema")
# A hidden file this old belongs to nobody who still writes.
_ABANDONED_SECONDS: Final = 3600

Convert = Callable[[Any], Any]


class ParquetSink:
    """Writes below a folder, which is made where it is missing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._taken: dict[Path, pa.Table] = {}
        folder.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(folder)

    def write(self, batch: Sequence[Event]) -> None:
        """Turn a batch into tables.

        Raises:
            Refused: a value does not fit its column.
        """
        groups: dict[tuple[str, int, date], list[Event]] = defaultdict(list)
        for event in batch:
            groups[event.type, event.version, event.time.astimezone(UTC).date()].append(event)
        tables, refused = {}, dict[UUID, str]()
        for (name, version, day), events in groups.items():
            try:
                tables[self._path(name, day, events)] = _table(name, version, events)
            except (pa.ArrowException, OverflowError, ValueError, TypeError):
                refused |= _misfits(name, version, events)
        if refused:
            raise Refused(refused)
        self._taken |= tables

    def flush(self) -> None:
        """Write every table under a hidden name, then give all their names."""
        taken, self._taken = self._taken, {}
        put(taken, self._folder)

    def close(self) -> None:
        """Forget what was not flushed."""
        self._taken = {}

    def _path(self, name: str, day: date, events: Sequence[Event]) -> Path:
        digest = digest_of(str(event.id) for event in events)
        return self._folder / f"type={name}" / f"day={day.isoformat()}" / f"{events[0].id}-{digest}.parquet"


def scalar_columns(schema: Mapping[str, Any]) -> dict[str, tuple[pa.DataType, Convert]]:
    """Return type and conversion of each property that has a column of its own, by property."""
    found = {name: _column(inner) for name, inner in schema.get("properties", {}).items()}
    return {name: column for name, column in found.items() if column is not None}


def _column(schema: Mapping[str, Any]) -> tuple[pa.DataType, Convert] | None:
    types = types_of(schema) - {"null"}
    if len(types) != 1:
        return None
    (kind,) = types
    if kind == "string" and schema.get("format") == "date":
        return pa.date32(), date.fromisoformat
    if kind == "string" and schema.get("format") == "date-time":
        return _TIMESTAMP, datetime.fromisoformat
    plain: dict[str, tuple[pa.DataType, Convert]] = {
        "string": (pa.string(), str),
        "integer": (pa.int64(), int),
        "number": (pa.float64(), float),
        "boolean": (pa.bool_(), bool),
    }
    return plain.get(kind)


def _table(name: str, version: int, events: Sequence[Event]) -> pa.Table:
    columns: dict[str, pa.Array] = {
        word: pa.array([event.envelope.get(word) for event in events], pa.string()) for word in _ENVELOPE
    }
    columns["time"] = pa.array([event.time for event in events], _TIMESTAMP)
    columns["recorded_at"] = pa.array([clock.now()] * len(events), _TIMESTAMP)
    texts = [json.dumps(event.envelope["data"], ensure_ascii=False, sort_keys=True) for event in events]
    columns["data"] = pa.array(texts, pa.string())
    for word, (kind, convert) in scalar_columns(schema_of(name, version)).items():
        raw = [event.envelope["data"].get(word) for event in events]
        columns[f"data_{word}"] = pa.array([None if value is None else convert(value) for value in raw], kind)
    return pa.table(columns)


def _misfits(name: str, version: int, events: Sequence[Event]) -> dict[UUID, str]:
    """Return which events of a group do not become rows, one by one."""
    found = {}
    for event in events:
        try:
            _table(name, version, [event])
        except (pa.ArrowException, OverflowError, ValueError, TypeError) as error:
            found[event.id] = f"does not fit into Parquet ({type(error).__name__})"
    return found


def _remove_abandoned(folder: Path) -> None:
    """Remove what relays that were killed left unfinished."""
    for part in folder.glob(f"*/*/.*{HIDDEN}"):
        try:
            if time.time() - part.stat().st_mtime > _ABANDONED_SECONDS:
                part.unlink()
        except FileNotFoundError:  # another relay was quicker
            continue
