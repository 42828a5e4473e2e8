"""What is in the database, as one digest a table: equal before and after means that nothing changed."""

from __future__ import annotations

import hashlib

from django.db import connection

from audit.services import DENIED
from common.context import unit_of_work
from common.management.base import COMMAND_LINE


def digest() -> dict[str, str]:
    """Return a digest of each table; refused attempts are recorded by design, and are left out."""
    found = {}
    with unit_of_work(COMMAND_LINE, read_only=True), connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            where = f" WHERE action <> '{DENIED}'" if table == "audit_events" else ""
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}{where}")
            rows = sorted(repr([bytes(v) if isinstance(v, memoryview) else v for v in row]) for row in cursor)
            found[table] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    assert len(found) > 40
    return found


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {table for table in after if before[table] != after[table]}
