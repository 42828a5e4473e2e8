"""Building the warehouse of a million events: from Parquet files to published marts, in a process of its own.

The peer is DuckDB alone, reading the same files and unpacking each event's data once: what no build can go below by
much. dbt's own part (reading the project, its models and tests) is what an empty folder takes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.rows import Row
from tests.support.databases import ROOT

EVENTS, ATHLETES = 1_000_000, 21_000
MOST = 30.0


def run(quick: bool = False) -> list[Row]:
    """Return the rows of this benchmark; `quick` takes a twentieth of the athletes."""
    athletes = ATHLETES // 20 if quick else ATHLETES
    with tempfile.TemporaryDirectory() as folder:
        events = _work("land", folder, str(athletes))["events"]
        built = _work("build", folder)
        peer = _peer(Path(folder) / "telemetry")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "telemetry").mkdir()
        empty = _work("build", folder)
    seconds = built["seconds"]
    held = seconds <= MOST if events >= EVENTS else None
    return [
        Row(f"warehouse build of {events:,} events, {built['tests']} tests, DuckDB / reading and unpacking alone",
            seconds, peer, seconds / peer, "s", f"≤ {MOST:.0f} s" if events >= EVENTS else "", held),
        Row("warehouse build of nothing (dbt's own part)", empty["seconds"], None, None, "s"),
        Row("warehouse build: most memory", built["megabytes"], None, None, "MB"),
    ]  # fmt: skip


def _work(*arguments: str) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.marts_work", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _peer(folder: Path) -> float:
    import duckdb

    started = time.perf_counter()
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute(
            "CREATE TABLE told AS SELECT id, type, time, data::JSON ->> 'plan_id' AS plan_id,"
            " data::JSON ->> 'athlete' AS athlete FROM read_parquet($files, union_by_name = true)",
            {"files": f"{folder}/*/*/*.parquet"},
        )
    return time.perf_counter() - started
