"""Asking the published tables in SQL, which can reach nothing else: no file beyond them, no setting, no writing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.errors import InvalidInput
from telemetry.warehousing.published import Build

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True)
class Answer:
    """columns: names and DuckDB types. is_cut: there are more rows than were asked for."""

    columns: tuple[tuple[str, str], ...]
    rows: list[tuple[Any, ...]]
    is_cut: bool


@contextmanager
def opened(build: Build) -> Iterator[DuckDBPyConnection]:
    """Open a database in memory whose views are the tables of a build."""
    import duckdb

    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
        for table in build.tables:
            connection.read_parquet(str(build.file(table))).create_view(table)
        connection.execute(f"SET allowed_directories = ['{_quoted(str(build.folder))}']")
        connection.execute("SET enable_external_access = false; SET lock_configuration = true")
        yield connection


def ask(build: Build, query: str, *, limit: int) -> Answer:
    """Answer one question.

    Raises:
        InvalidInput: no valid SQL, more than one statement, or what may not be reached.
    """
    import duckdb

    with opened(build) as connection:
        try:
            statements = connection.extract_statements(query)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                raise InvalidInput("Give one SELECT.", pointer="/sql")
            found = connection.execute(statements[0])
            rows = found.fetchmany(limit + 1)
        except duckdb.Error as error:
            raise InvalidInput(str(error).strip(), pointer="/sql") from None
        columns = tuple((str(name), str(kind)) for name, kind, *_ in found.description or ())
        return Answer(columns, rows[:limit], len(rows) > limit)


def _quoted(word: str) -> str:
    return word.replace("'", "''")
