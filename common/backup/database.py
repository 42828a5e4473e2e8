"""The database's side: one snapshot, what it holds, and PostgreSQL's own programs.

Rows are read by a role that row-level security does not bind, else a backup would silently lack what that role may not
see. Rights, policies and triggers come with the dump; roles do not, and are made before.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess  # nosec B404
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from common.errors import DomainError, InvalidInput, NotPermitted, WrongState
from common.provisioning import OWNER, ensure_database, ensure_roles

KEYS_TABLE: Final = "subject_keys"
# What `manage.py audit rebase` makes anew on another server.
_REBASED: Final = "audit_commit_offset"
_RELATIONS: Final = """
    SELECT c.relname, c.relkind, c.oid FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
    ORDER BY c.relname
"""
# By table or function everything that says who may do what to it. Privileges in the order of their text, since a
# restore grants them in another.
_RIGHTS: Final = """
    SELECT c.relname::text, concat_ws(E'\\n', c.relowner::regrole, c.relrowsecurity, c.relforcerowsecurity,
        (SELECT string_agg(one::text, ',' ORDER BY one::text) FROM unnest(c.relacl) one),
        (SELECT string_agg(concat_ws('|', p.polname, p.polcmd, p.polpermissive,
                (SELECT string_agg(r::regrole::text, ',' ORDER BY r::regrole::text) FROM unnest(p.polroles) r),
                pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)), E'\\n' ORDER BY p.polname)
            FROM pg_policy p WHERE p.polrelid = c.oid),
        (SELECT string_agg(concat_ws('|', t.tgenabled, pg_get_triggerdef(t.oid)), E'\\n' ORDER BY t.tgname)
            FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal))
    FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
    UNION ALL
    SELECT f.oid::regprocedure::text, concat_ws(E'\\n', f.proowner::regrole, f.prosecdef, f.proconfig, f.provolatile,
        (SELECT string_agg(one::text, ',' ORDER BY one::text) FROM unnest(f.proacl) one),
        CASE WHEN f.proname = %(rebased)s THEN '' ELSE f.prosrc END)
    FROM pg_proc f WHERE f.pronamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'default privileges ' || d.defaclobjtype::text, string_agg(one::text, ',' ORDER BY one::text)
    FROM pg_default_acl d, unnest(d.defaclacl) one
    WHERE d.defaclnamespace = 'public'::regnamespace GROUP BY d.defaclobjtype
"""
_IN_USE: Final = """
    SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
"""


class ProgramFailed(DomainError):
    """A program of PostgreSQL's failed."""

    status = 500


@dataclass(frozen=True)
class State:
    """What a database holds: PostgreSQL's version, migrations (`app.name`), rows by table, digests of rights."""

    server: str
    migrations: list[str]
    tables: dict[str, int]
    rights: dict[str, str]


@contextmanager
def connected(url: str, pointer: str, **more: Any) -> Iterator[psycopg.Connection[Any]]:
    """Connect.

    Raises:
        InvalidInput: that does not work.
    """
    try:
        connection = psycopg.connect(url, **more)
    except (psycopg.OperationalError, psycopg.ProgrammingError) as error:
        raise InvalidInput(f"cannot connect: {error}", pointer=pointer) from error
    with connection:
        yield connection


@contextmanager
def snapshot(url: str) -> Iterator[tuple[psycopg.Cursor[Any], str]]:
    """Yield a cursor in a transaction that sees the database as it is now, and the snapshot's name for pg_dump.

    It only reads and takes no transaction id, so that events are sealed meanwhile.

    Raises:
        InvalidInput: cannot connect.
        NotPermitted: row-level security binds this role.
    """
    with connected(url, "/url") as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        cursor = connection.cursor()
        cursor.execute("SELECT current_user, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        role, unbound = cursor.fetchone() or ("", False)
        if not unbound:
            raise NotPermitted(
                f"Row-level security hides rows from {role}: a backup needs a superuser, or a role with BYPASSRLS that "
                "is a member of pg_read_all_data."
            )
        cursor.execute("SELECT pg_export_snapshot()")
        (name,) = cursor.fetchone() or ("",)
        yield cursor, name


def state_of(cursor: Any, left_out: Sequence[str] = ()) -> State:
    """Return what the database holds, all rows counted."""
    cursor.execute("SHOW server_version")
    (server,) = cursor.fetchone()
    cursor.execute("SELECT app || '.' || name FROM django_migrations ORDER BY 1")
    migrations = [name for (name,) in cursor.fetchall()]
    cursor.execute(_RELATIONS)
    names = [name for name, kind, _ in cursor.fetchall() if kind == "r" and name not in left_out]
    tables = {}
    for name in names:
        cursor.execute(sql.SQL("SELECT count(*) FROM public.{}").format(sql.Identifier(name)))
        (tables[name],) = cursor.fetchone()
    return State(server, migrations, tables, rights_of(cursor))


def rights_of(cursor: Any) -> dict[str, str]:
    """Return a digest of who may do what, by table, function and kind of default privilege."""
    cursor.execute(_RIGHTS, {"rebased": _REBASED})
    return {name: hashlib.sha256((text or "").encode()).hexdigest()[:32] for name, text in cursor.fetchall()}


def dump(url: str, folder: Path, snapshot_name: str, left_out: Sequence[str]) -> list[Path]:
    """Write `database.dump` without the keys of people, and `subject-keys.dump`; return both.

    Apart, since keys are kept for a shorter time than what they open: that is how who was erased goes from backups.

    Raises:
        ProgramFailed: pg_dump failed or is not installed.
    """
    whole, keys = folder / "database.dump", folder / "subject-keys.dump"
    common = ["--format=custom", f"--snapshot={snapshot_name}", "--no-password"]
    without = [f"--exclude-table-data=public.{name}" for name in (KEYS_TABLE, *left_out)]
    _run("pg_dump", url, [*common, *without, f"--file={whole}"])
    _run("pg_dump", url, [*common, "--data-only", f"--table=public.{KEYS_TABLE}", f"--file={keys}"])
    return [whole, keys]


def make_empty(admin_url: str, name: str) -> bool:
    """Make roles and database where they are missing; return whether the database is new.

    The default privileges of a database that `setup_database` prepared are taken away first: they would be added to
    what the dump grants, and the application could change what is append-only.

    Raises:
        InvalidInput: cannot connect.
        WrongState: there is something in the database.
    """
    with connected(admin_url, "/admin-url", autocommit=True) as server:
        ensure_roles(server)
        is_new = ensure_database(server, name)
    with connected(admin_url, "/admin-url", dbname=name, autocommit=True) as database:
        ((count,),) = database.execute(_IN_USE).fetchall()
        if count:
            raise WrongState(
                f"The database {name} is not empty ({count} tables and sequences): restore into a new one."
            )
        for kind in ("TABLES", "SEQUENCES", "FUNCTIONS"):
            revoke = f"IN SCHEMA public REVOKE ALL ON {kind} FROM app_rw, app_audit, app_ro"
            database.execute(f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} {revoke}".encode())
    return is_new


def fill(admin_url: str, name: str, whole: Path, keys: Path) -> None:
    """Restore both dumps: tables and rows first, then what guards them (triggers, policies, constraints).

    Raises:
        ProgramFailed: pg_restore failed or is not installed.
    """
    url = make_conninfo(admin_url, dbname=name)
    common = ["--exit-on-error", "--no-password"]
    _run("pg_restore", url, [*common, "--section=pre-data", "--section=data", str(whole)])
    _run("pg_restore", url, [*common, "--data-only", str(keys)])
    _run("pg_restore", url, [*common, "--section=post-data", str(whole)])
    with connected(url, "/admin-url", autocommit=True) as database:
        database.execute("ANALYZE")


def drop(admin_url: str, name: str) -> None:
    """Drop a database that we made and could not fill."""
    with connected(admin_url, "/admin-url", autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _run(program: str, url: str, arguments: Sequence[str]) -> None:
    """Run a program of PostgreSQL's; what it writes nobody else may read, and no password is in its arguments."""
    path = shutil.which(program)
    if path is None:
        raise ProgramFailed(f"{program} is not installed: it comes with PostgreSQL's client programs.")
    address = conninfo_to_dict(url)
    secret = address.pop("password", None)
    environment = {**os.environ, **({"PGPASSWORD": str(secret)} if secret else {})}
    command = [path, f"--dbname={make_conninfo('', **address)}", *arguments]
    done = subprocess.run(  # nosec B603  # no shell, and the program's own name
        command, env=environment, capture_output=True, text=True, check=False, umask=0o077
    )
    if done.returncode:
        raise ProgramFailed(f"{program} failed: {done.stderr.strip() or f'exit code {done.returncode}'}")
