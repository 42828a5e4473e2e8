"""The raw tables in PostgreSQL, file by file, and its tables as Parquet files.

Files that were loaded are remembered with size and time of change, so that a build loads what is new, loads again what
was rewritten (a person was forgotten, small files became one) and removes what is gone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

import psycopg
from psycopg import sql

from telemetry.warehousing.inputs import COLUMNS, Input

if TYPE_CHECKING:
    import pyarrow as pa

RAW: Final = "warehouse_raw"
SCHEMA: Final = "warehouse"
_BATCH: Final = 50_000
_TABLES: Final = f"""
CREATE SCHEMA IF NOT EXISTS {RAW};
CREATE SCHEMA IF NOT EXISTS {SCHEMA};
CREATE TABLE IF NOT EXISTS {RAW}.files (name text PRIMARY KEY, size bigint NOT NULL, changed_ns bigint NOT NULL);
CREATE TABLE IF NOT EXISTS {RAW}.events (id text, source text, type text, subject text, dataschema text,
    time timestamptz, recorded_at timestamptz, data jsonb, file text, row_in_file bigint);
CREATE INDEX IF NOT EXISTS events_of_file ON {RAW}.events (file);
CREATE TABLE IF NOT EXISTS {RAW}.unreadable (file text, detail text);
"""


def environment(url: str) -> dict[str, str]:
    """Return what `profiles.yml` reads to reach a database."""
    parts = urlsplit(url)
    return {
        "WAREHOUSE_TARGET": "postgres",
        "WAREHOUSE_RAW": RAW,
        "WAREHOUSE_PG_HOST": parts.hostname or "localhost",
        "WAREHOUSE_PG_PORT": str(parts.port or 5432),
        "WAREHOUSE_PG_USER": unquote(parts.username or ""),
        "WAREHOUSE_PG_PASSWORD": unquote(parts.password or ""),
        "WAREHOUSE_PG_NAME": parts.path.lstrip("/"),
        "WAREHOUSE_PG_SCHEMA": SCHEMA,
    }


def load(url: str, inputs: Sequence[Input]) -> int:
    """Bring the raw tables to what the files say, in one transaction; return how many files were read.

    Raises:
        psycopg.Error: the database is out of reach or refuses; nothing was changed.
    """
    readable = {one.name: one for one in inputs if not one.problem}
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(_TABLES)
        files = cursor.execute(f"SELECT * FROM {RAW}.files")  # nosec B608  # RAW is a constant
        known = {name: (size, changed) for name, size, changed in files}
        new = [one for one in readable.values() if known.get(one.name) != (one.size, one.changed_ns)]
        stale = [name for name in known if name not in readable] + [one.name for one in new]
        cursor.execute(f"DELETE FROM {RAW}.events WHERE file = ANY(%s)", [stale])  # nosec B608  # RAW is a constant
        cursor.execute(f"DELETE FROM {RAW}.files WHERE name = ANY(%s)", [stale])  # nosec B608  # RAW is a constant
        cursor.execute(f"DELETE FROM {RAW}.unreadable")  # nosec B608  # RAW is a constant
        problems = [(one.name, one.problem) for one in inputs if one.problem]
        cursor.executemany(f"INSERT INTO {RAW}.unreadable VALUES (%s, %s)", problems)  # nosec B608  # RAW is a constant
        columns = sql.SQL(", ").join(map(sql.Identifier, (*COLUMNS, "file", "row_in_file")))
        with cursor.copy(sql.SQL("COPY {}.events ({}) FROM STDIN").format(sql.Identifier(RAW), columns)) as copy:
            for one in new:
                for row in _rows(one):
                    copy.write_row(row)
        noted = [(one.name, one.size, one.changed_ns) for one in new]
        cursor.executemany(f"INSERT INTO {RAW}.files VALUES (%s, %s, %s)", noted)  # nosec B608  # RAW is a constant
        if new:
            cursor.execute(f"ANALYZE {RAW}.events")
    return len(new)


def ask(url: str, query: str) -> list[tuple[Any, ...]]:
    """Answer a question about the tables of this build."""
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def export(url: str, tables: Sequence[str], folder: Path) -> None:
    """Write tables of the warehouse as Parquet, from one moment, batch by batch."""
    import pyarrow.parquet as pq

    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.execute("SET timezone = 'UTC'")
        for table in tables:
            schema = _arrow_schema(connection, table)
            with pq.ParquetWriter(folder / f"{table}.parquet", schema, compression="zstd") as writer:
                for batch in _batches(connection, table, schema):
                    writer.write_batch(batch)


def _rows(one: Input) -> Iterator[tuple[Any, ...]]:
    import pyarrow.parquet as pq

    number = 0
    columns = [name for name in COLUMNS if name in one.columns]
    for batch in pq.ParquetFile(one.path).iter_batches(_BATCH, columns=columns):
        for row in batch.to_pylist():
            row["data"] = _json(row["data"])
            yield (*(row.get(name) for name in COLUMNS), one.name, number)
            number += 1


def _json(text: str | None) -> str | None:
    """Return the text if it is JSON that PostgreSQL can hold."""
    if text is None or "\\u0000" in text:
        return None
    try:
        json.loads(text, parse_constant=_no_constant)
    except ValueError:
        return None
    return text


def _no_constant(word: str) -> float:
    raise ValueError(f"{word} is no JSON")


def _arrow_schema(connection: psycopg.Connection[Any], table: str) -> pa.Schema:
    import pyarrow as pa

    kinds: Mapping[str, pa.DataType] = {
        "text": pa.string(),
        "character varying": pa.string(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "timestamp with time zone": pa.timestamp("us", tz="UTC"),
        "bigint": pa.int64(),
        "integer": pa.int64(),
        "double precision": pa.float64(),
        "numeric": pa.float64(),
        "jsonb": pa.string(),
    }
    query = """SELECT column_name, data_type FROM information_schema.columns
        WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position"""
    return pa.schema([(name, kinds[kind]) for name, kind in connection.execute(query, [SCHEMA, table])])


def _batches(connection: psycopg.Connection[Any], table: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    with connection.cursor(name=f"export_{table}") as cursor:
        cursor.execute(sql.SQL("SELECT * FROM {}.{}").format(sql.Identifier(SCHEMA), sql.Identifier(table)))
        while rows := cursor.fetchmany(_BATCH):
            columns = zip(*rows, strict=True)
            arrays = [pa.array([_plain(value) for value in column], field.type)
                      for field, column in zip(schema, columns, strict=True)]  # fmt: skip
            yield pa.record_batch(arrays, schema=schema)


def _plain(value: Any) -> Any:
    if isinstance(value, dict | list):
        return json.dumps(value, sort_keys=True)
    return value
