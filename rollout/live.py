"""The snapshot of this process: decisions are made from it and wait for nobody.

A thread asks for the version token each second and loads all flags when it changed; what cannot be loaded leaves the
last good snapshot in place, whose age grows. A process that starts without a database reads the copy on disk; without
that it knows no flag, and an unknown flag is off. `FLAGS_REFRESH=inline` asks on each call instead: for tests, whose
changes no other connection sees.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection

from rollout.evaluation import NOTHING, Snapshot

logger = logging.getLogger("mesocycle.rollout")


class Live:
    """Holds the snapshot; `version` and `load` read the database, `copy` is the file beside it."""

    def __init__(self, *, version: Callable[[], str], load: Callable[[], Snapshot], copy: Path | None) -> None:
        self._version, self._load, self._copy = version, load, copy
        self._snapshot = NOTHING
        self._checked_at = 0.0
        self._lock = threading.Lock()
        self._pid = 0

    def current(self) -> Snapshot:
        """Return what this process decides by; never raises, never waits except when the process first asks."""
        if settings.FLAGS_REFRESH == "inline":
            self.refresh()
        elif self._pid != os.getpid():
            self._start()
        return self._snapshot

    @property
    def age(self) -> float:
        """Return the seconds since the database last confirmed the snapshot."""
        return max(time.time() - (self._checked_at or self._snapshot.made_at), 0.0)

    def refresh(self) -> bool:
        """Ask the database now; return whether it answered."""
        try:
            token = self._version()
            if token != self._snapshot.version or self._snapshot.source != "database":
                self._take(self._load())
            self._checked_at = time.time()
        except DatabaseError:
            logger.warning("flags_not_refreshed", extra={"age_seconds": round(self.age, 1)})
            return False
        return True

    def _start(self) -> None:
        """Load and then watch in a thread of its own, outside the caller's transaction; after a fork again."""
        with self._lock:
            if self._pid == os.getpid():
                return
            asked = threading.Event()
            threading.Thread(target=self._watch, args=(asked,), name="flags", daemon=True).start()
            asked.wait(settings.FLAGS_START_SECONDS)
            if self._snapshot is NOTHING:
                self._snapshot = self._from_disk()
            self._pid = os.getpid()

    def _watch(self, asked: threading.Event) -> None:
        while True:
            try:
                if not self.refresh():
                    connection.close()
            except Exception:
                logger.exception("flags_refresh_failed")
                connection.close()
            asked.set()
            time.sleep(settings.FLAGS_POLL_SECONDS)

    def _take(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        if self._copy is None:
            return
        try:
            part = self._copy.with_suffix(f".{os.getpid()}.part")
            part.write_text(json.dumps(snapshot.as_json()))
            part.replace(self._copy)
        except OSError:
            logger.warning("flags_copy_not_written", exc_info=True)

    def _from_disk(self) -> Snapshot:
        try:
            return Snapshot.from_json(json.loads(self._copy.read_text())) if self._copy else NOTHING
        except (OSError, ValueError, KeyError, TypeError):
            return NOTHING
