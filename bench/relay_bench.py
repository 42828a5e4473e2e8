"""Relaying on PostgreSQL: events a second against plain INSERTs of the same rows, into Parquet files by relays that
live, and to Kafka (the client library's mock cluster, in this process) by relays that are killed at random.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import psycopg

from bench.audit_bench import ADMIN_URL, _database
from bench.rows import Row
from tests.support.databases import ROOT
from tests.support.kafka import everything, mock_cluster

RELAYS = 4
TOPIC = "bench.events"
PATIENCE_SECONDS = 900


def run(quick: bool = False) -> list[Row]:
    """Return events a second of one relay, of four, and of four that die; nothing where no PostgreSQL answers."""
    try:
        psycopg.connect(ADMIN_URL).close()
    except psycopg.OperationalError:
        print("no PostgreSQL answers: the relay is not measured", file=sys.stderr)
        return []
    events = 10_000 if quick else 100_000
    rows = []
    for relays in (1, RELAYS):
        with _database() as env, tempfile.TemporaryDirectory() as folder:
            env = {**env, "TELEMETRY_DIR": folder, "MESOCYCLE_VAR": folder}
            inserted = _result(_start(env, "insert", str(events)))
            done = [_result(one) for one in [_start(env, "relay") for _ in range(relays)]]
        published = sum(one["published"] for one in done)
        assert published == events, f"{published} of {events} events were published"
        seconds = max(one["ended"] for one in done) - min(one["began"] for one in done)
        rate = published / seconds
        name = f"PostgreSQL, {relays} relay{'s' * (relays > 1)} of {events:,} events into Parquet / plain INSERTs"
        rows.append(Row(name, rate, inserted["rate"], rate / inserted["rate"], "events/s"))
    return [*rows, *_killed(events, kills=8 if quick else 40)]


def _killed(events: int, kills: int) -> list[Row]:
    """Let four relays bring events to Kafka, each of which may be killed and is replaced; count what arrived."""
    with mock_cluster() as servers, _database() as env, tempfile.TemporaryDirectory() as folder:
        env = {**env, "TELEMETRY_SINK": "kafka", "KAFKA_BOOTSTRAP_SERVERS": servers, "KAFKA_TOPIC": TOPIC}
        inserted = _result(_start(env, "insert", str(events)))
        seconds, killed = _relay_and_kill(env, kills, Path(folder))
        arrived = [json.loads(message.value()) for message in everything(servers, TOPIC)]
        lines = "\n".join(one["id"] for one in arrived)
        handled = _result(_start(env, "handle"), lines)
    ids = {one["id"] for one in arrived}
    lost, twice, overtaken = events - len(ids), len(arrived) - len(ids), _inversions(arrived)
    wrongly = abs(handled["handled"] - len(ids))
    name = f"{RELAYS} relays of {events:,} events to Kafka, {killed} times one killed"
    return [
        Row(f"PostgreSQL, {name} / plain INSERTs", events / seconds, inserted["rate"],
            events / seconds / inserted["rate"], "events/s"),
        Row(f"{name}: lost", lost, None, None, "events", "0", lost == 0),
        Row(f"{name}: received before an earlier one of their aggregate", overtaken, None, None, "events", "0",
            overtaken == 0),
        Row(f"{name}: came again, not dropped by the inbox / came again", wrongly, twice, None, "events", "0",
            wrongly == 0),
    ]  # fmt: skip


def _relay_and_kill(env: dict[str, str], kills: int, folder: Path) -> tuple[float, int]:
    """Return the seconds from the first relay's first turn until nothing waits, and how many were killed.

    They are forked by a process that has loaded everything and never waits for them, so that no id is used again.
    """
    nursery = _start(env, "fork_relays", str(folder))
    running, killed = [_fork(nursery) for _ in range(RELAYS)], 0
    first, ends = running[0], time.monotonic() + PATIENCE_SECONDS
    while unfinished := [pid for pid in running if not (folder / f"{pid}.ended").exists()]:
        time.sleep(random.uniform(0.05, 0.25))
        assert time.monotonic() < ends, "events still wait"
        victim = random.choice(unfinished)
        if killed < kills and (folder / f"{victim}.began").exists() and not (folder / f"{victim}.ended").exists():
            os.kill(victim, signal.SIGKILL)
            running[running.index(victim)] = _fork(nursery)
            killed += 1
    nursery.communicate()
    ended = max(float((folder / f"{pid}.ended").read_text()) for pid in running)
    return ended - float((folder / f"{first}.began").read_text()), killed


def _fork(nursery: subprocess.Popen[str]) -> int:
    assert nursery.stdin and nursery.stdout
    nursery.stdin.write("one more\n")
    nursery.stdin.flush()
    return int(nursery.stdout.readline())


def _inversions(arrived: list[dict[str, Any]]) -> int:
    """Count events that were first received after a later one of their aggregate."""
    last, seen, found = defaultdict[str, int](int), set[str](), 0
    for one in arrived:
        subject, number = one["subject"], one["data"]["version_number"]
        if one["id"] not in seen:
            seen.add(one["id"])
            found += number < last[subject]
            last[subject] = max(number, last[subject])
    return found


def _start(env: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bench.relay_work", *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _result(process: subprocess.Popen[str], told: str = "") -> Any:
    out, _ = process.communicate(told, timeout=PATIENCE_SECONDS)
    if process.returncode:
        raise RuntimeError(f"a process of the benchmark ended with {process.returncode}")
    return json.loads(out.splitlines()[-1])
