"""`POST /api/v1/plans` with `Prefer: wait` for a two-year history on SQLite, against a trivial authenticated POST."""

from __future__ import annotations

import json
import tempfile
import time
import urllib.error
import urllib.request
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from bench.rows import Row
from tests.support.databases import environment
from tests.support.processes import Server, start_server, stop

ADMIN = {"email": "admin@demo.mesocycle.example", "password": "mesocycle-demo"}


def run(quick: bool = False) -> list[Row]:
    """Return median and p95 of both requests; the daily limit is lifted for the run."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        env = environment(
            f"sqlite:///{path / 'bench.sqlite3'}", MESOCYCLE_VAR=folder, GENERATION_LIMIT_PER_DAY="100000"
        )
        prepared = Server("", env).manage_json("demo", "--no-serve")
        server, processes = start_server(env, path / "server.log")
        try:
            return _measure(server, prepared["athletes"], 15 if quick else 60)
        finally:
            stop(processes)


def _measure(server: Server, athletes: list[dict[str, Any]], n: int) -> list[Row]:
    token = _post(server, "/auth/token", ADMIN, "")["access"]
    runner = next(a["id"] for a in athletes if a["sport"] == "running")
    race = (date.today() + timedelta(weeks=20)).isoformat()
    wish = {"athlete_id": runner, "race_date": race, "race_distance": "marathon", "model_choice": "auto"}
    plans = _times(lambda: _post(server, "/plans", wish, token), n)
    trivial = _times(lambda: _post(server, "/plans", {}, token), n)
    median, p95 = (float(np.percentile(plans, q)) for q in (50, 95))
    peer_median, peer_p95 = (float(np.percentile(trivial, q)) for q in (50, 95))
    patches = _times(_editing(server, token), n)
    patch = float(np.percentile(patches, 50))
    return [
        Row("PATCH of a 20-week plan, median / refused POST", patch, peer_median, patch / peer_median, "ms", "≤ 4×",
            patch <= 4 * peer_median),
        Row("POST /plans, wait, median / refused POST", median, peer_median, median / peer_median, "ms"),
        Row(
            "POST /plans, wait, p95 / refused authenticated POST",
            p95,
            peer_p95,
            p95 / peer_p95,
            "ms",
            "≤ 1000",
            p95 <= 1000,
        ),
    ]  # fmt: skip


def _editing(server: Server, token: str) -> Any:
    """Return a function that makes one more edit of the newest plan, as the review page does."""
    plan = _send(server, "GET", "/plans", None, token)["results"][0]
    state = {"version": plan["head_version"]["id"], "etag": plan["etag"], "n": 0}
    version = _send(server, "GET", f"/plans/{plan['id']}/versions/{state['version']}", None, token)
    today = date.today().isoformat()
    sessions = [s for week in version["weeks"] for s in week["sessions"] if s["kind"] == "easy" and s["day"] > today]
    path = f"/sessions/{sessions[0]['session_id']}/load"

    def edit() -> None:
        state["n"] += 1
        operation = {"op": "replace", "path": path, "value": 20 + state["n"] / 10, "reason": "coach_judgement"}
        url = f"/plans/{plan['id']}/versions/{state['version']}"
        found = _send(server, "PATCH", url, [operation], token, **{"If-Match": state["etag"]})
        state["version"], state["etag"] = found["id"], found["etag"]

    return edit


def _times(work: Any, n: int) -> list[float]:
    work()
    times = []
    for _ in range(n):
        started = time.perf_counter()
        work()
        times.append((time.perf_counter() - started) * 1e3)
    return times


def _post(server: Server, path: str, body: Any, token: str) -> Any:
    return _send(server, "POST", path, body, token, Prefer="wait=20")


def _send(server: Server, method: str, path: str, body: Any, token: str, **headers: str) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{server.url}/api/v1{path}", method=method, data=data)
    request.add_header("Content-Type", "application/json")
    for name, value in headers.items():
        request.add_header(name, value)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return json.loads(error.read())
