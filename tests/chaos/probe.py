"""Whether the service answers, asked four times a second, and how long it takes to answer again after a fault."""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Sequence
from typing import Any, LiteralString

import psycopg

from tests.chaos.faults import Fault

EVERY_SECONDS = 0.25
IN_A_ROW = 3
CAUGHT_UP_SECONDS = 15.0
_WAITING: dict[str, LiteralString] = {
    "events to publish": "SELECT id FROM telemetry_outbox WHERE published_at IS NULL",
    "audit events to seal": "SELECT id FROM audit_events e "
    "WHERE NOT EXISTS (SELECT FROM audit_leaves l WHERE l.event_id = e.id)",
    "jobs": "SELECT id FROM jobs WHERE state IN ('queued', 'running')",
}


class Probe(threading.Thread):
    """Asks every web process whether it is ready, which asks the database; ready is when one of them says so.

    looks: (moment, whether one was ready).
    """

    def __init__(self, urls: Sequence[str]) -> None:
        super().__init__(daemon=True)
        self._urls = urls
        self._over = threading.Event()
        self.looks: list[tuple[float, bool]] = []

    def end(self) -> None:
        """Ask no more."""
        self._over.set()

    def run(self) -> None:
        """Ask until told to stop."""
        while not self._over.wait(EVERY_SECONDS):
            begun = time.time()
            self.looks.append((begun, any(_is_ready(url) for url in self._urls)))


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False


class Backlog(threading.Thread):
    """Asks the database every two seconds, past the proxy, what waits: events to publish, to seal, jobs.

    looks: (moment, whether no event has waited for longer than `CAUGHT_UP_SECONDS`). longest: how long one waited, by
    what it is; since it was first seen, since the clocks of those who wrote it may be wrong.
    """

    def __init__(self, url: str, database: str) -> None:
        super().__init__(daemon=True)
        self._where: dict[str, Any] = {"conninfo": url, "dbname": database, "autocommit": True, "connect_timeout": 5}
        self._over = threading.Event()
        self._seen: dict[tuple[str, str], float] = {}
        self.looks: list[tuple[float, bool]] = []
        self.longest: dict[str, float] = dict.fromkeys(_WAITING, 0.0)

    def end(self) -> None:
        """Ask no more."""
        self._over.set()

    def run(self) -> None:
        """Ask until told to stop; a database that is away keeps everything waiting."""
        while not self._over.wait(2.0):
            begun = time.time()
            try:
                with psycopg.connect(**self._where) as server:
                    rows = [(kind, str(row[0])) for kind, query in _WAITING.items() for row in server.execute(query)]
            except psycopg.Error:
                self.looks.append((begun, False))
                continue
            self._seen = {row: self._seen.get(row, begun) for row in rows}
            for (kind, _), since in self._seen.items():
                self.longest[kind] = max(self.longest[kind], begun - since)
            oldest = min((since for (kind, _), since in self._seen.items() if kind != "jobs"), default=begun)
            self.looks.append((begun, begun - oldest <= CAUGHT_UP_SECONDS))


def recovery(fault: Fault, looks: Sequence[tuple[float, bool]], grace: float = 0.75) -> float | None:
    """Return seconds from a fault's end until the first of `IN_A_ROW` good looks; None where there were none.

    0 where every look from the fault's beginning to `grace` seconds after its end was good.
    """
    if all(is_good for at, is_good in looks if fault.begun <= at <= fault.ended + grace):
        return 0.0
    row: list[float] = []
    for at, is_good in looks:
        if at < fault.ended:
            continue
        row = [*row, at] if is_good else []
        if len(row) == IN_A_ROW:
            return max(0.0, row[0] - fault.ended)
    return None


def share_ready(looks: Iterable[tuple[float, bool]]) -> float:
    """Return the share of looks at which the service was ready, 1 where nobody looked."""
    found = [is_ready for _, is_ready in looks]
    return sum(found) / len(found) if found else 1.0
