"""What the relay decides, without a database: what becomes of a batch, and how long it waits. Pure."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID

from telemetry.schema_files import NoSchema, check_data, version_of
from telemetry.sinks.contract import Event, Refused, Sink, SinkFailed

# How long after each attempt an event that cannot be published waits, and its aggregate with it; then it is put aside.
RETRY_AFTER: Final = tuple(timedelta(seconds=seconds) for seconds in (10, 60, 300, 1800))
MAX_ATTEMPTS: Final = len(RETRY_AFTER) + 1
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0


class Row(Protocol):
    """A row of the outbox, as far as it is looked at here."""

    id: UUID
    type: str
    aggregate_id: UUID
    data: Any


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a batch: ids that the sink keeps, and reasons by the id of what could not be published.

    What is in neither stands behind such an event of its aggregate, and waits.
    """

    published: list[UUID]
    poison: dict[UUID, str]


def publish(rows: Sequence[Row], sink: Sink) -> Fate:
    """Give rows, in their order, to a sink. What cannot be published holds up its own aggregate and nobody else's.

    Raises:
        SinkFailed: the sink did not keep the batch; nothing may be marked.
    """
    poison: dict[UUID, str] = {}
    ready: list[Event] = []
    for row in rows:
        try:
            ready.append(event_of(row))
        except (NoSchema, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            poison[row.id] = _reason(error)
    of = {row.id: row.aggregate_id for row in rows}
    place = {row.id: number for number, row in enumerate(rows)}
    while ready := _not_behind(ready, poison, of, place):
        try:
            sink.write(ready)
            sink.flush()
            break
        except Refused as refused:
            fresh = {event.id: refused.reasons[event.id] for event in ready if event.id in refused.reasons}
            if not fresh:
                raise SinkFailed("the sink refuses events that it was not given") from refused
            poison |= fresh
        except Exception as error:
            raise SinkFailed(f"{type(error).__name__}: {error}") from error
    first = {of[event_id]: event_id for event_id in sorted(poison, key=lambda one: place[one], reverse=True)}
    return Fate([event.id for event in ready], {event_id: poison[event_id] for event_id in first.values()})


def event_of(row: Row) -> Event:
    """Return a row as a sink takes it.

    Raises:
        NoSchema, ValueError, TypeError, KeyError, AttributeError: it is no event that may leave.
    """
    envelope: Mapping[str, Any] = row.data
    if envelope["id"] != str(row.id) or envelope["type"] != row.type:
        raise ValueError("the envelope is another event's")
    version = version_of(envelope.get("dataschema"))
    check_data(row.type, version, envelope["data"])
    text = json.dumps(envelope, ensure_ascii=False, allow_nan=False).encode()
    return Event(row.id, row.type, version, datetime.fromisoformat(envelope["time"]), envelope, text)


def next_try(attempts: int, now: datetime) -> datetime | None:
    """Return when an event is tried again after so many attempts, None where it is put aside."""
    if attempts >= MAX_ATTEMPTS:
        return None
    return now + RETRY_AFTER[attempts - 1] * random.uniform(1.0, 1.2)


@dataclass
class Backoff:
    """How long a relay leaves a failing sink alone: twice as long each time, less a random part (jitter).

    Without it four relays would come back to a sink in the same instant.
    """

    failures: int = 0
    until: float = 0.0
    rng: random.Random = field(default_factory=random.Random)

    def failed(self, now: float) -> float:
        """Note a failure at `now` (seconds, monotonic); return for how many seconds to wait."""
        self.failures += 1
        whole = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(self.failures - 1, 10))
        wait: float = whole * self.rng.uniform(0.5, 1.0)
        self.until = now + wait
        return wait

    def succeeded(self) -> None:
        """Note that the sink works."""
        self.failures, self.until = 0, 0.0

    def waits(self, now: float) -> bool:
        """Return whether the sink is left alone for now."""
        return now < self.until


def _not_behind(
    ready: Sequence[Event], poison: Mapping[UUID, str], of: Mapping[UUID, UUID], place: Mapping[UUID, int]
) -> list[Event]:
    """Leave out what is poison, and what comes after it in its aggregate."""
    blocked: dict[UUID, int] = {}
    for event_id in poison:
        blocked[of[event_id]] = min(place[event_id], blocked.get(of[event_id], place[event_id]))
    return [event for event in ready if place[event.id] < blocked.get(of[event.id], len(place))]


def _reason(error: Exception) -> str:
    """Say what is wrong without a value: errors of ours name places and rules, others could repeat what they met."""
    ours = isinstance(error, NoSchema) or type(error).__module__ == "telemetry.schema_files"
    return str(error) if ours else f"cannot be read as an event ({type(error).__name__})"
