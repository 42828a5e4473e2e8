"""Deciding a flag: ours against waffle, GrowthBook and Unleash, each in a process of its own; and OFREP over HTTP.

Peers that are not installed (`requirements-bench.lock`) are named and left out.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

from bench.rows import Row
from tests.support.databases import ROOT, environment
from tests.support.processes import Server, start_server, stop

MOST_US, TIMES_WAFFLE, MOST_MS, FLAGS = 3.0, 15.0, 10.0, 100
PASSWORD: Final = "long-enough-7"
PREPARE: Final = f"""
from accounts.services.people import add_user
from common.context import COMMAND_LINE
from rollout.models import Flag
for i in range({FLAGS}):
    Flag.objects.create(name=f"ui.flag{{i:03}}", enabled=True, rollout_thousandths=50_000)
print(add_user(email="b@bench.example", name="b", role="coach", password="{PASSWORD}", acting_user=COMMAND_LINE).pk)
"""


def run(quick: bool = False) -> list[Row]:
    """Return decisions in µs (median of batches of 10) and answers over HTTP in ms (medians)."""
    batches = 500 if quick else 2_000
    ours = _microseconds("ours", batches)
    assert ours is not None
    rows = [Row("decision, full order, 10,000 on the allowlist", ours, None, None, "µs", f"≤ {MOST_US:g} µs",
                ours <= MOST_US)]  # fmt: skip
    for peer, at_least in (("waffle", TIMES_WAFFLE), ("growthbook", None), ("unleash", None)):
        theirs = _microseconds(peer, batches)
        if theirs is None:
            print(f"{peer} is not installed: pip install -r requirements-bench.lock", file=sys.stderr)
            continue
        ratio = theirs / ours
        held = None if at_least is None else ratio >= at_least
        target = "" if at_least is None else f"≥ {at_least:g}×"
        rows.append(Row(f"decision, {peer} / ours", ours, theirs, ratio, "µs", target, held))
    return rows + _over_http(30 if quick else 150)


def _microseconds(who: str, batches: int) -> float | None:
    """Return the median time of a decision in a fresh process, None where the package is not installed."""
    command = [sys.executable, "-m", "bench.flags_peers", who, str(batches)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=300)
    found: float | None = json.loads(done.stdout.splitlines()[-1])
    return found


def _over_http(n: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        env = environment(
            f"sqlite:///{Path(folder) / 'bench.sqlite3'}",
            MESOCYCLE_VAR=folder,
            FLAGS_REFRESH="thread",
            LOG_LEVEL="ERROR",
        )
        Server("", env).manage("migrate", "--verbosity", "0")
        user_id = Server("", env).manage("shell", "--verbosity", "0", "-c", PREPARE).stdout.split()[-1]
        server, processes = start_server(env, Path(folder) / "server.log")
        try:
            return _answers(server.url, user_id, n)
        finally:
            stop(processes)


def _answers(url: str, user_id: str, n: int) -> list[Row]:
    log_in = {"email": "b@bench.example", "password": PASSWORD}
    token = json.loads(_ask(f"{url}/api/v1/auth/token", log_in)[1])["access"]
    context = {"context": {"targetingKey": user_id}}
    flags = f"{url}/ofrep/v1/evaluate/flags"
    status, body, headers = _ask(flags, context, token)
    assert (status, len(json.loads(body)["flags"])) == (200, FLAGS)
    tag = {"If-None-Match": headers["ETag"]}
    assert _ask(flags, context, token, **tag)[0] == 304
    live = _times(n, f"{url}/health/live")
    whole = _times(n, flags, context, token)
    unchanged = _times(n, flags, context, token, **tag)
    one = _times(n, f"{flags}/ui.flag007", context, token)
    p95 = quantiles(one, n=20)[-1]
    base = median(live)
    return [
        Row(f"OFREP, {FLAGS} flags, 200 / health", median(whole), base, median(whole) / base, "ms"),
        Row(f"OFREP, {FLAGS} flags, 304 / health", median(unchanged), base, median(unchanged) / base, "ms"),
        Row("OFREP, one flag / health", median(one), base, median(one) / base, "ms", f"< {MOST_MS:g} ms",
            median(one) < MOST_MS),
        Row("OFREP, one flag, p95 / health", p95, base, p95 / base, "ms"),
    ]  # fmt: skip


def _times(n: int, url: str, body: Any = None, token: str = "", **headers: str) -> list[float]:
    """Return the times of n answers in ms; the first few, in which each worker warms up, are not counted."""
    times = []
    for _ in range(n + 6):
        started = time.perf_counter()
        _ask(url, body, token, **headers)
        times.append((time.perf_counter() - started) * 1e3)
    return times[6:]


def _ask(url: str, body: Any = None, token: str = "", **headers: str) -> tuple[int, bytes, Any]:
    request = urllib.request.Request(url, data=None if body is None else json.dumps(body).encode())
    request.add_header("Content-Type", "application/json")
    for name, value in headers.items():
        request.add_header(name, value)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read(), error.headers
