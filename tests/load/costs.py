"""What one of everything costs, measured: `LOAD_DATABASE=mesocycle_load_lists python -m tests.load.costs [--json]`.

On a database that `tests.load.populate` filled. Processor milliseconds are this process's and its PostgreSQL
connection's, added up from the operating system's counters, so that other work on the machine disturbs them little;
each is the mean of some repetitions, the first left out. Bytes are PostgreSQL's own, tables with TOAST and indexes.
It writes: fits, a plan, completions, leaves of the log, Parquet files in the place's folder.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, Final

import django
import psutil
import psycopg

from bench.machine import facts
from tests.load.place import Place
from tests.load.tables import TABLES, per_athlete_year

REPEATS: Final = 20
TASKS: Final = 1_000


class Meter:
    """Processor milliseconds of this process and of its connection to PostgreSQL."""

    def __init__(self) -> None:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            self._backend = psutil.Process(cursor.fetchone()[0])

    def mean(self, work: Callable[[], object], repeats: int = REPEATS) -> dict[str, float]:
        """Return what one run costs: `ours` and `database`, and wall `seconds`; a first run warms up."""
        work()
        before, began = self._now(), time.perf_counter()
        for _ in range(repeats):
            work()
        took, after = time.perf_counter() - began, self._now()
        ours, database = ((now - then) / repeats for now, then in zip(after, before, strict=True))
        return {"ours_ms": round(ours, 2), "database_ms": round(database, 2), "wall_ms": round(took / repeats * 1e3, 2)}

    def _now(self) -> tuple[float, float]:
        times = self._backend.cpu_times()
        return time.process_time() * 1e3, (times.user + times.system) * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON document instead of tables")
    options = parser.parse_args()
    place = Place.named()
    os.environ.update({**place.environment(), "LOG_LEVEL": "ERROR", "THROTTLE_LOGIN_ADDRESS": "off"})
    django.setup()
    found: dict[str, Any] = {"facts": facts(), "load average before": round(os.getloadavg()[0], 1)}
    for name, measure in (
        ("processor", lambda: dict(_processor())),
        ("bytes", lambda: _bytes(place)),  # once the log has leaves
        ("redis", lambda: _redis(place.redis)),
        ("parquet", lambda: _parquet(place)),
    ):
        print(name, file=sys.stderr)
        found[name] = measure()
    found["load average after"] = round(os.getloadavg()[0], 1)
    if options.json:
        print(json.dumps(found, indent=2, default=str))
    else:
        for name, value in found.items():
            print(f"{name}: {json.dumps(value, default=str)}")


def _bytes(place: Place) -> dict[str, Any]:
    """Return by table bytes a row, rows and bytes an athlete and year."""
    with psycopg.connect(place.admin_url) as server:
        return {one.name: per_athlete_year(server, one) for one in TABLES}


def _processor() -> Iterator[tuple[str, Any]]:
    """Yield name and mean cost of each piece of work."""
    meter, athlete, coach = Meter(), *_people()
    yield "fit, stored", meter.mean(_fitting(athlete), 10)
    yield "plan, asked for and stored", meter.mean(_planning(athlete), 5)
    for name, work in _requests(athlete, coach):
        yield name, meter.mean(work)
    yield "event sealed", _sealing(meter)


def _people() -> tuple[Any, Any]:
    from accounts.models import Athlete, User
    from common.context import COMMAND_LINE, unit_of_work
    from tests.load.names import DOMAIN

    with unit_of_work(COMMAND_LINE, read_only=True):
        athlete = Athlete.objects.select_related("user").get(user__email=f"athlete00.copy00003@{DOMAIN}")
        return athlete, User.objects.get(email=f"coach0.copy00003@{DOMAIN}")


def _fitting(athlete: Any) -> Callable[[], object]:
    from common.context import COMMAND_LINE
    from modeling.services.fit_athlete import fit_athlete

    ratios = count()

    def fit() -> None:
        # Another ratio each time: the same inputs would give the stored fit again.
        fit_athlete(athlete_id=athlete.pk, acting_user=COMMAND_LINE, ratio=1.5 + next(ratios) / 1e6)

    return fit


def _planning(athlete: Any) -> Callable[[], object]:
    from datetime import timedelta

    from common import clock
    from common.context import COMMAND_LINE
    from plans.services.request_plan import PlanWish, request_plan

    weeks = count(16)

    def plan() -> None:
        wish = PlanWish(clock.today() + timedelta(weeks=next(weeks)), "marathon")
        request_plan(athlete_id=athlete.pk, wish=wish, acting_user=COMMAND_LINE, limited=False)

    return plan


def _requests(athlete: Any, coach: Any) -> Iterator[tuple[str, Callable[[], object]]]:
    for name, user, path in (
        ("API: an athlete's today", athlete.user, "/api/v1/me/today"),
        ("API: an athlete's week", athlete.user, "/api/v1/me/week"),
        ("API: a coach's plans", coach, "/api/v1/plans"),
        ("page: pending plans", coach, "/admin/plans/plan/pending/"),
        ("page: a plan under review", coach, _review_page(coach)),
    ):
        yield name, _getting(user, path)
    yield "API: a session done, written", _completing(athlete)


def _client(user: Any) -> Any:
    from django.conf import settings
    from django.test import Client

    from common.context import COMMAND_LINE, unit_of_work

    settings.ALLOWED_HOSTS = ["*"]
    client = Client(headers={"Accept": "application/json, text/html"})
    with unit_of_work(COMMAND_LINE):
        client.force_login(user, backend="accounts.backends.EmailBackend")
    return client


def _getting(user: Any, path: str) -> Callable[[], object]:
    client = _client(user)

    def get() -> None:
        answer = client.get(path, secure=True)
        if answer.status_code != 200:
            raise RuntimeError(f"{path}: {answer.status_code}")

    return get


def _review_page(coach: Any) -> str:
    from common.context import unit_of_work
    from plans.models import Plan
    from plans.policies import visible_plans

    with unit_of_work(coach, read_only=True):
        plan = Plan.objects.filter(visible_plans(coach), status="needs_revision").order_by("pk").first()
        assert plan is not None
    return f"/admin/plans/plan/{plan.pk}/change/"


def _completing(athlete: Any) -> Callable[[], object]:
    from common.context import COMMAND_LINE, unit_of_work
    from plans.models import SessionCompletion

    client = _client(athlete.user)
    with unit_of_work(COMMAND_LINE, read_only=True):
        session = SessionCompletion.objects.filter(athlete=athlete, plan__status="published").latest("day").session_id
    minutes = count(30)

    def complete() -> None:
        body = {"status": "done", "duration_min": next(minutes), "rpe": 4}
        answer = client.post(
            f"/api/v1/sessions/{session}/completion", body, content_type="application/json", secure=True,
            headers={"Idempotency-Key": os.urandom(16).hex()},
        )  # fmt: skip
        if answer.status_code not in (200, 201):
            raise RuntimeError(f"{answer.status_code}: {answer.content[:300]!r}")

    return complete


def _sealing(meter: Meter) -> dict[str, float]:
    from audit.keys import signing_keys
    from audit.services.seal import SEALER, _seal_batch
    from common.context import unit_of_work

    batch = 5_000

    def seal() -> None:
        with unit_of_work(SEALER):
            made = _seal_batch(signing_keys(), batch)
        if made is None or made[1] < batch:
            raise RuntimeError("too few events wait to be sealed, or another transaction on the server holds them")

    return {name: round(value / batch, 4) for name, value in meter.mean(seal, 3).items()}


def _redis(url: str) -> dict[str, float]:
    """Return bytes of Redis a task that waits."""
    import redis
    from celery import Celery

    with redis.Redis.from_url(url) as server:
        app = Celery(broker=url)
        app.conf.broker_transport_options = {"global_keyprefix": "costs:"}
        for _ in range(TASKS):
            app.send_task("common.run_job", ("019a1b2c-0000-7000-8000-000000000000",))
        held = server.memory_usage("costs:celery", samples=0)
        found = {"bytes_a_task": round(float(held or 0) / TASKS), "tasks": server.llen("costs:celery")}
        for key in server.scan_iter("costs:*"):
            server.delete(key)
    return found


def _parquet(place: Place) -> dict[str, float]:
    """Return bytes of Parquet an event, after the relay brought what waits, and what relaying one cost."""
    from common.context import COMMAND_LINE, unit_of_work
    from telemetry.models import OutboxEvent
    from telemetry.services.relay import Relay

    with unit_of_work(COMMAND_LINE, read_only=True):
        waiting = OutboxEvent.objects.filter(published_at=None).count()
    before, began = _size(place.var / "telemetry"), time.process_time()
    done = Relay().turn(seconds=120)
    spent = (time.process_time() - began) * 1e3
    grown = _size(place.var / "telemetry") - before
    published = done.published or 1
    return {
        "events": done.published, "waited": waiting, "bytes_an_event": round(grown / published),
        "ours_ms_an_event": round(spent / published, 3),
    }  # fmt: skip


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*.parquet"))


if __name__ == "__main__":
    main()
