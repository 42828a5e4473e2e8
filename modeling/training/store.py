"""The feature store as training reads it: tables as they were known at a moment. Pure; needs pyarrow, DuckDB.

Every answer is as of a moment: rows that became available later are not there, nor are those that had been withdrawn by
then; a withdrawal that came later, like any other optional moment that lies after it, is empty. A file is compared with
the manifest's hash before anything is read from it.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from modeling.training.contract import TABLES, Column, Kind, Table
from modeling.training.store_files import (
    ChangedStore,
    DamagedStore,
    EmptyStore,
    Manifest,
    Part,
    Place,
    StoreError,
    read_manifest,
    sha256_of,
    write_manifest,
)
from modeling.training.store_write import arrow_schema, table_of, write_table

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

__all__ = [
    "ChangedStore",
    "DamagedStore",
    "EmptyStore",
    "FeatureStore",
    "Manifest",
    "Part",
    "Place",
    "StoreError",
    "arrow_schema",
    "read_manifest",
    "table_of",
    "write_manifest",
    "write_table",
]

_SQL: Final = {
    Kind.TEXT: "VARCHAR",
    Kind.NUMBER: "DOUBLE",
    Kind.WHOLE: "BIGINT",
    Kind.TRUTH: "BOOLEAN",
    Kind.DAY: "DATE",
    Kind.MOMENT: "TIMESTAMP WITH TIME ZONE",
    Kind.JSON: "VARCHAR",
}
_WITHDRAWN: Final = "withdrawn_at"


class FeatureStore:
    """A store as one manifest describes it."""

    def __init__(self, place: Place, manifest: Manifest) -> None:
        self._place = place
        self.manifest = manifest
        self._verified: set[str] = set()

    @classmethod
    def open(cls, url: str) -> FeatureStore:
        """Open a folder or `s3://bucket/prefix`.

        Raises:
            EmptyStore: nothing was exported there.
            DamagedStore: the manifest cannot be read, or is of another schema.
            StoreError: the place cannot be reached.
        """
        place = Place(url)
        return cls(place, read_manifest(place))

    def data_sha256(self) -> str:
        """Return the SHA-256 over the hashes of all files."""
        return self.manifest.data_sha256()

    def consented(self) -> frozenset[str]:
        """Return the tokens of the athletes whose consent to training stood at the export."""
        return self.manifest.consented

    def verify(self) -> None:
        """Compare every file with the manifest, and open it.

        Raises:
            DamagedStore: one is missing, differs or is no Parquet file of its table; says which.
            ChangedStore: the store was exported anew meanwhile.
        """
        for name, parts in self.manifest.parts.items():
            for part in parts:
                found = self._read_part(TABLES[name], part, None)
                if found.num_rows != part.rows:
                    raise DamagedStore(f"{part.path} holds {found.num_rows} rows, the manifest says {part.rows}.")

    def table(self, name: str, *, as_of: datetime, columns: Sequence[str] | None = None) -> pa.Table:
        """Return a table as it was known at a moment, sorted by `available_at` and its key.

        Args:
            columns: which ones, all by default.

        Raises:
            KeyError: there is no such table or column.
            DamagedStore, ChangedStore: as `verify`, of the files that are read.
        """
        import pyarrow as pa

        table, moment = TABLES[name], _utc(as_of)
        wanted = [table.column(one).name for one in columns] if columns is not None else None
        empty = arrow_schema(table).empty_table().select(wanted or [one.name for one in table.columns])
        found = [_known(rows, table, moment, wanted) for rows in self._months(table, moment, wanted)]
        return pa.concat_tables([empty, *found])

    def connect(self, *, as_of: datetime) -> duckdb.DuckDBPyConnection:
        """Return an in-memory database with one view a table, each as `table` gives it.

        It reaches neither the network nor any other file, uses at most two threads, and counts in UTC.

        Raises:
            DamagedStore, ChangedStore: as `verify`.
        """
        import duckdb

        moment = _utc(as_of)
        made = duckdb.connect(":memory:", config={"threads": 2, "memory_limit": "1GiB"})
        made.execute("SET TimeZone = 'UTC'")
        spill = tempfile.mkdtemp(prefix="features-")  # for this user's eyes alone
        weakref.finalize(made, shutil.rmtree, spill, ignore_errors=True)
        made.execute(f"SET temp_directory = {_text(spill)}")
        made.execute("SET autoinstall_known_extensions = false")
        made.execute("SET autoload_known_extensions = false")
        parts = {name: self._checked_parts(table, moment) for name, table in TABLES.items()}
        if self._place.is_local:
            allowed = ", ".join(_text(self._place.path(part.path)) for found in parts.values() for part in found)
            made.execute(f"SET allowed_paths = [{allowed}]")
        made.execute("SET enable_external_access = false")
        for name, table in TABLES.items():
            made.execute(f"CREATE VIEW {name} AS {self._select(made, table, parts[name], moment)}")
        made.execute("SET lock_configuration = true")
        return made

    def _select(self, made: Any, table: Table, parts: Sequence[Part], moment: datetime) -> str:
        columns = ", ".join(f'{_shown(one, moment)} AS "{one.name}"' for one in table.columns)
        if not parts:
            return f"SELECT {', '.join(_nothing(one) for one in table.columns)} WHERE false"
        if self._place.is_local:
            files = ", ".join(_text(self._place.path(part.path)) for part in parts)
            source = f"read_parquet([{files}], hive_partitioning = false)"
        else:
            source = f"{table.name}_files"
            made.register(source, self._dataset(table, parts))
        known = [f"available_at <= {_literal(moment)}"]
        if any(one.name == _WITHDRAWN for one in table.columns):
            known.append(f"({_WITHDRAWN} IS NULL OR {_WITHDRAWN} > {_literal(moment)})")
        return f"SELECT {columns} FROM {source} WHERE {' AND '.join(known)}"

    def _dataset(self, table: Table, parts: Sequence[Part]) -> Any:
        from pyarrow import dataset

        paths = [self._place.path(part.path) for part in parts]
        return dataset.dataset(paths, schema=arrow_schema(table), format="parquet", filesystem=self._place.files)

    def _months(self, table: Table, moment: datetime, wanted: Sequence[str] | None) -> Iterator[pa.Table]:
        for part in _until(self.manifest.parts[table.name], moment):
            yield self._read_part(table, part, wanted)

    def _checked_parts(self, table: Table, moment: datetime) -> list[Part]:
        found = _until(self.manifest.parts[table.name], moment)
        for part in found:
            if part.path not in self._verified:
                self._read_part(table, part, ())
        return found

    def _read_part(self, table: Table, part: Part, wanted: Sequence[str] | None) -> pa.Table:
        """Return a file's rows, of some columns and of those that `_known` looks at; of none for `()`."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        content = self._content(part)
        if sha256_of(content) != part.sha256:
            raise DamagedStore(f"{part.path} differs from what was exported (SHA-256). Export anew.")
        needed = {"available_at", _WITHDRAWN}
        names = [one.name for one in table.columns if wanted is None or one.name in wanted or one.name in needed]
        try:
            file = pq.ParquetFile(pa.BufferReader(content))
            rows = file.read(columns=names) if wanted != () else arrow_schema(table).empty_table()
            if missing := set(arrow_schema(table).names) - set(file.schema_arrow.names):
                raise DamagedStore(f"{part.path} has no column {', '.join(sorted(missing))}.")
        except (pa.ArrowInvalid, OSError) as error:
            raise DamagedStore(f"{part.path} is no Parquet file that can be read: {error}") from error
        self._verified.add(part.path)
        return rows

    def _content(self, part: Part) -> bytes:
        try:
            return self._place.read(part.path)
        except FileNotFoundError:
            pass
        if read_manifest(self._place).paths() != self.manifest.paths():
            raise ChangedStore(f"{self._place.url} was exported anew while it was read: open it again.")
        raise DamagedStore(f"{part.path} is missing. Export anew.")


def _known(rows: pa.Table, table: Table, moment: datetime, wanted: Sequence[str] | None) -> pa.Table:
    """Apply the rule of this module to a month's rows."""
    import pyarrow as pa
    import pyarrow.compute as pc

    at = pa.scalar(moment, pa.timestamp("us", tz="UTC"))
    known = pc.less_equal(rows.column("available_at"), at)
    for one in (one for one in table.columns if one.name in rows.column_names and _is_optional_moment(one)):
        later = pc.greater(rows.column(one.name), at)
        if one.name == _WITHDRAWN:
            known = pc.and_(known, pc.if_else(pc.is_null(later), True, later))
        shown = pc.if_else(pc.fill_null(later, False), pa.scalar(None, at.type), rows.column(one.name))
        rows = rows.set_column(rows.column_names.index(one.name), rows.schema.field(one.name), shown)
    kept = rows.filter(known)
    schema = arrow_schema(table)
    names = wanted or schema.names
    return kept.select(names).cast(pa.schema([schema.field(name) for name in names], metadata=schema.metadata))


def _is_optional_moment(column: Column) -> bool:
    return column.kind is Kind.MOMENT and not column.required


def _shown(column: Column, moment: datetime) -> str:
    if not _is_optional_moment(column):
        return f'CAST("{column.name}" AS {_SQL[column.kind]})'
    return f'CASE WHEN "{column.name}" <= {_literal(moment)} THEN "{column.name}" END'


def _nothing(column: Column) -> str:
    return f'CAST(NULL AS {_SQL[column.kind]}) AS "{column.name}"'


def _until(parts: Sequence[Part], moment: datetime) -> list[Part]:
    return [part for part in parts if part.month <= f"{moment:%Y-%m}"]


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("as_of needs a time zone")
    return moment.astimezone(UTC)


def _literal(moment: datetime) -> str:
    return f"TIMESTAMPTZ '{moment:%Y-%m-%d %H:%M:%S.%f}+00'"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
