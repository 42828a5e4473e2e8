"""Which migration held which lock, and for how long: looked at some fifty times a second while it runs."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any, Final

import psycopg

LOOK_SECONDS: Final = 0.02
OWNER: Final = "app_owner"
# Those that keep somebody waiting who only writes, or only reads.
_MODES: Final = ("ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock")
_TABLES: Final = """
    SELECT oid FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
"""
_HELD: Final = """
    SELECT replace(a.application_name, 'migrate ', ''), c.relname, l.mode, l.granted
    FROM pg_locks l JOIN pg_stat_activity a USING (pid) JOIN pg_class c ON c.oid = l.relation
    WHERE a.usename = %s AND l.locktype = 'relation' AND l.relation = ANY(%s) AND l.mode = ANY(%s)
"""
_QUEUED: Final = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app_rw' AND wait_event_type = 'Lock'"


@dataclass
class Held:
    """One lock of one migration on a table that was there before: seconds held, waited for, and in how many goes."""

    migration: str
    table: str
    mode: str
    held: float = 0.0
    waited: float = 0.0
    goes: int = 0


class LockWatch(threading.Thread):
    """Looks until the block ends; `found` are locks, `queued` the most sessions of the service that waited at once.

    waits: set once a migration has waited.
    """

    def __init__(self, admin_url: str, database: str) -> None:
        super().__init__(daemon=True)
        self._where = {"conninfo": admin_url, "dbname": database, "autocommit": True}
        self._ends = threading.Event()
        self._open: dict[tuple[str, str, str, bool], float] = {}
        self._found: dict[tuple[str, str, str], Held] = {}
        self.queued = 0
        self.waits = threading.Event()
        with psycopg.connect(**self._where) as server:
            self._tables = [oid for (oid,) in server.execute(_TABLES).fetchall()]

    def __enter__(self) -> LockWatch:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ends.set()
        self.join(timeout=10)

    @property
    def found(self) -> list[Held]:
        """What was seen, held longest first."""
        return sorted(self._found.values(), key=lambda lock: -lock.held)

    def run(self) -> None:
        """Look."""
        with psycopg.connect(**self._where) as server:
            while not self._ends.wait(LOOK_SECONDS):
                rows = server.execute(_HELD, (OWNER, self._tables, list(_MODES))).fetchall()
                self._note(set(rows), time.monotonic())
                ((queued,),) = server.execute(_QUEUED).fetchall()
                self.queued = max(self.queued, queued)

    def _note(self, rows: set[Any], now: float) -> None:
        """Tell how long each lock has been held or waited for by now."""
        for key in [key for key in self._open if key not in rows]:
            del self._open[key]
        for key in rows:
            migration, table, mode, is_granted = key
            if not is_granted:
                self.waits.set()
            lock = self._found.setdefault((migration, table, mode), Held(migration, table, mode))
            if key not in self._open:
                self._open[key] = now
                lock.goes += not is_granted
            took = now - self._open[key] + LOOK_SECONDS
            if is_granted:
                lock.held = max(lock.held, took)
            else:
                lock.waited = max(lock.waited, took)
