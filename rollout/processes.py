"""Each process that decides flags says so itself: a change is done when all of them have it."""

from __future__ import annotations

import logging
import os
import socket
import time
from datetime import UTC, datetime
from typing import Final

from django.db import Error as DatabaseFault

from common import clock
from rollout.conditions import SILENT_AFTER
from rollout.evaluation import Snapshot
from rollout.models import FlagProcess

logger = logging.getLogger("mesocycle.rollout")

REPORT_SECONDS: Final = 5.0
PATIENCE_SECONDS: Final = 3 * REPORT_SECONDS
"""So long reports may fail before it is logged: a long write to SQLite holds one up, and the next makes up for it."""


class Reporter:
    """Writes this process's row when its snapshot changes and every few seconds, and now and then removes the dead."""

    def __init__(self) -> None:
        self._pid, self._name = 0, ""
        self._version, self._due, self._purge_due = "", 0.0, 0.0
        self._failing_since: float | None = None
        self._told = False

    def __call__(self, snapshot: Snapshot) -> None:
        """Report if it is time; what fails is tried again, and logged once if that does not help for a while."""
        if self._pid != os.getpid():  # a child has a name of its own
            self._pid, self._name = os.getpid(), f"{socket.gethostname()[:80]}:{os.getpid()}:{int(time.time())}"
            self._version = ""
        moment = time.monotonic()
        if snapshot.version == self._version and moment < self._due:
            return
        self._due = moment + REPORT_SECONDS
        try:
            self._write(snapshot)
            if moment >= self._purge_due:
                purge_silent()
                self._purge_due = moment + SILENT_AFTER.total_seconds()
        except DatabaseFault:
            self._tell(moment)
        else:
            self._version, self._failing_since, self._told = snapshot.version, None, False

    def _tell(self, moment: float) -> None:
        self._failing_since = moment if self._failing_since is None else self._failing_since
        if not self._told and moment - self._failing_since >= PATIENCE_SECONDS:
            logger.warning("flags_process_not_reported", extra={"flag_process": self._name})
            self._told = True

    def _write(self, snapshot: Snapshot) -> None:
        row = FlagProcess(
            name=self._name,
            snapshot_version=snapshot.version,
            snapshot_at=datetime.fromtimestamp(snapshot.made_at, UTC),
            seen_at=clock.now(),
        )
        fields = ["snapshot_version", "snapshot_at", "seen_at"]
        FlagProcess.objects.bulk_create([row], update_conflicts=True, unique_fields=["name"], update_fields=fields)


def purge_silent() -> int:
    """Remove the rows of processes that ended, and return how many."""
    return FlagProcess.objects.filter(seen_at__lt=clock.now() - SILENT_AFTER).delete()[0]
