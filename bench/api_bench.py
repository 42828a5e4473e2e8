"""Asking for a plan (`Prefer: wait`, two years of history, SQLite) and editing one, each against a trivial request.

The peer is an authenticated POST of the same server that writes one row and answers 204 (`…/look`); a POST that
validation refuses, which writes nothing, is shown beside it.
"""

from __future__ import annotations

import itertools
import json
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from bench.rows import Row
from tests.support.databases import environment
from tests.support.processes import Server, start_server, stop

ADMIN = {"email": "admin@demo.mesocycle.example", "password": "mesocycle-demo"}

NextRequest = Callable[[bytes], urllib.request.Request]


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
    token = _json(_request(server, "POST", "/auth/token", ADMIN, ""))["access"]
    runner = next(a["id"] for a in athletes if a["sport"] == "running")
    race = (date.today() + timedelta(weeks=20)).isoformat()
    wish = {"athlete_id": runner, "race_date": race, "race_distance": "marathon", "model_choice": "auto"}
    plans = _times(lambda _: _request(server, "POST", "/plans", wish, token, Prefer="wait=20"), n)
    refused = _median(_times(lambda _: _request(server, "POST", "/plans", {}, token), n))
    newest = _json(_request(server, "GET", "/plans", None, token))["results"][0]
    look = f"/plans/{newest['id']}/look"
    trivial = _median(_times(lambda _: _request(server, "POST", look, {"version_number": 1}, token), n))
    patch = _median(_times(_editing(server, token, newest, Prefer="return=minimal"), n))
    newest = _json(_request(server, "GET", f"/plans/{newest['id']}", None, token))
    whole = _median(_times(_editing(server, token, newest), n))
    median, p95 = (float(np.percentile(plans, q)) for q in (50, 95))
    return [
        Row("PATCH of a 20-week plan / POST that writes a row, medians", patch, trivial, patch / trivial, "ms", "≤ 4×",
            patch <= 4 * trivial),
        Row("PATCH answered with the whole version / the same", whole, trivial, whole / trivial, "ms"),
        Row("PATCH of a 20-week plan / refused POST, medians", patch, refused, patch / refused, "ms"),
        Row("POST /plans, wait / POST that writes a row, medians", median, trivial, median / trivial, "ms"),
        Row("POST /plans, wait, p95 / POST that writes a row", p95, trivial, p95 / trivial, "ms", "≤ 1000 ms",
            p95 <= 1000),
    ]  # fmt: skip


def _median(times: list[float]) -> float:
    return float(np.percentile(times, 50))


def _editing(server: Server, token: str, plan: dict[str, Any], **headers: str) -> NextRequest:
    """Return what makes one more edit of a plan out of the answer to the last, as the review page does."""
    place, tag = f"/plans/{plan['id']}/versions/", plan["etag"]
    version = _json(_request(server, "GET", place + plan["head_version"]["id"], None, token))
    today = date.today().isoformat()
    sessions = [s for week in version["weeks"] for s in week["sessions"] if s["kind"] == "easy" and s["day"] > today]
    path = f"/sessions/{sessions[0]['session_id']}/load"
    count = itertools.count(1)

    def edit(last: bytes) -> urllib.request.Request:
        found = json.loads(last) if last else {"id": version["id"], "etag": tag}
        load = (20 if headers else 40) + next(count) / 10
        operation = {"op": "replace", "path": path, "value": load, "reason": "coach_judgement"}
        tagged = {**headers, "If-Match": found["etag"]}
        return _request(server, "PATCH", place + found["id"], [operation], token, **tagged)

    return edit


def _times(next_request: NextRequest, n: int) -> list[float]:
    """Return the times of n answers in ms, read but not parsed; the first request is not counted."""
    answer, times = _fetch(next_request(b"")), []
    for _ in range(n):
        request = next_request(answer)
        started = time.perf_counter()
        answer = _fetch(request)
        times.append((time.perf_counter() - started) * 1e3)
    return times


def _request(server: Server, method: str, path: str, body: Any, token: str, **headers: str) -> urllib.request.Request:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{server.url}/api/v1{path}", method=method, data=data)
    request.add_header("Content-Type", "application/json")
    for name, value in headers.items():
        request.add_header(name, value)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    return request


def _fetch(request: urllib.request.Request) -> bytes:
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        return bytes(error.read())


def _json(request: urllib.request.Request) -> Any:
    return json.loads(_fetch(request))
