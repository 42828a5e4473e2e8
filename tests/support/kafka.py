"""Brokers without a server: librdkafka's mock cluster lives in the process of the client that asked for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import Consumer, Message, Producer, TopicPartition

BROKERS = 3


@contextmanager
def mock_cluster() -> Iterator[str]:
    """Yield the bootstrap servers of a cluster that is gone afterwards; topics are made when somebody asks for them."""
    owner = Producer({"bootstrap.servers": "unused", "test.mock.num.brokers": BROKERS, "log_level": 2})
    brokers = owner.list_topics(timeout=10).brokers.values()
    yield ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
    del owner


def everything(servers: str, topic: str) -> list[Message]:
    """Return all messages of a topic, partition by partition, each in the order in which its broker has them."""
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "tests",
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 10,
            "log_level": 2,
        }
    )
    try:
        partitions = sorted(consumer.list_topics(topic, timeout=10).topics[topic].partitions)
        consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        found: dict[int, list[Message]] = {number: [] for number in partitions}
        unread = set(partitions)
        while unread:
            for message in consumer.consume(5_000, timeout=0.1):
                if message.error() is None:
                    found[message.partition()].append(message)
                else:  # the end of a partition
                    unread.discard(message.partition())
        return [message for number in partitions for message in found[number]]
    finally:
        consumer.close()
