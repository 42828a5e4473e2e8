"""Relaying on PostgreSQL into Parquet files: events a second, against plain INSERTs of the same rows."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from typing import Any

import psycopg

from bench.audit_bench import ADMIN_URL, _database
from bench.rows import Row
from tests.support.databases import ROOT

RELAYS = 4


def run(quick: bool = False) -> list[Row]:
    """Return events a second of one relay and of four; nothing where no PostgreSQL answers."""
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
    return rows


def _start(env: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bench.relay_work", *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)


def _result(process: subprocess.Popen[str]) -> Any:
    out, _ = process.communicate(timeout=900)
    if process.returncode:
        raise RuntimeError(f"a process of the benchmark ended with {process.returncode}")
    return json.loads(out.splitlines()[-1])
