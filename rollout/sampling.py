"""A sample of how flags are decided, as `flag.evaluated` events.

A decision waits for nobody and may stand inside a read: it is noted in memory, and the thread that watches the flags
writes what was noted once a minute, in transactions of its own. Whether a person, a flag and a day are in the sample is
decided by a keyed hash of the three, so that it depends on no answer and every process chooses the same. A process that
dies takes its last minute with it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import os
import time
from collections import deque
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import Error as DatabaseFault

from common.context import register_service, unit_of_work
from rollout.evaluation import Decision
from telemetry.services import emit

logger = logging.getLogger("mesocycle.rollout")
SAMPLER: Final = register_service("flag-sample")

_WRITE_SECONDS: Final = 60.0
_DAY_SECONDS: Final = 86_400
# Bounds of memory: of what was noted today already (then a decision may be told twice), and of what waits.
_MOST_SEEN, _MOST_WAITING = 50_000, 10_000
_WHOLE: Final = 1 << 64


class Sample:
    """What one process noted: the first decision of a day for each person, flag and answer."""

    def __init__(self) -> None:
        self._day, self._due = -1, 0.0
        self._seen: set[tuple[str, str, bool]] = set()
        self._waiting: deque[tuple[Decision, UUID, date, float]] = deque(maxlen=_MOST_WAITING)
        os.register_at_fork(after_in_child=self._forget)

    def note(self, decision: Decision, subject_id: str, now: float) -> None:
        """Note a decision of a moment (seconds since 1970); never raises: a sample is worth no decision."""
        day = int(now // _DAY_SECONDS)
        key = (decision.flag_key, subject_id, decision.value)
        if day == self._day and key in self._seen:
            return
        if day != self._day or len(self._seen) >= _MOST_SEEN:
            self._day, self._seen = day, set()
        self._seen.add(key)
        try:
            self._draw(decision, subject_id, datetime.fromtimestamp(now, UTC).date())
        except Exception:
            logger.exception("flag_not_sampled", extra={"flag": decision.flag_key})

    def write_now_and_then(self) -> int:
        """Write if a minute has gone by; return how many events were emitted."""
        if not self._waiting or time.monotonic() < self._due:
            return 0
        self._due = time.monotonic() + _WRITE_SECONDS
        return self.write()

    def write(self) -> int:
        """Emit what waits and return how many; what cannot be written waits for the next time."""
        taken = [self._waiting.popleft() for _ in range(len(self._waiting))]
        try:
            with unit_of_work(SAMPLER):
                for decision, person, day, rate in taken:
                    emit("flag.evaluated", aggregate_id=person, data=_data(decision, person, day, rate))
        except DatabaseFault:
            self._waiting.extendleft(reversed(taken))
            logger.warning("flag_sample_not_written", extra={"waiting": len(taken)})
            return 0
        return len(taken)

    def _draw(self, decision: Decision, subject_id: str, day: date) -> None:
        person, rate = _person(subject_id), settings.TELEMETRY_FLAG_SAMPLE
        if person is not None and in_sample(decision.flag_key, person, day, rate):
            self._waiting.append((decision, person, day, rate))

    def _forget(self) -> None:
        """Leave to the parent of a forked process what the parent noted."""
        self._day, self._seen = -1, set()
        self._waiting.clear()


def in_sample(flag_key: str, person: UUID, day: date, rate: float) -> bool:
    """Return whether a person, flag and day are in a sample of `rate` (0 to 1); a larger rate has the smaller's too."""
    keys: dict[int, str] = settings.TELEMETRY_TOKEN_KEYS
    if not rate or not keys:
        return False
    what = f"flag.evaluated\x1f{flag_key}\x1f{person}\x1f{day.isoformat()}".encode()
    digest = hmac.digest(base64.b64decode(keys[max(keys)]), what, hashlib.sha256)
    return int.from_bytes(digest[:8]) < rate * _WHOLE


def _data(decision: Decision, person: UUID, day: date, rate: float) -> dict[str, Any]:
    return {
        "subject_id": person,
        "flag": decision.flag_key,
        "value": decision.value,
        "reason": decision.reason,
        "stage": decision.stage,
        "day": day,
        "sample_rate": rate,
    }


def _person(subject_id: str) -> UUID | None:
    """Return the id of a person; clients may ask about any word, which is nobody's."""
    try:
        return UUID(subject_id)
    except ValueError:
        return None
