"""`manage.py demo --port`: what it serves is seen from the start, and what it writes leads to where it serves."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.databases import ROOT, Databases, environment
from tests.support.processes import free_port, wait_until_up

pytestmark = [pytest.mark.server, pytest.mark.once, pytest.mark.heavy]
ATHLETE = {"email": "athlete@demo.mesocycle.example", "password": "mesocycle-demo"}


def asked(url: str, body: Any = None, token: str = "") -> Any:
    """Return the JSON answer; with a body it is a POST."""
    request = urllib.request.Request(url, data=None if body is None else json.dumps(body).encode())
    request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


def test_a_demo_on_another_port_is_seen_and_names_its_port(databases: Databases, tmp_path: Path) -> None:
    name, port = databases.copy("demo_served", source=databases.demo()), free_port()
    env = environment(databases.url(name), MESOCYCLE_VAR=str(tmp_path / "var"), FLAGS_REFRESH="thread")
    env.pop("PUBLIC_URL", None)
    command, url = [sys.executable, "manage.py", "demo", "--port", str(port)], f"http://127.0.0.1:{port}"
    log = tmp_path / "demo.log"
    with log.open("wb") as file:
        demo = subprocess.Popen(command, cwd=ROOT, env=env, stdout=file, stderr=file, start_new_session=True)
    try:
        wait_until_up(url, demo, log, "/health/live")
        assert seen(name) >= 2  # gunicorn's two workers, whom nobody has asked
        token = asked(f"{url}/api/v1/auth/token", ATHLETE)["access"]
        assert asked(f"{url}/api/v1/me/calendar", {}, token)["url"].startswith(f"{url}/calendar/")
    finally:
        os.killpg(demo.pid, signal.SIGTERM)
        demo.wait(timeout=60)
        databases.drop(name)


def seen(database: str) -> int:
    """Wait until two processes have said by which flags they decide, and return how many have."""
    deadline, count = time.monotonic() + 60, 0
    while count < 2 and time.monotonic() < deadline:
        time.sleep(0.2)
        with closing(sqlite3.connect(database)) as rows:
            ((count,),) = rows.execute("SELECT count(*) FROM flag_processes").fetchall()
    return count
