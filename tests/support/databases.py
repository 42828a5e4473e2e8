"""Migrated databases to copy: append-only triggers refuse the flush that Django's transactional tests do."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

ROOT = Path(__file__).resolve().parents[2]
ON_POSTGRES = os.environ.get("TEST_ON_POSTGRES", "") == "yes"
PREFIX = "mesocycle_test_"
ADMIN_URL = os.environ.get("TEST_DATABASE_ADMIN_URL", "postgresql://postgres@127.0.0.1:5432/postgres")


class Databases:
    """One migrated template for a run, and copies of it."""

    def __init__(self, folder: Path, run_id: str) -> None:
        self.folder = folder
        self.template = f"{PREFIX}{run_id}" if ON_POSTGRES else str(folder / "template.sqlite3")

    def prepare(self) -> None:
        """Make the template once, whichever worker comes first."""
        with _locked(self.folder / "template.lock"):
            ready = self.folder / "template.ready"
            if ready.exists():
                return
            if ON_POSTGRES:
                drop_databases(leftovers(PREFIX, timedelta(days=1)))
                _manage(["setup_database", "--admin-url", ADMIN_URL, "--name", self.template], self.url(self.template))
            _manage(["migrate", "--verbosity", "0"], self.url(self.template, user="app_owner"))
            ready.touch()

    def demo(self) -> str:
        """Return a database with the demo's data, made once for all workers; copy it, do not write to it."""
        name = f"{self.template}_demo" if ON_POSTGRES else str(self.folder / "demo.sqlite3")
        ready = self.folder / "demo.ready"
        with _locked(self.folder / "demo.lock"):
            if not ready.exists():
                self.copy("demo")
                more = {"MESOCYCLE_VAR": str(self.folder / "demo-var")}
                (self.folder / "demo.json").write_text(
                    _manage(["demo", "--no-serve", "--json"], self.url(name), **more)
                )
                ready.touch()
        return name

    def demo_told(self) -> Any:
        """Return what the command that made the demo's data said: accounts, athletes, plans."""
        self.demo()
        return json.loads((self.folder / "demo.json").read_text())

    def copy(self, name: str, *, source: str = "") -> str:
        """Return the name of a fresh copy of the template, or of another database."""
        source = source or self.template
        if not ON_POSTGRES:
            target = str(self.folder / f"{name}.sqlite3")
            shutil.copyfile(source, target)
            return target
        target = f"{self.template}_{name}"
        with _locked(self.folder / "template.lock"), psycopg.connect(ADMIN_URL, autocommit=True) as server:
            server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(target)))
            server.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(target), sql.Identifier(source))
            )
        return target

    def drop(self, name: str) -> None:
        """Remove a copy."""
        if ON_POSTGRES:
            drop_databases([name])
        else:
            for suffix in ("", "-wal", "-shm"):
                Path(name + suffix).unlink(missing_ok=True)

    def url(self, name: str, *, user: str = "app_rw") -> str:
        """Return the DATABASE_URL of a database, as a role (PostgreSQL only)."""
        if not ON_POSTGRES:
            return f"sqlite:///{name}"
        parts = urlsplit(ADMIN_URL)
        secret = f":{parts.password}" if parts.password else ""
        return urlunsplit((parts.scheme, f"{user}{secret}@{parts.hostname}:{parts.port or 5432}", f"/{name}", "", ""))


def of_run(run_id: str) -> list[str]:
    """Return the databases that a run has on the server: its template, the demo's, and copies that were not dropped."""
    return [name for name in _all(PREFIX + run_id) if name == PREFIX + run_id or name.startswith(f"{PREFIX}{run_id}_")]


def leftovers(prefix: str, older_than: timedelta) -> list[str]:
    """Return databases whose runs were killed: made longer ago than `older_than`, and nobody is connected.

    Other runs may be at work on this server at the same time; none of them lasts a day.
    """
    return _all(
        prefix,
        "(pg_stat_file('base/' || oid || '/PG_VERSION', true)).modification < now() - %s "
        "AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE datid = pg_database.oid)",
        older_than,
    )


def drop_databases(names: list[str]) -> None:
    """Drop databases; one that somebody else drops at the same moment is gone as well."""
    with psycopg.connect(ADMIN_URL, autocommit=True) as server:
        for name in names:
            with suppress(psycopg.OperationalError, psycopg.InternalError):
                server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _all(prefix: str, condition: str = "true", *parameters: object) -> list[str]:
    query = f"SELECT datname FROM pg_database WHERE starts_with(datname, %s) AND {condition} ORDER BY datname"
    with psycopg.connect(ADMIN_URL, autocommit=True) as server:
        return [name for (name,) in server.execute(query, (prefix, *parameters)).fetchall()]  # type: ignore[arg-type]


def environment(database_url: str, **more: str) -> dict[str, str]:
    """Return the environment of a process of ours on a database."""
    env = {key: value for key, value in os.environ.items() if key not in ("TEST_ON_POSTGRES", "CELERY_BROKER_URL")}
    password = urlsplit(ADMIN_URL).password if ON_POSTGRES else None
    passwords = {f"APP_{role}_PASSWORD": password for role in ("OWNER", "RW", "AUDIT", "RO")} if password else {}
    return {
        **env,
        **passwords,
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
        "DATABASE_URL": database_url,
        **more,
    }


def _manage(arguments: list[str], database_url: str, **more: str) -> str:
    command = [sys.executable, "manage.py", *arguments]
    env = environment(database_url, **more)
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)} failed:\n{done.stdout}\n{done.stderr}")
    return done.stdout


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
