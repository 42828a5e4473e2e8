"""Migration operations for what the database itself must hold: append-only tables and row-level security.

On SQLite, a later migration that alters an append-only table rebuilds it and loses its triggers without a word: repeat
`AppendOnly` after it. `guarded_tables` lists what is guarded, for the test that says so.
"""

from __future__ import annotations

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation

APP_ROLE = "app_rw"
AUDIT_ROLE = "app_audit"

# For policies: sub-selects, so that PostgreSQL evaluates them once a statement. NULL without a context: no rows.
CURRENT_USER_ID = "(SELECT nullif(current_setting('app.user_id', true), '')::uuid)"
CURRENT_SERVICE = "(SELECT nullif(current_setting('app.service', true), ''))"

_REFUSE_FUNCTION = """
CREATE OR REPLACE FUNCTION append_only_refuse() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION 'table % is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'integrity_constraint_violation';
END
$body$
"""


class AppendOnly(Operation):
    """Let rows of `table` be inserted and read, never changed, removed or replaced, by the owner neither.

    PostgreSQL: row triggers for UPDATE and DELETE and a statement trigger for TRUNCATE, ENABLE ALWAYS (also under
    `session_replication_role = replica`), and the app's role loses the privileges. SQLite: triggers for UPDATE and
    DELETE, and a guard against INSERT OR REPLACE, which removes rows without firing DELETE triggers.
    """

    reversible = True
    atomic = True

    def __init__(self, table: str) -> None:
        self.table = table

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """Return how to write this operation into a migration."""
        return type(self).__name__, [self.table], {}

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Change nothing: triggers are not part of the models."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        """Make the triggers."""
        if schema_editor.connection.vendor == "postgresql":
            statements = self._on_postgres(schema_editor.connection)
        else:
            statements = self._on_sqlite(schema_editor)
        for statement in statements:
            schema_editor.execute(statement, params=None)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        """Drop the triggers."""
        names = [f"append_only_{event}_{self.table}" for event in ("row", "truncate", "insert", "update", "delete")]
        suffix = f" ON {_quoted(self.table)}" if schema_editor.connection.vendor == "postgresql" else ""
        for name in names:
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {_quoted(name)}{suffix}", params=None)

    def describe(self) -> str:
        """Return what `migrate --plan` shows."""
        return f"Make {self.table} append-only"

    def _on_postgres(self, connection: BaseDatabaseWrapper) -> list[str]:
        table = _quoted(self.table)
        row, truncate = _quoted(f"append_only_row_{self.table}"), _quoted(f"append_only_truncate_{self.table}")
        statements = [
            _REFUSE_FUNCTION,
            f"DROP TRIGGER IF EXISTS {row} ON {table}",
            f"DROP TRIGGER IF EXISTS {truncate} ON {table}",
            f"CREATE TRIGGER {row} BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION append_only_refuse()",
            f"CREATE TRIGGER {truncate} BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION append_only_refuse()",
            f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {row}",
            f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {truncate}",
        ]
        if _role_exists(connection, APP_ROLE):
            statements.append(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {APP_ROLE}")
            statements.append(f"GRANT SELECT, INSERT ON {table} TO {APP_ROLE}")
        if _role_exists(connection, AUDIT_ROLE):
            statements.append(f"GRANT SELECT ON {table} TO {AUDIT_ROLE}")
        return statements

    def _on_sqlite(self, schema_editor: BaseDatabaseSchemaEditor) -> list[str]:
        table, refusal = _quoted(self.table), f"RAISE(ABORT, 'table {self.table} is append-only')"
        statements = []
        for event in ("update", "delete"):
            name = _quoted(f"append_only_{event}_{self.table}")
            statements.append(f"DROP TRIGGER IF EXISTS {name}")
            statements.append(f"CREATE TRIGGER {name} BEFORE {event.upper()} ON {table} BEGIN SELECT {refusal}; END")
        name = _quoted(f"append_only_insert_{self.table}")
        replaced = " OR ".join(
            f"EXISTS (SELECT 1 FROM {table} WHERE {clash})" for clash in _clashes(schema_editor, self.table)
        )
        statements.append(f"DROP TRIGGER IF EXISTS {name}")
        statements.append(f"CREATE TRIGGER {name} BEFORE INSERT ON {table} WHEN {replaced} BEGIN SELECT {refusal}; END")
        return statements


class RowLevelSecurity(Operation):
    """Let each role see and write only rows for which `using_sql` holds (PostgreSQL; nothing on SQLite).

    FORCE makes the policy hold for the owner as well, and a second policy lets exactly the migrating owner through, so
    that migrations and maintenance work while the app's role, which owns nothing, stays scoped. `check_sql` bounds what
    may be written where that differs from what may be seen.
    """

    reversible = True
    atomic = True

    def __init__(self, table: str, using_sql: str, check_sql: str | None = None) -> None:
        self.table, self.using_sql, self.check_sql = table, using_sql, check_sql

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """Return how to write this operation into a migration."""
        keywords = {"check_sql": self.check_sql} if self.check_sql else {}
        return type(self).__name__, [self.table, self.using_sql], keywords

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Change nothing: policies are not part of the models."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        """Enable row-level security and make both policies."""
        if schema_editor.connection.vendor != "postgresql":
            return
        table = _quoted(self.table)
        for statement in (
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
            f"DROP POLICY IF EXISTS scope ON {table}",
            f"DROP POLICY IF EXISTS owner ON {table}",
            f"CREATE POLICY scope ON {table} TO PUBLIC "
            f"USING ({self.using_sql}) WITH CHECK ({self.check_sql or self.using_sql})",
            f"CREATE POLICY owner ON {table} TO CURRENT_USER USING (true) WITH CHECK (true)",
        ):
            schema_editor.execute(statement, params=None)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        """Drop the policies and switch row-level security off."""
        if schema_editor.connection.vendor != "postgresql":
            return
        table = _quoted(self.table)
        for statement in (
            f"DROP POLICY IF EXISTS scope ON {table}",
            f"DROP POLICY IF EXISTS owner ON {table}",
            f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
        ):
            schema_editor.execute(statement, params=None)

    def describe(self) -> str:
        """Return what `migrate --plan` shows."""
        return f"Scope the rows of {self.table}"


def guarded_tables(connection: BaseDatabaseWrapper) -> frozenset[str]:
    """Return the tables that are append-only in this database, fully guarded."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT relname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid "
                "WHERE tgname LIKE 'append\\_only\\_%' AND tgenabled = 'A' AND NOT relispartition "
                "GROUP BY relname HAVING count(*) = 2"
            )
        else:
            cursor.execute(
                "SELECT tbl_name FROM sqlite_master WHERE type = 'trigger' AND substr(name, 1, 12) = 'append_only_' "
                "GROUP BY tbl_name HAVING count(*) = 3"
            )
        return frozenset(name for (name,) in cursor.fetchall())


def _clashes(schema_editor: BaseDatabaseSchemaEditor, table: str) -> list[str]:
    """Return for each unique key of a SQLite table the condition under which a new row would replace an old one."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(f"PRAGMA index_list({_quoted(table)})")
        indexes = [row[1] for row in cursor.fetchall() if row[2] and not row[4]]
        keys = []
        for index in indexes:
            cursor.execute(f"PRAGMA index_info({_quoted(index)})")
            columns = [row[2] for row in cursor.fetchall()]
            if all(columns):
                keys.append(columns)
        cursor.execute(f"PRAGMA table_info({_quoted(table)})")
        primary = [row[1] for row in cursor.fetchall() if row[5]]
    distinct = {tuple(columns): None for columns in [["rowid"], primary, *keys] if columns}
    return [" AND ".join(f"{_quoted(c)} = NEW.{_quoted(c)}" for c in columns) for columns in distinct]


def _role_exists(connection: BaseDatabaseWrapper, role: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
        return cursor.fetchone() is not None


def _quoted(name: str) -> str:
    if '"' in name:
        raise ValueError(f"{name!r} is no name of a table or column")
    return f'"{name}"'
