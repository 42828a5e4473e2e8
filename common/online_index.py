"""An index on a table that is there already, made while everybody goes on reading and writing."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import AddIndex

_VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)"


class AddIndexOnline(AddIndexConcurrently):
    """`AddIndexConcurrently` that can be run again, and is `AddIndex` on SQLite.

    Its migration must say `atomic = False` and hold nothing else. What an attempt that was cut off left behind is
    dropped if it is invalid, and kept if it is whole.
    """

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """Return how to write this operation into a migration."""
        return type(self).__name__, [], {"model_name": self.model_name, "index": self.index}

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        """Make the index."""
        if schema_editor.connection.vendor != "postgresql":
            AddIndex.database_forwards(self, app_label, schema_editor, from_state, to_state)
            return
        is_valid = _is_valid(schema_editor.connection, self.index.name)
        if is_valid:
            return
        if is_valid is False:
            quoted = schema_editor.quote_name(self.index.name)
            schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {quoted}", params=None)
        super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        """Drop the index."""
        if schema_editor.connection.vendor != "postgresql":
            AddIndex.database_backwards(self, app_label, schema_editor, from_state, to_state)
            return
        super().database_backwards(app_label, schema_editor, from_state, to_state)


def _is_valid(connection: BaseDatabaseWrapper, name: str) -> bool | None:
    """Return whether an index is whole; None where there is none."""
    with connection.cursor() as cursor:
        cursor.execute(_VALID, [connection.ops.quote_name(name)])
        row = cursor.fetchone()
    return None if row is None else bool(row[0])
