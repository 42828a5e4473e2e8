"""`POST /assignments` against a trivial authenticated POST of the same server, in batches that take turns.

The peer (`bench.trivial_urls`) passes the same middleware, token, unit of work and permission as every view of the
product, looks at no data and answers 204: no authenticated POST costs less. Both are asked as a coach, one after the
other, each request on a connection of its own. On SQLite; on PostgreSQL where TEST_ON_POSTGRES says so.
"""

from __future__ import annotations

import itertools
import json
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any, Final
from uuid import uuid4

from scipy.stats import binom

from bench.rows import Row
from tests.support.databases import ON_POSTGRES, Databases, environment
from tests.support.processes import Server, start_server, stop

MOST_TIMES, BATCH, ATHLETES = 3.0, 15, 30
KINDS: Final = ("trivial", "first", "repeated")


def run(quick: bool = False) -> list[Row]:
    """Return the ratios of a first and of a repeated assignment, with 95 % intervals over the rounds of batches."""
    rounds = 12 if quick else 40
    with tempfile.TemporaryDirectory() as folder:
        databases = Databases(Path(folder), uuid4().hex[:12])
        names = [databases.template]
        try:
            databases.prepare()
            names.insert(0, databases.copy("bench"))
            return _on(databases.url(names[0]), Path(folder), rounds)
        finally:
            for name in names:
                databases.drop(name)


def _on(url: str, folder: Path, rounds: int) -> list[Row]:
    env = environment(url, MESOCYCLE_VAR=str(folder), DJANGO_SETTINGS_MODULE="bench.trivial_settings")
    experiments = -(-(rounds + 1) * BATCH // ATHLETES)
    code = f"from bench.assign_api_people import prepare; prepare({ATHLETES}, {experiments})"
    prepared = json.loads(Server("", env).manage("shell", "--verbosity", "0", "-c", code).stdout.splitlines()[-1])
    server, processes = start_server(env, folder / "server.log")
    try:
        times = _times(server.url, prepared, rounds)
    finally:
        stop(processes)
    return [_row(kind, times) for kind in KINDS[1:]]


def _times(url: str, prepared: dict[str, Any], rounds: int) -> dict[str, list[float]]:
    """Return each batch's median in ms by kind, one a round; the round in which the workers warm up is not counted."""
    token = json.loads(_ask(f"{url}/api/v1/auth/token", prepared["log_in"], "", 200))["access"]
    pairs = itertools.product(prepared["experiments"], prepared["athletes"])
    bodies = ({"experiment_key": key, "subject_id": athlete} for key, athlete in pairs)
    times: dict[str, list[float]] = {kind: [] for kind in KINDS}
    last: list[dict[str, str]] = []
    for turn in range(rounds + 1):
        shift = turn % len(KINDS) if turn else 0
        for kind in KINDS[shift:] + KINDS[:shift]:
            if kind == "first":
                last = list(itertools.islice(bodies, BATCH))
            found = median(_batch(url, token, kind, last or [{}] * BATCH))
            if turn:
                times[kind].append(found)
    return times


def _batch(url: str, token: str, kind: str, bodies: list[dict[str, str]]) -> Iterator[float]:
    address, status = ("trivial", 204) if kind == "trivial" else ("assignments", 200)
    for body in bodies:
        started = time.perf_counter()
        answer = _ask(f"{url}/api/v1/{address}", body, token, status)
        yield (time.perf_counter() - started) * 1e3
        assert kind == "trivial" or json.loads(answer)["assigned_at"], answer


def _ask(url: str, body: Any, token: str, status: int) -> bytes:
    request = urllib.request.Request(url, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"})
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == status, answer.status
        return bytes(answer.read())


def _row(kind: str, times: dict[str, list[float]]) -> Row:
    ratios = sorted(ours / peer for ours, peer in zip(times[kind], times["trivial"], strict=True))
    low, high = interval_of_median(ratios)
    name = f"POST /assignments, {kind} / trivial POST, {_database()} (95 %: {low:.2f} to {high:.2f})"
    ours, peer = median(times[kind]), median(times["trivial"])
    return Row(name, ours, peer, median(ratios), "ms", f"≤ {MOST_TIMES:g}×", high <= MOST_TIMES)


def interval_of_median(ordered: list[float], confidence: float = 0.95) -> tuple[float, float]:
    """Return the order statistics between which the median lies with at least this confidence (binomial, exact)."""
    n = len(ordered)
    below = max(int(binom.ppf((1 - confidence) / 2, n, 0.5)) - 1, 0)
    return ordered[below], ordered[n - 1 - below]


def _database() -> str:
    return "PostgreSQL" if ON_POSTGRES else "SQLite"
