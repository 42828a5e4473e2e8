"""A fault inside the new pipeline of a live server: it rolls itself back, and nobody is without a plan.

A sample runs here; `MESOCYCLE_TRAFFIC=full` (`make bench`) sends 2,000 requests.
"""

from __future__ import annotations

import json
import os
import time
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from accounts.services.tokens import log_in
from common import clock
from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from plans.models import Plan, PlanGeneration
from rollout.models import Flag, Incident, OutcomeFact, Rollout
from rollout.selectors import MODEL_DRIVEN_GENERATION as KEY
from rollout.services.flags import seed_flags
from rollout.services.tick import tick
from tests.factories import PASSWORD, make_athlete, make_user
from tests.rollout.runs.driver import POLICY, begun
from tests.support.databases import environment
from tests.support.processes import start_server, stop

pytestmark = pytest.mark.server

REQUESTS = 2_000 if os.environ.get("MESOCYCLE_TRAFFIC") == "full" else 60
HEALTHY = 12
A_DAY = 5


@pytest.fixture
def live(committed_database, tmp_path, settings):
    """A server on a committed database with a run at 50 %, and the file that plants the fault."""
    fault = tmp_path / "fault"
    text = POLICY.format(name="short").replace("percentage = 0\n", "percentage = 50\n")
    (tmp_path / "short.toml").write_text(text.replace("percentage = 10\n", "percentage = 60\n"))
    settings.ROLLOUT_POLICY_DIR = str(tmp_path)
    seed_flags(acting_user=COMMAND_LINE)
    with unit_of_work(COMMAND_LINE):
        Flag.objects.filter(name=KEY).update(rollout_thousandths=0)
    driver = begun(KEY, policy="short", by=make_user("admin"), approver=make_user("admin"), now=clock.now())
    env = environment(
        committed_database,
        DJANGO_SETTINGS_MODULE="tests.support.faulty",
        PLANTED_FAULT=str(fault),
        MESOCYCLE_VAR=str(tmp_path / "var"),
    )
    server, processes = start_server(env, tmp_path / "server.log")
    try:
        yield server, fault, driver.run
    finally:
        stop(processes)


def wishes(count: int) -> list[dict[str, Any]]:
    """Return the bodies of so many requests, five a day for each athlete at most."""
    athletes = [make_athlete(tier="elite") for _ in range(-(-count // A_DAY))]
    race_day = (clock.today() + timedelta(days=80)).isoformat()
    bodies = [{"athlete_id": str(a.pk), "race_date": race_day, "race_distance": "10k"} for a in athletes]
    return list(islice((body for _ in range(A_DAY) for body in bodies), count))


def post(url: str, token: str, body: dict[str, Any]) -> int:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/api/v1/plans", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return int(answer.status)


def settled(count: int) -> None:
    """Wait until every request has come to a plan (a worker does it on PostgreSQL)."""
    deadline = time.monotonic() + 60 + count
    while time.monotonic() < deadline:
        with unit_of_work(COMMAND_LINE, read_only=True):
            if PlanGeneration.objects.exclude(plan=None).count() >= count:
                return
        time.sleep(0.2)
    raise AssertionError("not every request came to a plan")


def test_a_fault_in_the_new_pipeline_rolls_it_back_and_leaves_every_plan_as_it_was(live):
    server, fault, run = live
    token = log_in(email=make_user("admin").email, password=PASSWORD).access
    bodies = wishes(REQUESTS + HEALTHY + 1)
    assert [post(server.url, token, body) for body in bodies[:HEALTHY]] == [202] * HEALTHY
    settled(HEALTHY)
    before = plans()
    tick()
    run.refresh_from_db()
    assert run.state == "running"

    Path(fault).touch()
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(post, server.url, token, body) for body in bodies[HEALTHY:-1]]
        while not all(one.done() for one in asked):
            tick()
            time.sleep(0.5)
    assert Counter(one.result() for one in asked) == {202: REQUESTS}
    settled(HEALTHY + REQUESTS)
    for minutes in (1, 2):
        tick(at=clock.now() + timedelta(minutes=minutes))

    run.refresh_from_db()
    assert run.state in ("rolling_back", "rolled_back")
    assert Flag.objects.get(name=KEY).rollout_thousandths == 0
    assert Incident.objects.get(rollout=run).automatic
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert OutcomeFact.objects.filter(arm="new", fallback=True).count() >= 5
    assert {key: plans()[key] for key in before} == before, "existing plans are untouched"

    time.sleep(2)
    assert post(server.url, token, bodies[-1]) == 202
    settled(HEALTHY + REQUESTS + 1)
    with unit_of_work(COMMAND_LINE, read_only=True):
        newest = PlanGeneration.objects.order_by("-id").first()
        assert (newest.pipeline, newest.routing_reason, newest.outcome) == ("template", "flag_percentage", "ok")
        assert Rollout.objects.get().pk == run.pk


def plans() -> dict[str, tuple[str, str]]:
    """Return each plan's pipeline and content."""
    with unit_of_work(COMMAND_LINE, read_only=True):
        rows = Plan.objects.values_list("pk", "pipeline", "head_version__content_sha256")
        return {str(pk): (pipeline, sha) for pk, pipeline, sha in rows}
