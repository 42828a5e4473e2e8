"""Writing a table of the feature store: sorted, by month, the same bytes for the same rows. Pure.

Rows go through files on disk, one a month, so that a table of any size needs the memory of its largest month.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from modeling.training.contract import SCHEMA_VERSION, Kind, Table
from modeling.training.store_files import Part, Place, sha256_of

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK: Final = 10_000
ROW_GROUP: Final = 65_536


def arrow_type(kind: Kind) -> pa.DataType:
    """Return what Arrow calls a kind of column: moments are microseconds in UTC, days calendar days, JSON is text."""
    import pyarrow as pa

    return {
        Kind.TEXT: pa.string(),
        Kind.NUMBER: pa.float64(),
        Kind.WHOLE: pa.int64(),
        Kind.TRUTH: pa.bool_(),
        Kind.DAY: pa.date32(),
        Kind.MOMENT: pa.timestamp("us", tz="UTC"),
        Kind.JSON: pa.string(),
    }[kind]


def arrow_schema(table: Table) -> pa.Schema:
    """Return a table's schema."""
    import pyarrow as pa

    fields = [pa.field(one.name, arrow_type(one.kind), nullable=not one.required) for one in table.columns]
    return pa.schema(fields, metadata={"table": table.name, "schema": str(SCHEMA_VERSION)})


def write_table(
    root: str | Path | Place,
    table: Table,
    rows: Iterable[Mapping[str, Any]] | pa.Table,
    *,
    before: Mapping[str, Part] | None = None,
    stamps: Mapping[str, str] | None = None,
) -> list[Part]:
    """Write a table's rows by month of `available_at` and return the files, for `write_manifest`.

    Args:
        rows: mappings by column (further names are ignored), or a pyarrow table with these columns; in any order.
        before: the files of the manifest by month; one with the same content is not written again.
        stamps: kept with the files, by month.

    Raises:
        ValueError: a required column is empty in some row, or a value is not of its column's kind.
        StoreError: the place cannot be written.
    """
    import pyarrow as pa

    place = root if isinstance(root, Place) else Place(root)
    known, marks = before or {}, stamps or {}
    if isinstance(rows, pa.Table):
        return [
            _write_month(place, table, month, part, known.get(month), marks.get(month, ""))
            for month, part in sorted(_by_month(_checked(table, rows)))
        ]
    with tempfile.TemporaryDirectory() as folder:
        aside = _put_aside(table, rows, Path(folder))
        return [
            _write_month(place, table, month, _read_aside(path), known.get(month), marks.get(month, ""))
            for month, path in sorted(aside.items())
        ]


def table_of(table: Table, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Return rows as a pyarrow table of the contract's schema.

    Raises:
        ValueError: as `write_table`.
    """
    import pyarrow as pa

    listed, schema = list(rows), arrow_schema(table)
    columns = []
    for one in schema:
        try:
            columns.append(pa.array([row.get(one.name) for row in listed], type=one.type))
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
            raise ValueError(f"{table.name}: {one.name}: {error}") from error
    return _checked(table, pa.Table.from_arrays(columns, names=schema.names))


def _checked(table: Table, rows: pa.Table) -> pa.Table:
    """Return the rows with the contract's columns and types, and refuse holes in required ones."""
    import pyarrow as pa

    schema = arrow_schema(table)
    try:
        found = rows.select(schema.names)
        for one in schema:
            holes = found.column(one.name).null_count
            if holes and not one.nullable:
                raise ValueError(f"{one.name} is empty in {holes} rows")
        return found.cast(schema)
    except (KeyError, pa.ArrowInvalid, ValueError) as error:
        raise ValueError(f"{table.name}: {error}") from error


def _by_month(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    import pyarrow.compute as pc

    if not rows.num_rows:
        return
    when = rows.column("available_at")
    months = pc.add(pc.multiply(pc.year(when), 100), pc.month(when))
    for number in pc.unique(months).to_pylist():
        yield f"{number // 100:04}-{number % 100:02}", rows.filter(pc.equal(months, number))


def _put_aside(table: Table, rows: Iterable[Mapping[str, Any]], folder: Path) -> dict[str, Path]:
    """Write rows to one file a month as they come."""
    import pyarrow as pa

    schema, writers, rest = arrow_schema(table), dict[str, Any](), iter(rows)
    try:
        while chunk := list(islice(rest, CHUNK)):
            for month, part in _by_month(table_of(table, chunk)):
                if month not in writers:
                    writers[month] = pa.ipc.new_file(str(folder / month), schema)
                writers[month].write_table(part)
    finally:
        for writer in writers.values():
            writer.close()
    return {month: folder / month for month in writers}


def _read_aside(path: Path) -> pa.Table:
    import pyarrow as pa

    with pa.memory_map(str(path)) as file:
        return pa.ipc.open_file(file).read_all()


def _write_month(place: Place, table: Table, month: str, rows: pa.Table, before: Part | None, stamp: str) -> Part:
    content = parquet_bytes(table, rows)
    digest = sha256_of(content)
    path = f"{table.name}/month={month}/part-{digest[:16]}.parquet"
    if before is None or before.path != path:
        place.write(path, content)
    return Part(month, path, rows.num_rows, len(content), digest, stamp)


def parquet_bytes(table: Table, rows: pa.Table) -> bytes:
    """Return the rows, sorted by `available_at`, the key and then whatever else tells them apart, as a Parquet file."""
    import pyarrow.parquet as pq

    first = ("available_at", *table.key)
    names = [*first, *(one.name for one in table.columns if one.name not in first)]
    ordered = rows.sort_by([(name, "ascending") for name in names]).combine_chunks()
    buffer = io.BytesIO()
    pq.write_table(
        ordered.replace_schema_metadata(arrow_schema(table).metadata),
        buffer,
        compression="zstd",
        compression_level=3,
        version="2.6",
        row_group_size=ROW_GROUP,
        store_schema=False,
    )
    return buffer.getvalue()
