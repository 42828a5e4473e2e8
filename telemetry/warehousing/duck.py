"""The raw tables in DuckDB, and its tables as Parquet files.

DuckDB is the extra [warehouse], imported where it is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from telemetry.warehousing.inputs import COLUMNS, Input

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SCHEMA: Final = "warehouse"
PLACE: Final = ":memory:/memory"
"""A database in memory that all connections of this process share; its last part is what dbt calls it."""
# As in `profiles.yml`, whose database this is: it lives for one build.
_SETTINGS: Final = (
    "threads = 2",
    "TimeZone = 'UTC'",
    "enable_progress_bar = false",
    "preserve_insertion_order = false",
)


@contextmanager
def kept(spill: Path) -> Iterator[None]:
    """Keep the database until the end. What finds no room in memory goes below `spill`, a folder."""
    with connect() as connection:
        connection.execute("SET temp_directory = $folder", {"folder": str(spill)})
        yield


def connect() -> DuckDBPyConnection:
    """Open the database in UTC. It goes with its last connection."""
    import duckdb

    connection = duckdb.connect(PLACE)  # without a configuration: dbt's connections have none
    for setting in _SETTINGS:
        connection.execute(f"SET {setting}")
    return connection


def load(inputs: Sequence[Input]) -> None:
    """Make `raw.events` and `raw.unreadable` of the files; data that are no JSON become NULL."""
    with connect() as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS raw")
        connection.execute(
            "CREATE OR REPLACE TABLE raw.events (id VARCHAR, source VARCHAR, type VARCHAR, subject VARCHAR,"
            " dataschema VARCHAR, time TIMESTAMPTZ, recorded_at TIMESTAMPTZ, data JSON, file VARCHAR,"
            " row_in_file BIGINT)"
        )
        connection.execute("CREATE OR REPLACE TABLE raw.unreadable (file VARCHAR, detail VARCHAR)")
        readable = [one for one in inputs if not one.problem]
        for columns in sorted({one.columns for one in readable}, key=sorted):
            _insert(connection, [one for one in readable if one.columns == columns], columns)
        if broken := [(one.name, one.problem) for one in inputs if one.problem]:
            connection.executemany("INSERT INTO raw.unreadable VALUES (?, ?)", broken)


def ask(query: str) -> list[tuple[Any, ...]]:
    """Answer a question about the tables of this build."""
    with connect() as connection:
        return connection.execute(query).fetchall()


def export(tables: Sequence[str], folder: Path) -> None:
    """Write tables of the warehouse as Parquet; marts, which people look into, in the order of their first columns."""
    with connect() as connection:
        for table in tables:
            rows = connection.table(f"{SCHEMA}.{table}")
            rows = rows.order(", ".join(rows.columns[:2])) if table.startswith("mart_") else rows
            rows.to_parquet(str(folder / f"{table}.parquet"), compression="snappy")


def _insert(connection: DuckDBPyConnection, inputs: Sequence[Input], columns: frozenset[str]) -> None:
    wanted = ", ".join(_expression(name) if name in columns else f"NULL AS {name}" for name in COLUMNS)
    names = {str(one.path): one.name for one in inputs}
    connection.execute("CREATE OR REPLACE TEMP TABLE names (path VARCHAR, name VARCHAR)")
    connection.executemany("INSERT INTO names VALUES (?, ?)", list(names.items()))
    connection.execute(
        f"INSERT INTO raw.events SELECT {wanted}, n.name, file_row_number"  # nosec B608  # columns of ours
        " FROM read_parquet($files, filename = true,"
        " file_row_number = true, hive_partitioning = false, union_by_name = true) AS f JOIN names AS n"
        " ON n.path = f.filename",
        {"files": list(names)},
    )


def _expression(name: str) -> str:
    if name == "data":  # a NUL is what PostgreSQL's JSON cannot hold: it is no JSON here either
        return r"CASE WHEN json_valid(data) AND NOT contains(data, '\u0000') THEN data::JSON END AS data"
    return name
