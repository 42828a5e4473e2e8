"""The story: import → tests → fit → plan through a real server (and, on PostgreSQL, a real worker), without factories.

Later work extends it: review, approval, rollout, experiment, retraining.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.databases import Databases
from tests.support.processes import Server, serving

pytestmark = [pytest.mark.server, pytest.mark.shared_data]
PASSWORD = "mesocycle-demo"
COACH = "coach@demo.mesocycle.example"


@pytest.fixture
def server(databases: Databases, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Server]:
    """A real server on a copy of the demo's data, which `manage.py demo` makes once a run."""
    yield from serving(databases, databases.demo(), tmp_path_factory.mktemp("server"), worker_id)


def call(server: Server, method: str, path: str, body: Any = None, token: str = "", **headers: str) -> tuple[int, Any]:
    """Send one JSON request and return status and body."""
    url = path if path.startswith("http") else f"{server.url}/api/v1{path}"
    request = urllib.request.Request(url, method=method, data=json.dumps(body).encode() if body is not None else None)
    request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    for name, value in headers.items():
        request.add_header(name.replace("_", "-"), value)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"null")


def test_from_a_history_to_a_plan(server: Server, databases: Databases, shared_data: Path) -> None:
    demo = databases.demo_told()
    assert len(demo["athletes"]) == 12
    assert len(demo["plans"]) == 12

    # A coach adds a runner and imports four years of history.
    thresholds = ["--threshold-hr", "172", "--max-hr", "190", "--thresholds-from", "2022-01-01"]
    runner = server.manage_json(
        "add_athlete", "--as", COACH, "--sport", "running", "--level", "advanced", "--name", "Story", *thresholds
    )["id"]
    history = shared_data / "history" / "runner_2022_2026.csv"
    assert server.manage_json("import_history", runner, str(history), "--as", COACH)["added"] == 1055

    # The coach logs in on the API, accepts near-maximal efforts as tests, and looks at the model.
    status, pair = call(server, "POST", "/auth/token", {"email": COACH, "password": PASSWORD})
    assert status == 200
    token = pair["access"]
    status, found = call(server, "POST", f"/athletes/{runner}/test-proposals", {}, token)
    assert (status, len(found)) == (201, 95)
    status, tests = call(server, "POST", f"/athletes/{runner}/test-proposals/accept", {}, token)
    assert (status, len(tests)) == (201, 95)
    report = server.manage_json("fit", runner, "--as", COACH)
    assert report["grade"] in ("calibrated", "provisional")
    assert report["validation"]["errors"]["posterior"] < report["validation"]["errors"]["last test"]

    # A marathon in twenty weeks: 201 with the plan, after the worker where there is one.
    race = date.today() + timedelta(weeks=20)
    wish = {"athlete_id": runner, "race_date": race.isoformat(), "race_distance": "marathon", "goal_time": "3:30:00"}
    status, plan = call(server, "POST", "/plans", wish, token, Prefer="wait=30", Idempotency_Key="story-1")
    assert status == 201, plan
    status, again = call(server, "POST", "/plans", wish, token, Prefer="wait=30", Idempotency_Key="story-1")
    assert (status, again["id"]) == (201, plan["id"])
    version_id = plan["head_version"]["id"]
    status, version = call(server, "GET", f"/plans/{plan['id']}/versions/{version_id}", token=token)
    assert status == 200
    races = [s for week in version["weeks"] for s in week["sessions"] if s["kind"] == "race"]
    assert [s["day"] for s in races if s["day"] == race.isoformat()] == [race.isoformat()]
    assert version["predicted"]["low"] < version["predicted"]["value"] < version["predicted"]["high"]

    # Everybody is refitted (by the worker where there is one).
    refit = server.manage_json("refit_all", "--wait", "120")
    assert (refit["state"], refit["result"]) == ("done", {"fitted": 13, "skipped": 0})

    # Another coach sees nothing of it.
    _, other = call(server, "POST", "/auth/token", {"email": "coach2@demo.mesocycle.example", "password": PASSWORD})
    status, problem = call(server, "GET", f"/plans/{plan['id']}", token=other["access"])
    assert (status, problem["type"]) == (404, "/problems/not-found/")

    # A second demo run changes nothing.
    time.sleep(0.1)
    assert server.manage_json("demo", "--no-serve")["athletes"] == demo["athletes"]
