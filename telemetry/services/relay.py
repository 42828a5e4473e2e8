"""The relay: from the outbox into a sink, at least once, in order of id within each aggregate.

An aggregate lives in one of 16 partitions, and a partition has one relay at a time: on PostgreSQL whoever holds its
advisory lock until the transaction ends, also where it is killed; on SQLite the transaction itself is the only writer.
There is no "last id" behind which an event that commits late would be forgotten: what has no `published_at` waits.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from django.db import connection
from django.db.models import F, QuerySet

from common import clock
from common.alerts import Severity, raise_alert
from common.context import unit_of_work
from telemetry.lag import RELAY, note_lag
from telemetry.models import DeadLetter, OutboxEvent
from telemetry.relay import Backoff, next_try, publish
from telemetry.services.emit import PARTITIONS
from telemetry.sinks import Sink, SinkFailed, SinkUnavailable, open_sink

logger = structlog.get_logger("mesocycle.telemetry")

BATCH: Final = 500
# Partitions of one transaction: few enough that four relays share the work, enough for files that are not tiny.
AT_ONCE: Final = 4
# A turn ends after this long, so that a backlog does not hold the worker; the next turn goes on.
TURN_SECONDS: Final = 20.0
# Any number will do, as long as every relay asks for the same one and nobody else does.
_LOCK: Final = 0x72656C79


@dataclass(frozen=True)
class Relayed:
    """What a turn did: events published, tried in vain, put aside as dead letters; `error` where the sink failed.

    oldest: when the oldest event that still waits happened, None where none waits.
    """

    published: int = 0
    retried: int = 0
    dead: int = 0
    oldest: datetime | None = None
    error: str = ""

    def __add__(self, other: Relayed) -> Relayed:
        counts = (self.published + other.published, self.retried + other.retried, self.dead + other.dead)
        return Relayed(*counts, oldest=other.oldest, error=other.error)


class Relay:
    """One relay: its sink, opened when there is something to publish, and how long it leaves a failing one alone."""

    def __init__(self, opener: Callable[[], Sink] = open_sink) -> None:
        self._opener = opener
        self._sink: Sink | None = None
        self._backoff = Backoff()

    def turn(self, *, seconds: float = TURN_SECONDS) -> Relayed:
        """Publish what waits, for about `seconds`. A sink that fails or is missing is told of and raises nothing."""
        done, failure = Relayed(), ""
        if _something_waits() and not self._backoff.waits(time.monotonic()):
            try:
                self._sink = self._sink or self._opener()
                for part in relay_waiting(self._sink, seconds=seconds):
                    done += part
                self._backoff.succeeded()
            except (SinkFailed, SinkUnavailable, OSError) as error:  # OSError: a folder that cannot be made
                failure = str(error)
                self._rest(failure)
        return done + Relayed(oldest=note_lag(), error=failure)

    def close(self) -> None:
        """Close the sink."""
        if self._sink is not None:
            self._sink.close()
        self._sink = None

    def _rest(self, failure: str) -> None:
        self.close()
        wait = self._backoff.failed(time.monotonic())
        logger.warning("the sink fails, events wait", error=failure, failures=self._backoff.failures, seconds=wait)


DUE: Final = Relay()
"""This process's relay, for what calls at intervals: its sink stays open, and it remembers that the sink failed."""

_BUSY: Final = threading.Lock()


def relay_due() -> Relayed:
    """Let this process's relay take its turn; a second thread leaves it to the first."""
    if not _BUSY.acquire(blocking=False):
        return Relayed()
    try:
        return DUE.turn()
    finally:
        _BUSY.release()


def relay_waiting(sink: Sink, *, batch: int = BATCH, seconds: float = TURN_SECONDS) -> Iterator[Relayed]:
    """Publish what waits in every partition that no other relay has, in batches; yield what each batch came to.

    Raises:
        SinkFailed: the sink kept nothing of the batch at hand, which waits; earlier ones are published.
    """
    ends = time.monotonic() + seconds
    order = random.sample(range(PARTITIONS), PARTITIONS)
    for start in range(0, PARTITIONS, AT_ONCE):
        while time.monotonic() < ends:
            part, is_full = _relay_batch(sink, order[start : start + AT_ONCE], batch)
            yield part
            if not is_full:
                break


def _something_waits() -> bool:
    """Look without a lock: most turns find nothing, and on SQLite a lock would keep writers waiting."""
    with unit_of_work(RELAY, read_only=True):
        return OutboxEvent.objects.filter(published_at=None).exists()


def _relay_batch(sink: Sink, partitions: Sequence[int], batch: int) -> tuple[Relayed, bool]:
    """Publish one batch in one transaction; also return whether more may wait.

    Nothing is written before the sink has flushed: a transaction that has written nothing holds up nobody, above all
    not the audit log's sealer, which waits for the oldest one that has.
    """
    with unit_of_work(RELAY):
        now = clock.now()
        rows, is_full = list[OutboxEvent](), False
        for partition in partitions:
            if _claim(partition):
                found = list(_waiting(partition, now)[:batch])
                rows, is_full = rows + found, is_full or len(found) == batch
        if not rows:
            return Relayed(), False
        fate = publish(rows, sink)
        OutboxEvent.objects.filter(pk__in=fate.published).update(published_at=clock.now(), next_try_at=None)
        dead = _set_aside(rows, fate.poison, now)
    return Relayed(len(fate.published), len(fate.poison) - dead, dead), is_full


def _claim(partition: int) -> bool:
    """Become the partition's one relay until the transaction ends."""
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [_LOCK, partition])
        return bool(cursor.fetchone()[0])


def hold_all_partitions() -> None:
    """Wait until no relay is at work, and keep them all from it until the transaction ends."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        for partition in range(PARTITIONS):
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK, partition])


def _waiting(partition: int, now: datetime) -> QuerySet[OutboxEvent]:
    """Return what waits in a partition, but for aggregates with an event that is to be tried again later."""
    waiting = OutboxEvent.objects.filter(partition=partition, published_at=None)
    blocked = waiting.filter(next_try_at__gt=now).values("aggregate_id")
    return waiting.exclude(aggregate_id__in=blocked).order_by("id")


def _set_aside(rows: Sequence[OutboxEvent], poison: Mapping[UUID, str], now: datetime) -> int:
    """Let events that could not be published wait, or make dead letters of them; return how many died."""
    dead = 0
    for row in rows:
        reason = poison.get(row.pk)
        if reason is None:
            continue
        again = next_try(row.attempts + 1, now)
        if again is not None:
            OutboxEvent.objects.filter(pk=row.pk).update(attempts=F("attempts") + 1, next_try_at=again)
            logger.warning("an event was not published", event_id=str(row.pk), type=row.type, reason=reason)
        else:
            _bury(row, reason)
            dead += 1
    return dead


def _bury(row: OutboxEvent, reason: str) -> None:
    DeadLetter.objects.create(
        id=row.pk,
        type=row.type,
        aggregate_id=row.aggregate_id,
        partition=row.partition,
        data=row.data,
        occurred_at=row.occurred_at,
        attempts=row.attempts + 1,
        reason=reason[:300],
    )
    OutboxEvent.objects.filter(pk=row.pk).delete()
    text = f"An event {row.type} ({row.pk}) could not be published: {reason}"
    key = f"{row.type}:{clock.today().isoformat()}"
    raise_alert("telemetry dead letter", severity=Severity.WARNING, text=text, dedupe_key=key)
