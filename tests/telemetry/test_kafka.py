"""Kafka, with the client library's own mock cluster: what arrives, in which order, and what is refused or fails."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from telemetry.relay import event_of
from telemetry.sinks import Refused, SinkFailed, SinkUnavailable, open_sink
from telemetry.sinks.kafka import KafkaSink
from tests.support.kafka import everything, mock_cluster
from tests.telemetry.making import add_schemas, event

pytestmark = pytest.mark.pure
A, B = UUID(int=1), UUID(int=2)
TOPIC = "test.events"


@pytest.fixture(autouse=True)
def _schemas(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    add_schemas(monkeypatch)
    yield


@pytest.fixture(scope="module")
def servers() -> Iterator[str]:
    with mock_cluster() as found:
        yield found


def numbers(servers: str, topic: str) -> dict[bytes, list[int]]:
    """The numbers that arrived, by key."""
    found: dict[bytes, list[int]] = {}
    for message in everything(servers, topic):
        found.setdefault(message.key(), []).append(json.loads(message.value())["data"]["number"])
    return found


def test_an_event_arrives_as_a_structured_cloud_event_under_the_key_of_its_subject(servers: str) -> None:
    sink, row = KafkaSink(servers, "test.one"), event(A, number=1)
    sink.write([event_of(row)])
    sink.flush()
    sink.close()
    (message,) = everything(servers, "test.one")
    assert json.loads(message.value()) == row.data
    assert message.key() == str(A).encode()
    assert message.headers() == [("content-type", b"application/cloudevents+json; charset=UTF-8")]


def test_events_of_an_aggregate_share_a_partition_and_keep_their_order(servers: str) -> None:
    sink = KafkaSink(servers, "test.order")
    subjects = [UUID(int=number) for number in range(1, 21)]
    for start in (0, 50):
        batch = [event(subject, number=number) for number in range(start, start + 50) for subject in subjects]
        sink.write([event_of(row) for row in batch])
        sink.flush()
    sink.close()
    assert numbers(servers, "test.order") == {str(one).encode(): list(range(100)) for one in subjects}


def test_a_message_that_is_too_large_is_refused_and_nothing_of_its_batch_is_sent(servers: str) -> None:
    sink = KafkaSink(servers, "test.large", max_bytes=2_000)
    small, large = event(A, number=1), event(B, number=2, codes=["x" * 2_000])
    with pytest.raises(Refused) as caught:
        sink.write([event_of(small), event_of(large)])
    assert caught.value.reasons == {large.id: "is too large for the topic"}
    sink.write([event_of(small)])
    sink.flush()
    sink.close()
    assert numbers(servers, "test.large") == {str(A).encode(): [1]}


def test_brokers_that_do_not_answer_fail_the_batch_which_is_forgotten(servers: str) -> None:
    sink = KafkaSink("127.0.0.1:1", TOPIC, patience=0.3, options={"log_level": "0"})
    sink.write([event_of(event(A, number=1))])
    began = time.monotonic()
    with pytest.raises(SinkFailed, match="1 of 1"):
        sink.flush()
    assert time.monotonic() - began < 30  # not librdkafka's own five minutes
    sink.flush()  # nothing is left to fail


def test_an_option_that_librdkafka_does_not_know_fails_and_says_so() -> None:
    sink = KafkaSink("127.0.0.1:1", TOPIC, options={"no.such": "setting"})
    sink.write([event_of(event(A, number=1))])
    with pytest.raises(SinkFailed, match="no.such"):
        sink.flush()


def test_the_settings_choose_and_what_is_missing_is_said(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.TELEMETRY_SINK, settings.KAFKA_BOOTSTRAP_SERVERS = "kafka", "127.0.0.1:1"
    assert isinstance(open_sink(), KafkaSink)
    settings.KAFKA_BOOTSTRAP_SERVERS = ""
    with pytest.raises(SinkUnavailable, match="KAFKA_BOOTSTRAP_SERVERS"):
        open_sink()
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    monkeypatch.delitem(sys.modules, "telemetry.sinks.kafka")
    with pytest.raises(SinkUnavailable, match=r"\[kafka\]"):
        open_sink()
