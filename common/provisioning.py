"""What a PostgreSQL server needs before our tables: roles, the database, privileges. Each may be called again."""

from __future__ import annotations

import os
from typing import Any

import psycopg
from psycopg import sql

OWNER = "app_owner"
# Role → environment variable with its password; without one it logs in by other means (peer, trust, certificate).
ROLES = {
    OWNER: "APP_OWNER_PASSWORD",
    "app_rw": "APP_RW_PASSWORD",
    "app_audit": "APP_AUDIT_PASSWORD",
    "app_ro": "APP_RO_PASSWORD",
}
_UNGUARDED_TABLES = """
    SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
      AND NOT EXISTS (SELECT 1 FROM pg_trigger WHERE tgrelid = pg_class.oid AND tgname LIKE 'append\\_only\\_%')
"""
_PARTITIONS = (
    "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relispartition AND relkind = 'r'"
)


def ensure_roles(server: psycopg.Connection[Any]) -> list[str]:
    """Create the roles that are missing, and set the passwords that the environment has; return who is new."""
    return [role for role, variable in ROLES.items() if _ensure_role(server, role, variable)]


def ensure_database(server: psycopg.Connection[Any], name: str) -> bool:
    """Create the database owned by `app_owner`; return whether it is new."""
    if server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
        return False
    # Who is no superuser must be a member of the owner's role to give something to it.
    server.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(OWNER)))
    server.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(OWNER)))
    return True


def grant(database: psycopg.Connection[Any], name: str) -> None:
    """Let each role do what it must, with the tables that are there and those to come."""
    database.execute(
        sql.SQL("REVOKE ALL ON DATABASE {0} FROM PUBLIC; GRANT CONNECT ON DATABASE {0} TO {1}").format(
            sql.Identifier(name), sql.SQL(", ").join(map(sql.Identifier, ROLES))
        )
    )
    # Row-level security makes many small expressions of a query: compiling them took 12 s where running took 0.1 s.
    database.execute(sql.SQL("ALTER DATABASE {} SET jit = off").format(sql.Identifier(name)))
    database.execute(
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC;"
        "GRANT USAGE, CREATE ON SCHEMA public TO app_owner;"
        "GRANT USAGE ON SCHEMA public TO app_rw, app_audit, app_ro;"
        "ALTER DEFAULT PRIVILEGES FOR ROLE app_owner IN SCHEMA public"
        " GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO app_rw;"
        "ALTER DEFAULT PRIVILEGES FOR ROLE app_owner IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO app_rw;"
        "ALTER DEFAULT PRIVILEGES FOR ROLE app_owner IN SCHEMA public GRANT SELECT ON TABLES TO app_ro;"
        "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO app_rw;"
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO app_ro"
    )
    for (table,) in database.execute(_UNGUARDED_TABLES).fetchall():
        database.execute(sql.SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON {} TO app_rw").format(sql.Identifier(table)))
    # What may be read and written of a partitioned table is said by the table; nobody goes around it.
    for (table,) in database.execute(_PARTITIONS).fetchall():
        revoke = sql.SQL("REVOKE ALL ON {} FROM app_rw, app_audit, app_ro")
        database.execute(revoke.format(sql.Identifier(table)))


def _ensure_role(server: psycopg.Connection[Any], role: str, variable: str) -> bool:
    """Create the role, or set the password of the one that is there; return whether it is new."""
    is_new = server.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone() is None
    password = os.environ.get(variable, "")
    if is_new:
        server.execute(
            sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS").format(sql.Identifier(role))
        )
    if password:
        server.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(password)))
    return is_new
