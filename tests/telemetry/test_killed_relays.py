"""Relays that are killed at random: nothing lost, nothing overtaken, and what comes twice is dropped by the inbox."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow.dataset as ds
import pytest

from common.context import COMMAND_LINE, unit_of_work
from common.ids import uuid7
from telemetry.inbox import once
from telemetry.models import DeadLetter, OutboxEvent
from telemetry.services.relay import AT_ONCE
from tests.support.databases import ON_POSTGRES, ROOT, environment
from tests.support.kafka import everything, mock_cluster
from tests.telemetry.making import event
from tests.telemetry.relay_worker import TOPIC

pytestmark = pytest.mark.server

EVENTS, AGGREGATES, CHUNK = 5_000, 150, 250
RELAYS = 4 if ON_POSTGRES else 1
KILLS = 8 if ON_POSTGRES else 3
BATCH = 10 if ON_POSTGRES else 40
PATIENCE_SECONDS = 100


class Relays:
    """Our relay processes, by id, each of which may be killed and is replaced."""

    def __init__(self, folder: Path, env: dict[str, str], servers: str) -> None:
        self.folder, self.killed = folder, 0
        self.ends = time.monotonic() + PATIENCE_SECONDS
        command = [sys.executable, "-m", "tests.telemetry.relay_worker", str(folder), str(BATCH), servers]
        with (folder / "errors").open("ab") as errors:
            self._nursery = subprocess.Popen(
                command, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        self.running = [self._start() for _ in range(RELAYS)]

    def ready(self) -> list[int]:
        return [pid for pid in self.running if (self.folder / f"ready-{pid}").exists()]

    def received(self) -> list[tuple[int, list[tuple[str, int, str]]]]:
        """Which process gave the sink which batches, each (aggregate, number, event), in order."""
        path = self.folder / "received"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(pid, [tuple(told) for told in batch]) for pid, batch in map(json.loads, lines)]

    def until(self, holds: Callable[[], Any]) -> None:
        while not holds():
            assert time.monotonic() < self.ends, (self.folder / "errors").read_text()[-3000:]
            time.sleep(0.02)

    def kill_one(self, before: int) -> None:
        """Kill one at a random moment, each second time the last to give its sink a batch since there were `before`."""
        time.sleep(random.uniform(0.0, 0.2))
        victim = random.choice(self.ready())
        if self.killed % 2 == 0:
            self.until(lambda: len(self.received()) > before)
            last = self.received()[-1][0]
            victim = last if last in self.running else victim
        os.kill(victim, signal.SIGKILL)
        self.running[self.running.index(victim)] = self._start()
        self.killed += 1

    def stop(self) -> None:
        for pid in self.running:
            os.kill(pid, signal.SIGKILL)
        self._nursery.communicate()

    def _start(self) -> int:
        assert self._nursery.stdin and self._nursery.stdout
        self._nursery.stdin.write("one more\n")
        self._nursery.stdin.flush()
        return int(self._nursery.stdout.readline())


@contextmanager
def relays(folder: Path, database_url: str, servers: str) -> Iterator[Relays]:
    running = Relays(folder, environment(database_url), servers)
    try:
        yield running
    finally:
        running.stop()


def planned() -> tuple[list[OutboxEvent], OutboxEvent]:
    """Events of many aggregates, interleaved, in the order of their ids; one in the middle can never leave."""
    aggregates, counts = [uuid7() for _ in range(AGGREGATES)], defaultdict[UUID, int](int)
    rows = []
    for _ in range(EVENTS):
        aggregate = random.choice(aggregates)
        counts[aggregate] += 1
        rows.append(event(aggregate, number=counts[aggregate]))
    bad = rows[EVENTS // 2]
    bad.data["data"]["value"] = "not a number"
    return rows, bad


def waiting() -> int:
    with unit_of_work(COMMAND_LINE, read_only=True):
        return OutboxEvent.objects.filter(published_at=None).count()


@pytest.mark.once
def test_relays_killed_at_random_lose_nothing_and_keep_the_order_in_files(
    committed_database: str, tmp_path: Path
) -> None:
    rows, bad = planned()
    with relays(tmp_path, committed_database, "") as running:
        _relay_all(rows, running, tmp_path)
    log = [told for _, batch in running.received() for told in batch]
    files = ds.dataset(str(tmp_path / "telemetry"), format="parquet").to_table(columns=["id"])
    assert set(files.column("id").to_pylist()) == {event_id for *_, event_id in log}
    _check(log, rows, bad, running)


def test_relays_killed_at_random_lose_nothing_and_keep_the_order_in_kafka(
    committed_database: str, tmp_path: Path
) -> None:
    rows, bad = planned()
    with mock_cluster() as servers:
        with relays(tmp_path, committed_database, servers) as running:
            _relay_all(rows, running, tmp_path)
        envelopes = [json.loads(message.value()) for message in everything(servers, TOPIC)]
    log = [(one["subject"], one["data"]["number"], one["id"]) for one in envelopes]
    _check(log, rows, bad, running)


def _check(log: list[tuple[str, int, str]], rows: list[OutboxEvent], bad: OutboxEvent, running: Relays) -> None:
    """A sink has everything but the bad event, nothing was overtaken, and the inbox drops what came twice."""
    expected = {str(row.pk) for row in rows} - {str(bad.pk)}
    assert running.killed == KILLS
    assert {event_id for *_, event_id in log} == expected
    assert len(log) > len(expected), "no kill fell between the sink and the mark"
    # A kill repeats the one transaction that it cut off; relays without claims would repeat each other's all the time.
    assert len(log) - len(expected) <= KILLS * AT_ONCE * BATCH
    assert _inversions(log) == 0
    assert DeadLetter.objects.get().pk == bad.pk
    with unit_of_work(COMMAND_LINE):
        handled = [event_id for *_, event_id in log if once("warehouse", UUID(event_id))]
    assert sorted(handled) == sorted(expected)


def _relay_all(rows: list[OutboxEvent], running: Relays, folder: Path) -> None:
    """Store the rows while relays work and die, and break the sink for a while; return when nothing waits."""
    for place, start in enumerate(range(0, EVENTS, CHUNK)):
        running.until(running.ready)
        before = len(running.received())
        with unit_of_work(COMMAND_LINE):
            OutboxEvent.objects.bulk_create(rows[start : start + CHUNK])
        if place == EVENTS // CHUNK // 2:
            (folder / "broken").touch()
            running.until((folder / "failed").exists)
            (folder / "broken").unlink()
        elif place % (EVENTS // CHUNK // KILLS) == 1 and running.killed < KILLS:
            running.kill_one(before)
    running.until(lambda: waiting() == 0)


def _inversions(log: list[Any]) -> int:
    """Count events that were first received after a later one of their aggregate."""
    last, seen, found = defaultdict[str, int](int), set[str](), 0
    for aggregate, number, event_id in log:
        if event_id not in seen:
            seen.add(event_id)
            found += number < last[aggregate]
            last[aggregate] = max(number, last[aggregate])
    return found
