"""Relays in processes of their own, for tests that kill them.

`python -m tests.telemetry.relay_worker FOLDER BATCH SERVERS`: the sink is Kafka at SERVERS, or Parquet files in FOLDER
where SERVERS is empty.

This process only forks one for each line that it reads, and answers with its id; it never waits for them, so that no
id is used again. A relay is slow between what the sink keeps and the mark in the outbox, where a kill hurts most, and
writes down what the sink received, in order. While FOLDER has a file `broken`, its sink fails.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import django
import pytest

PAUSE_SECONDS = 0.1
TOPIC = "test.killed"


def main(folder: Path, batch: int, servers: str) -> None:
    """Fork relays until the input ends; whatever takes long is loaded before."""
    django.setup()
    import telemetry.services.relay
    import telemetry.sinks.kafka
    import telemetry.sinks.parquet  # noqa: F401

    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            relay_until_killed(folder, batch, servers)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def relay_until_killed(folder: Path, batch: int, servers: str) -> None:
    from telemetry import relay
    from telemetry.services.relay import relay_waiting
    from telemetry.sinks import Event, Sink, SinkFailed
    from telemetry.sinks.kafka import KafkaSink
    from telemetry.sinks.parquet import ParquetSink
    from tests.telemetry.making import add_schemas

    sink: Sink = KafkaSink(servers, TOPIC) if servers else ParquetSink(folder / "telemetry")

    class Slow:
        close = sink.close

        def write(self, batch: Sequence[Event]) -> None:
            sink.write(batch)
            self._told = [
                [event.envelope["subject"], event.envelope["data"]["number"], str(event.id)] for event in batch
            ]

        def flush(self) -> None:
            if (folder / "broken").exists():
                sink.close()
                raise OSError("broken")
            sink.flush()
            os.write(log, (json.dumps([os.getpid(), self._told]) + "\n").encode())
            time.sleep(PAUSE_SECONDS)

    add_schemas(pytest.MonkeyPatch())
    relay.RETRY_AFTER = (timedelta(milliseconds=50),) * len(relay.RETRY_AFTER)  # type: ignore[misc]
    log = os.open(folder / "received", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    backoff, slow = relay.Backoff(), Slow()
    (folder / f"ready-{os.getpid()}").touch()
    while True:
        try:
            for _ in relay_waiting(slow, batch=batch):
                backoff.succeeded()
        except SinkFailed:
            (folder / "failed").touch()
            time.sleep(min(backoff.failed(time.monotonic()), 0.5))
        time.sleep(0.05)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
