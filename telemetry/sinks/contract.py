"""What the relay and every sink agree on. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Event:
    """One event on its way; `envelope` is the CloudEvent and `text` the same as JSON (UTF-8).

    version: of the schema that `envelope["data"]` were checked against.
    """

    id: UUID
    type: str
    version: int
    time: datetime
    envelope: Mapping[str, Any]
    text: bytes


class SinkUnavailable(Exception):
    """The sink cannot be used at all until an operator does what the message says."""


class SinkFailed(Exception):
    """The sink could not take or keep a batch; the same batch may go through later."""


class Refused(Exception):
    """The sink can never take some events; `reasons` says why, by event, without repeating their values."""

    def __init__(self, reasons: Mapping[UUID, str]) -> None:
        super().__init__(f"{len(reasons)} events refused")
        self.reasons = dict(reasons)


class Sink(Protocol):
    """Takes batches of events in the order in which they are to be received, at least once each."""

    def write(self, batch: Sequence[Event]) -> None:
        """Take a batch, whole or not at all.

        Raises:
            Refused: some of the events can never be taken; nothing of the batch was.
        """

    def flush(self) -> None:
        """Return once everything taken is kept for good. Where it raises, the sink forgets what it took.

        Raises:
            Refused: as `write`; other events of the batch may have been kept, and will be again.
        """

    def close(self) -> None:
        """Give back what the sink holds; what was not flushed is gone."""
