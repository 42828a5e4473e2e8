"""The snapshot of this process: decisions are made from it and wait for nobody.

A thread asks for the version token each second, or at once when Redis says that something changed, and loads all flags
when the token is another; what cannot be loaded leaves the last good snapshot in place, whose age grows. A process that
starts without a database reads the copy on disk; without that it knows no flag, and an unknown flag is off.
`FLAGS_REFRESH=inline` asks on each call instead: for tests, whose changes no other connection sees.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import Error as DatabaseFault
from django.db import connection

from rollout.evaluation import NOTHING, Snapshot
from rollout.fanout import Fanout

logger = logging.getLogger("mesocycle.rollout")

# The thread's own connection gives up soon: a server that vanished without a word would else hold it for a quarter of
# an hour, and a kill with it.
SHORT_PATIENCE: Final[dict[str, dict[str, Any]]] = {
    "postgresql": {
        "connect_timeout": 2,
        "tcp_user_timeout": 4000,
        "keepalives_idle": 3,
        "keepalives_interval": 1,
        "keepalives_count": 3,
    },
    "sqlite": {"timeout": 1},
}


class Live:
    """Holds the snapshot.

    Args:
        version, load: read the database.
        copy: the file beside it.
        report: tells the database by what this process decides; called by the thread after each question.
        fanout: tells other processes of a change, and wakes this one's thread.
    """

    _watching: bool
    _stopped: int
    _wake: threading.Event

    def __init__(
        self,
        *,
        version: Callable[[], str],
        load: Callable[[], Snapshot],
        copy: Path | None,
        report: Callable[[Snapshot], None] | None = None,
        fanout: Fanout | None = None,
    ) -> None:
        self._version, self._load, self._copy = version, load, copy
        self._report, self._fanout = report, fanout
        self._snapshot = NOTHING
        self._checked_at = 0.0
        self._answered = self._loaded = 0
        self._without_threads()
        os.register_at_fork(after_in_child=self._without_threads)

    def current(self) -> Snapshot:
        """Return what this process decides by; never raises, never waits except when the process first asks."""
        self._answered += 1  # threads may lose one now and then: it is a statistic
        if settings.FLAGS_REFRESH == "inline":
            self.refresh(tell=False)
        elif not self._watching:
            self._start()
        return self._snapshot

    def begin(self) -> None:
        """Watch from now on, not only from the first decision on: who serves requests is seen although nobody asks.

        Waits for nothing; nothing is watched where each call asks for itself (`FLAGS_REFRESH=inline`).
        """
        if settings.FLAGS_REFRESH != "inline":
            threading.Thread(target=self._start, name="flags-start", daemon=True).start()

    def asked(self) -> tuple[int, int]:
        """Return how often the snapshot answered, and how often it had to be loaded, since the process began."""
        return self._answered, self._loaded

    @property
    def age(self) -> float:
        """Return the seconds since the database last confirmed the snapshot."""
        return max(time.time() - (self._checked_at or self._snapshot.made_at), 0.0)

    def refresh(self, *, tell: bool = True) -> bool:
        """Ask the database now, and tell the other processes to; return whether it answered. Called after a change.

        One thread asks at a time, so that nobody puts an older snapshot in the place of a newer one.
        """
        answered = self._asking.acquire(timeout=settings.FLAGS_START_SECONDS)
        if answered:
            try:
                self._ask()
            except DatabaseFault:
                logger.warning("flags_not_refreshed", extra={"age_seconds": round(self.age, 1)})
                answered = False
            finally:
                self._asking.release()
        if tell and self._fanout is not None:
            self._fanout.announce(self._snapshot.version)
        return answered

    def stop(self) -> None:
        """End the thread; whoever asks next starts another."""
        self._watching, self._stopped = False, self._stopped + 1
        self._wake.set()

    def _ask(self) -> None:
        token = self._version()
        if token != self._snapshot.version or self._snapshot.source != "database":
            self._loaded += 1
            self._take(self._load())
        self._checked_at = time.time()

    def _without_threads(self) -> None:
        """A process begins, or a child of one: no thread of ours runs in it, and no lock is held."""
        self._watching, self._stopped = False, 0
        self._starting, self._asking = threading.Lock(), threading.Lock()
        self._wake = threading.Event()

    def _start(self) -> None:
        """Load and then watch in a thread of its own, outside the caller's transaction; after a fork again."""
        with self._starting:
            if self._watching:
                return
            if self._snapshot is NOTHING:
                self._snapshot = self._from_disk()
            asked = threading.Event()
            threading.Thread(target=self._watch, args=(asked,), name="flags", daemon=True).start()
            if self._fanout is not None:
                self._fanout.listen(self._wake)
            asked.wait(settings.FLAGS_START_SECONDS)
            self._watching = True

    def _watch(self, asked: threading.Event) -> None:
        _lose_patience_soon()
        turn = self._stopped
        while turn == self._stopped:
            try:
                if not self.refresh(tell=False):
                    connection.close()
                elif self._report is not None and asked.is_set():
                    self._report(self._snapshot)
            except Exception:
                logger.exception("flags_refresh_failed")
                _hang_up()
            asked.set()
            self._wake.wait(settings.FLAGS_POLL_SECONDS)
            self._wake.clear()

    def _take(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        if self._copy is None:
            return
        try:
            self._copy.parent.mkdir(parents=True, exist_ok=True)
            part = self._copy.with_suffix(f".{os.getpid()}.part")
            part.write_text(json.dumps(snapshot.as_json()))
            part.replace(self._copy)
        except OSError:
            logger.warning("flags_copy_not_written", exc_info=True)

    def _from_disk(self) -> Snapshot:
        try:
            return Snapshot.from_json(json.loads(self._copy.read_text())) if self._copy else NOTHING
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return NOTHING


def _lose_patience_soon() -> None:
    """Bound how long this thread's connection waits; other threads' have settings of their own."""
    known: dict[str, Any] = connection.settings_dict
    options = {**known.get("OPTIONS", {}), **SHORT_PATIENCE.get(connection.vendor, {})}
    connection.settings_dict = {**known, "OPTIONS": options}


def _hang_up() -> None:
    try:
        connection.close()
    except DatabaseFault:
        logger.warning("flags_connection_not_closed")
