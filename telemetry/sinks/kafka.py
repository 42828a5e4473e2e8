"""Kafka: one topic, CloudEvents in structured mode (Kafka protocol binding 1.0.2), keyed by the event's subject. Pure.

One topic for all types, so that the events of an aggregate keep their order also across types: they have one subject,
one key, hence one partition. The producer is idempotent and waits for all in-sync replicas. It never gives up on a
message by itself: what is left of a batch is taken back as a whole, so that what the brokers have of a partition is
always a beginning of what it was given, and the batch sent again brings duplicates but overtakes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from confluent_kafka import KafkaError, KafkaException, Producer

from telemetry.sinks.contract import Event, Refused, SinkFailed

CONTENT_TYPE: Final = b"application/cloudevents+json; charset=UTF-8"
_HEADERS: Final[list[tuple[str, str | bytes | None]]] = [("content-type", CONTENT_TYPE)]
_TOO_LARGE: Final = "is too large for the topic"
# Key, headers and framing of a message, beside its value.
_FRAMING_BYTES: Final = 512
_PATIENCE_SECONDS: Final = 30.0


class KafkaSink:
    """Sends to one topic. Connects when there is something to send; a producer that failed is thrown away.

    Args:
        servers: `host:port`, comma-separated.
        topic: it must exist, or the brokers must make topics by themselves.
        max_bytes: of one message and of a batch of them; no more than the topic's `max.message.bytes`.
        options: further settings of librdkafka (security, compression); those that delivery rests on are ours.
        patience: seconds until a flush gives up.
    """

    def __init__(
        self,
        servers: str,
        topic: str,
        *,
        max_bytes: int = 1_000_000,
        options: Mapping[str, str] | None = None,
        patience: float = _PATIENCE_SECONDS,
    ) -> None:
        self._topic, self._max_bytes, self._patience = topic, max_bytes, patience
        self._settings: dict[str, Any] = {
            "compression.type": "zstd",
            "log_level": 3,
            **(options or {}),
            "bootstrap.servers": servers,
            "enable.idempotence": True,
            "acks": "all",
            "message.max.bytes": max_bytes,
            "batch.size": max_bytes,
            "message.timeout.ms": 0,  # for ever: `flush` gives up, on the whole batch
        }
        self._producer: Producer | None = None
        self._taken: list[Event] = []

    def write(self, batch: Sequence[Event]) -> None:
        """Take a batch.

        Raises:
            Refused: an event is too large.
        """
        refused = {event.id: _TOO_LARGE for event in batch if len(event.text) + _FRAMING_BYTES > self._max_bytes}
        if refused:
            raise Refused(refused)
        self._taken += batch

    def flush(self) -> None:
        """Send what was taken and wait until the brokers have it.

        Raises:
            Refused: the brokers find events too large.
            SinkFailed: they did not confirm all of it in time; some of it may have arrived.
        """
        taken, self._taken = self._taken, []
        answers: dict[UUID, KafkaError | None] = {}
        try:
            self._send(taken, answers)
        except (KafkaException, BufferError) as error:
            self._discard()
            raise SinkFailed(f"Kafka: {error}") from error
        failed = [why for event in taken if (why := answers.get(event.id, _PENDING)) is not None]
        if not failed:
            return
        self._discard()
        too_large = {
            event_id: _TOO_LARGE
            for event_id, why in answers.items()
            if why is not None and why.code() == KafkaError.MSG_SIZE_TOO_LARGE
        }
        if too_large:
            raise Refused(too_large)
        raise SinkFailed(f"Kafka did not confirm {len(failed)} of {len(taken)} events: {failed[0].str()}")

    def close(self) -> None:
        """Forget what was not flushed."""
        self._taken = []
        self._discard()

    def _send(self, taken: Sequence[Event], answers: dict[UUID, KafkaError | None]) -> None:
        if self._producer is None:
            self._producer = Producer(self._settings)
        for event in taken:
            self._producer.produce(
                self._topic,
                key=event.envelope["subject"].encode(),
                value=event.text,
                headers=_HEADERS,
                on_delivery=_note(event, answers),
            )
        self._producer.flush(self._patience)

    def _discard(self) -> None:
        """Take back what is still on its way: nothing later may arrive where something earlier did not."""
        if self._producer is not None:
            self._producer.purge()
            self._producer.flush(0)
        self._producer = None


_PENDING: Final = KafkaError(KafkaError._TIMED_OUT)


def _note(event: Event, answers: dict[UUID, KafkaError | None]) -> Any:
    def delivered(error: KafkaError | None, _: Any) -> None:
        answers[event.id] = error

    return delivered
