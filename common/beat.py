"""Celery beat that may run twice: one leads by a lease, and each due turn is claimed in the database before it is sent.

The lease keeps a second beat quiet. The claim is what makes it safe: a leader that was paused, and wakes up believing
that it still leads, finds the turn taken. See docs/decisions/0012-beat.md.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from typing import Any, Final

import structlog
from celery.beat import SchedulingError
from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from django.db.models import F, QuerySet
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry

from common import leases

logger = structlog.get_logger("mesocycle.beat")

LEASE: Final = "beat"
LEASE_SECONDS: Final = 10.0
# How often the leader renews and the others look; one that is killed is replaced after at most both together.
LOOK_SECONDS: Final = 2.0
# After a broker or a database that was away.
PAUSE_SECONDS: Final = 2.0
# A clock may be set back by so much without anybody noticing.
JUMP_SECONDS: Final = 1.0


class Turn(ModelEntry):  # type: ignore[misc]
    """A scheduled task and the turn that is next; the row of the database says when it was sent last."""

    def __init__(self, model: PeriodicTask, app: Any = None) -> None:
        self.stored = model.last_run_at
        super().__init__(model, app)
        # A clock that was set back must not keep the schedule waiting until it is there again.
        self.last_run_at = min(model.last_run_at, self._default_now())

    def claim(self) -> bool:
        """Store that the turn is taken, unless another beat did; call it once `next` has set the model's time."""
        row = self._row(self.stored)
        return bool(row.update(last_run_at=self.model.last_run_at, total_run_count=F("total_run_count") + 1))

    def give_back(self) -> None:
        """Let the turn be claimed again: it was not sent."""
        self._row(self.model.last_run_at).update(last_run_at=self.stored, total_run_count=F("total_run_count") - 1)

    def save(self) -> None:
        """Do nothing: the claim wrote all there is, and what this process believes may be old."""

    def _row(self, last_run_at: Any) -> QuerySet[PeriodicTask]:
        return PeriodicTask.objects.filter(pk=self.model.pk, last_run_at=last_run_at)


class LeaderScheduler(DatabaseScheduler):  # type: ignore[misc]
    """`DatabaseScheduler` that sends only while it leads, and each turn once."""

    Entry = Turn

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._term: int | None = None
        self._looked_at = self._paused_until = float("-inf")
        self._clock_offset = time.time() - time.monotonic()
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due if this beat leads; return after how many seconds to call again."""
        try:
            if time.monotonic() < self._paused_until or not self._leads():
                return LOOK_SECONDS
            self._notice_clock()
            return min(float(super().tick(*args, **kwargs)), LOOK_SECONDS)
        except (DatabaseError, InterfaceError):
            logger.warning("the database does not answer, nothing is sent", exc_info=True)
            self._forget(pause=True)
            connection.close()
            return PAUSE_SECONDS

    def reserve(self, entry: Turn) -> Turn:
        """Return the turn after this one; nothing is left to be written later."""
        return next(entry)  # type: ignore[no-any-return, call-overload]

    def apply_entry(self, entry: Turn, producer: Any = None) -> None:
        """Claim the turn and send it; one that was not sent can be claimed again."""
        if not entry.claim():
            logger.info("another beat sent this turn", task=entry.task)
            self._forget()
            return
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except SchedulingError as error:
            logger.warning("the broker does not answer, the turn waits", task=entry.task, error=str(error))
            entry.give_back()
            self._forget(pause=True)

    def enabled_models_qs(self) -> QuerySet[PeriodicTask]:
        """Return every task, so that a night's work is made up for after hours without a beat."""
        return PeriodicTask.objects.filter(enabled=True)

    def close(self) -> None:
        """Let the next beat lead at once."""
        try:
            if self._term is not None:
                leases.release(LEASE, self.holder)
        except (DatabaseError, InterfaceError):
            logger.warning("the lease was not released, it runs out", exc_info=True)
        super().close()

    def _leads(self) -> bool:
        """Renew or take the lease, if it is time to look; a new leader reads the schedule anew."""
        if time.monotonic() - self._looked_at < LOOK_SECONDS:
            return self._term is not None
        close_old_connections()
        term = leases.hold(LEASE, self.holder, LEASE_SECONDS)
        self._looked_at = time.monotonic()
        if term != self._term:
            logger.info("this beat leads" if term else "another beat leads", holder=self.holder, term=term)
            self._forget()
            self._looked_at = time.monotonic()
        self._term = term
        return term is not None

    def _notice_clock(self) -> None:
        """Plan anew where the clock was set back: what is due was planned by the old one."""
        offset = time.time() - time.monotonic()
        if offset < self._clock_offset - JUMP_SECONDS:
            logger.warning("the clock was set back", seconds=round(self._clock_offset - offset, 1))
            self._forget()
        self._clock_offset = offset

    def _forget(self, *, pause: bool = False) -> None:
        """Read schedule and lease again before anything is sent; with `pause`, not at once."""
        self._heap, self._initial_read, self._looked_at = None, True, float("-inf")
        if pause:
            self._paused_until = time.monotonic() + PAUSE_SECONDS
