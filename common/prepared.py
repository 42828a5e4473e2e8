"""Queries that are built and compiled once a process, and then asked with other values.

For the few that answer one row on a hot path: building a queryset and compiling it takes several times as long as the
database needs. On PostgreSQL they are sent as prepared statements, so that the policies of row-level security are
planned once a connection too; what a policy reads (`app.user_id`, …) is read whenever the statement runs.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date
from functools import cache
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.transaction import TransactionManagementError

Row = TypeVar("Row")


class Given(models.Expression):
    """A value that is said when the query is asked; never None, which would need another query (IS NULL)."""

    def __init__(self, name: str, output_field: models.Field[Any, Any]) -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """Return the place of the value, and itself as what stands there."""
        return "%s", (self,)


class Prepared(Generic[Row]):
    """A query that `build` returns as a queryset, with a `Given` for each value that differs between two questions.

    `build` is called once for each shape that is asked for, such as how far a role reaches: whatever it reads besides
    (a user, the clock) would be answered to everybody from then on.
    """

    def __init__(self, build: Callable[..., models.QuerySet[Any, Row]]) -> None:
        self._build = build
        self._compiled: dict[tuple[Hashable, ...], _Compiled] = {}

    def ask(self, *shape: Hashable, **given: Any) -> list[Row]:
        """Return the rows; of `given`, what this shape has a place for.

        Raises:
            KeyError: a value is missing.
            ValueError: a value is None.
            TypeError: the query holds a moment or an id that is not `Given`.
            TransactionManagementError: it locks rows, and no transaction is open.
        """
        key = (_connection().vendor, *shape)
        compiled = self._compiled.get(key)
        if compiled is None:
            compiled = self._compiled[key] = _Compiled(self._build(*shape))
        return list(compiled.rows(given))


class _Compiled:
    """SQL, where its values go, and how its rows are read."""

    def __init__(self, queryset: Any) -> None:
        self._queryset = queryset
        self._compiler = queryset.query.get_compiler(connection=_connection())
        try:
            self._sql, self._params = self._compiler.as_sql()
            columns = [column for column, *_ in self._compiler.select[: self._compiler.col_count]]
            self._converters = self._compiler.get_converters(columns)
        except EmptyResultSet:
            self._sql, self._params = "", ()
        if any(isinstance(value, date | UUID) for value in self._params):
            raise TypeError("a prepared query holds a moment or an id: let it be Given")

    def rows(self, given: Mapping[str, Any]) -> Iterator[Any]:
        if not self._sql:
            return iter(())
        database = _connection()
        if self._queryset.query.select_for_update and not database.in_atomic_block:
            raise TransactionManagementError("a query that locks needs a transaction")
        compiler = copy.copy(self._compiler)  # threads share the original: the connection is each one's own
        compiler.connection = database
        params = [_bound(one, given, database) for one in self._params]
        compiler.execute_sql = lambda *args, **kwargs: [fetch(self._sql, params)]
        compiler.get_converters = lambda expressions: self._converters
        return iter(self._queryset._iterable_class(_Asked(self._queryset, compiler)))


class _Asked:
    """What Django's iterables of rows want from a queryset; it is its own query, whose compiler is there already."""

    def __init__(self, queryset: Any, compiler: Any) -> None:
        self.query, self.model, self.db = self, queryset.model, queryset.db
        self._known_related_objects = queryset._known_related_objects
        self._compiler = compiler

    def get_compiler(self, using: str | None = None) -> Any:
        return self._compiler


def fetch(sql: str, params: Sequence[Any]) -> list[Any]:
    """Return the rows of one statement, prepared on PostgreSQL."""
    with _cursor(_connection()) as cursor:
        cursor.execute(sql, params)
        rows: list[Any] = cursor.fetchall()
        return rows


def insert(row: models.Model) -> None:
    """Write a new row as `row.save(force_insert=True)` does, prepared on PostgreSQL.

    For tables that are written with each change and have no history: no signal is sent.
    """
    database = _connection()
    quoted = database.ops.quote_name
    columns, places = [], []
    params: list[Any] = []
    for field in row._meta.concrete_fields:
        value = field.get_db_prep_save(field.pre_save(row, add=True), database)
        place, filled = value.as_sql(None, database) if hasattr(value, "as_sql") else ("%s", (value,))
        columns.append(quoted(field.column))
        places.append(place)
        params += filled
    with _cursor(database) as cursor:
        into = f"{quoted(row._meta.db_table)} ({', '.join(columns)})"
        cursor.execute(f"INSERT INTO {into} VALUES ({', '.join(places)})", params)  # nosec B608  # quoted above
    row._state.adding, row._state.db = False, database.alias


def _bound(param: Any, given: Mapping[str, Any], database: Any) -> Any:
    if not isinstance(param, Given):
        return param
    value = given[param.name]
    if value is None:
        raise ValueError(f"{param.name} is None")
    return param.output_field.get_db_prep_value(value, database)


def _connection() -> Any:
    """Return this thread's connection itself: the proxy looks it up again for each attribute."""
    return connections[DEFAULT_DB_ALIAS]


def _cursor(database: Any) -> AbstractContextManager[Any]:
    """Return a cursor that prepares what it sends, unless the settings forbid that (`prepare_threshold` is None)."""
    if database.vendor != "postgresql" or database.queries_logged:  # the log shows values: the client puts them in
        plain: AbstractContextManager[Any] = database.cursor()
        return plain
    database.ensure_connection()
    with database.wrap_database_errors:
        preparing: AbstractContextManager[Any] = database._prepare_cursor(_preparing()(database.connection))
        return preparing


@cache
def _preparing() -> type[Any]:
    from django.db.backends.postgresql.base import ServerBindingCursor  # the driver is there on PostgreSQL alone

    class Preparing(ServerBindingCursor):
        def execute(self, query: Any, params: Any = None, *, prepare: bool | None = True, **options: Any) -> Any:
            return super().execute(query, params, prepare=prepare, **options)  # type: ignore[misc]  # psycopg's

    return Preparing
