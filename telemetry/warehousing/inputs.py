"""Which files of events can be read. One that cannot be is named with the reason, and the build goes on without it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from telemetry.schema_files import schemas

if TYPE_CHECKING:
    import pyarrow as pa

TEXTS: Final = ("id", "source", "type", "subject", "dataschema", "data")
TIMES: Final = ("time", "recorded_at")
COLUMNS: Final = ("id", "source", "type", "subject", "dataschema", "time", "recorded_at", "data")
_LATER: Final = frozenset({"recorded_at"})
"""Columns that files of earlier relays do not have."""


@dataclass(frozen=True, slots=True)
class Input:
    """One file. name: below the folder. problem: why it cannot be read, if so. columns: which of ours it has."""

    path: Path
    name: str
    size: int
    changed_ns: int
    columns: frozenset[str]
    problem: str = ""


def inputs_in(folder: Path) -> list[Input]:
    """Return the files of events below a folder, in the order of their names; what is being written is none."""
    return list(_inputs(folder))


def schemas_for_dbt() -> dict[str, Any]:
    """Return types and, by `<type>:<version>`, the properties that the warehouse checks before it uses an event."""
    known = sorted(schemas().items())
    return {
        "types": sorted({name for (name, _), _ in known}),
        "versions": {f"{name}:{version}": _properties(schema) for (name, version), schema in known},
    }


def _inputs(folder: Path) -> Iterator[Input]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    for path in sorted(folder.glob("type=*/day=*/[!.]*.parquet")):
        name = path.relative_to(folder).as_posix()
        try:
            known = path.stat()
        except FileNotFoundError:  # compacted meanwhile
            continue
        columns, problem = frozenset[str](), ""
        try:
            schema = pq.read_schema(path)
            columns, problem = frozenset(COLUMNS) & set(schema.names), _problem(schema)
        except FileNotFoundError:
            continue
        except (pa.ArrowException, OSError) as error:
            problem = f"no Parquet file ({type(error).__name__})"
        yield Input(path, name, known.st_size, known.st_mtime_ns, columns, problem)


def _problem(schema: pa.Schema) -> str:
    import pyarrow as pa

    for name in COLUMNS:
        if name not in schema.names:
            if name not in _LATER:
                return f"no column {name}"
            continue
        kind = schema.field(name).type
        fits = pa.types.is_timestamp(kind) and kind.tz if name in TIMES else _is_text(kind)
        if not fits:
            return f"column {name} is {kind}"
    return ""


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


_KINDS: Final = {"integer": "number"}


def _properties(schema: dict[str, Any]) -> list[dict[str, Any]]:
    required = set(schema.get("required", ()))
    found = []
    for name, told in schema.get("properties", {}).items():
        types = told.get("type", [])
        kinds = sorted({_KINDS.get(one, one) for one in ([types] if isinstance(types, str) else types)})
        found.append({"name": name, "kinds": kinds, "required": name in required, "format": told.get("format", "")})
    return found
