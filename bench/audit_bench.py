"""The audit log on PostgreSQL: what it costs a write, how soon an event is sealed, how fast a log is verified."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from bench.rows import Row
from tests.support.databases import ROOT, environment

ADMIN_URL = os.environ.get("TEST_DATABASE_ADMIN_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
PROCESSES, THREADS = 4, 8


def run(quick: bool = False) -> list[Row]:
    """Return the rows of this benchmark; none where no PostgreSQL answers."""
    try:
        psycopg.connect(ADMIN_URL).close()
    except psycopg.OperationalError:
        print("no PostgreSQL answers: audit is not measured", file=sys.stderr)
        return []
    return [*_writing(3.0 if quick else 10.0), *_verifying(50_000 if quick else 1_000_000)]


def _writing(seconds: float) -> list[Row]:
    """Measure 32 writers in three ways, in turn and twice, each on a database of its own; the better turn counts."""
    best: dict[str, float] = {}
    sealing: dict[str, Any] = {}
    for mode in ("plain", "audited", "chained", "chained", "audited", "plain"):
        with _database() as env:
            sealer = _start(env, "seal_loop", str(seconds + 4)) if mode == "audited" else None
            writers = [_start(env, "write", mode, str(seconds), str(THREADS)) for _ in range(PROCESSES)]
            rate = sum(_result(writer)["written"] for writer in writers) / seconds
            if rate > best.get(mode, 0.0):
                best[mode] = rate
                sealing = _result(sealer) if sealer else sealing
            elif sealer:
                _result(sealer)
    plain, audited, chained = (best[mode] for mode in ("plain", "audited", "chained"))
    name = f"PostgreSQL, {PROCESSES * THREADS} writers: audited writes / the same"
    p95 = sealing["p95"]
    return [
        Row(f"{name} unaudited", audited, plain, audited / plain, "writes/s"),
        Row(f"{name} in a serial chain", audited, chained, audited / chained, "writes/s", "faster", audited > chained),
        Row(f"event to sealed at that load, p95 of {sealing['sealed']:,}", p95, None, None, "s", "≤ 2 s", p95 <= 2),
    ]


def _verifying(events: int) -> list[Row]:
    """Measure sealing and verifying a large log, and the memory that takes against a tenth of it."""
    with _database() as env:
        _result(_start(env, "fill", str(events // 10)))
        small = _result(_start(env, "verify"))
    with _database() as env:
        filled = _result(_start(env, "fill", str(events)))
        large = _result(_start(env, "verify"))
        alone = _result(_start(env, "hash_alone", str(min(events, 200_000))))["per_s"]
    ours, memory = large["per_s"], large["peak_mb"] / small["peak_mb"]
    return [
        Row(f"verify {events:,} events / hashing alone", ours, alone, ours / alone, "events/s"),
        Row(f"seal {events:,} events / hashing alone", filled["seal_per_s"], alone, filled["seal_per_s"] / alone,
            "events/s"),
        Row(f"memory to verify {events:,} events / {events // 10:,}", large["peak_mb"], small["peak_mb"], memory,
            "MB", "≤ 1.2×", memory <= 1.2),
    ]  # fmt: skip


@contextmanager
def _database() -> Iterator[dict[str, str]]:
    """Yield the environment of processes on a fresh, migrated database, which is dropped at the end."""
    name = f"mesocycle_bench_{os.getpid()}"
    with tempfile.TemporaryDirectory() as folder:
        var = {"MESOCYCLE_VAR": folder, "LOG_LEVEL": "ERROR"}
        owner, app = (environment(_url(name, role), **var) for role in ("app_owner", "app_rw"))
        try:
            setup = ["setup_database", "--admin-url", ADMIN_URL, "--name", name]
            for arguments in (setup, ["migrate", "--verbosity", "0"]):
                command = [sys.executable, "manage.py", *arguments]
                subprocess.run(command, cwd=ROOT, env=owner, check=True, capture_output=True)
            with psycopg.connect(_url(name, "app_owner"), autocommit=True) as database:
                database.execute("CREATE TABLE bench_chain (number bigserial PRIMARY KEY, link bytea)")
                database.execute("GRANT USAGE ON SEQUENCE bench_chain_number_seq TO app_rw")
            yield app
        finally:
            with psycopg.connect(ADMIN_URL, autocommit=True) as server:
                server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _url(name: str, role: str) -> str:
    parts = urlsplit(ADMIN_URL)
    secret = f":{parts.password}" if parts.password else ""
    return urlunsplit((parts.scheme, f"{role}{secret}@{parts.hostname}:{parts.port or 5432}", f"/{name}", "", ""))


def _start(env: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bench.audit_work", *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _result(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = process.communicate()
    if process.returncode:
        raise RuntimeError(err)
    result: dict[str, Any] = json.loads(out)
    return result
