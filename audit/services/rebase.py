"""Going on with a log that came from another PostgreSQL server."""

from __future__ import annotations

from django.db import ProgrammingError, connection
from django.db.models import Max

from audit.models import AuditEvent
from common.context import register_service, unit_of_work
from common.errors import NotPermitted, WrongState

_REBASER = register_service("rebaser")


def rebase() -> int:
    """Raise the offset of the commit order above every event, if this server's transaction ids are behind; return it.

    Run it as the owner of the tables, before the application writes again.

    Raises:
        WrongState: this is no PostgreSQL; SQLite needs none.
        NotPermitted: not the owner.
    """
    if connection.vendor != "postgresql":
        raise WrongState("Only PostgreSQL counts transactions; SQLite goes on by itself.")
    try:
        with unit_of_work(_REBASER), connection.cursor() as cursor:
            newest = AuditEvent.objects.aggregate(newest=Max("xact_id"))["newest"] or 0
            cursor.execute("SELECT audit_commit_horizon(), audit_commit_offset()")
            horizon, offset = cursor.fetchone()
            if horizon <= newest:
                offset += newest - horizon + 1
                cursor.execute(
                    "CREATE OR REPLACE FUNCTION audit_commit_offset() RETURNS bigint LANGUAGE sql IMMUTABLE "
                    f"AS 'SELECT {int(offset)}::bigint'"
                )
            return int(offset)
    except ProgrammingError as error:
        raise NotPermitted(f"Run this as the owner of the tables (DATABASE_URL of app_owner): {error}") from error
