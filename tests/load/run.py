"""Everything in one go: `make load`, or `python -m tests.load.run --users 50 200 500 --seconds 100`.

Starts the processes of `Procfile` on the database that `tests.load.populate` filled, sends virtual people, asks the
list pages of a second, larger database (LOAD_DATABASE with `_lists` behind it, where that is there), and writes the
report.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
import psycopg

from bench.machine import facts
from tests.load.place import Place
from tests.load.populate import rows
from tests.load.report import Run, Step, from_json, report
from tests.support.databases import ADMIN_URL, ROOT
from tests.support.stack import Stack

REPORT = ROOT / "docs" / "reports" / "load.md"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", nargs="+", default=["50", "200", "500"], help="how many people, step by step")
    parser.add_argument("--seconds", default="100", help="to measure each step (default: %(default)s)")
    parser.add_argument("--arrivals", default="3", help="people who arrive a second (default: %(default)s)")
    parser.add_argument("--workers", default="2", help="gunicorn's processes (default: %(default)s)")
    parser.add_argument("--report", type=Path, default=REPORT, help="where to write (default: docs/reports/load.md)")
    parser.add_argument("--prepared", action="store_true", help="tables and static files are there: do not make them")
    parser.add_argument("--lists-only", action="store_true", help="ask the list pages and print their times")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is stopped
    place = Place.named()
    larger = replace(place, database=f"{place.database}_lists", port=place.port + 10)
    if options.lists_only:
        print(json.dumps([vars(route) for route in _lists(larger, options.workers)], indent=2))
        return 0
    load_before = os.getloadavg()[0]
    found = _mixed(place, options)
    run = Run(
        facts=_facts(place, options, load_before),
        rows=_rows(place),
        steps=found[0],
        usage=found[1],
        lists_rows=_rows(larger) if _is_there(larger) else {},
        lists=_lists(larger, options.workers) if _is_there(larger) else [],
    )
    options.report.parent.mkdir(parents=True, exist_ok=True)
    options.report.write_text(report(run))
    print(options.report.read_text())
    return 0 if all(step.held for step in run.steps) else 1


def stack_of(place: Place, workers: str, formation: Mapping[str, int] | None = None) -> Stack:
    """Return the processes on a place's database; one client stands for many addresses, so log-ins have no limit."""
    return Stack(
        place.folder,
        database=place.database,
        redis=place.redis,
        port=place.port,
        formation=formation,
        MESOCYCLE_VAR=str(place.var),
        WEB_CONCURRENCY=workers,
        WORKER_CONCURRENCY="1",
        THROTTLE_LOGIN_ADDRESS="off",
        EMAIL_BACKEND="django.core.mail.backends.dummy.EmailBackend",
        WEB_ACCESS_LOG="no",
        **place.keys(),
    )


def _mixed(place: Place, options: argparse.Namespace) -> tuple[list[Step], dict[str, float]]:
    """Return the steps, and processor seconds by kind of process."""
    with stack_of(place, options.workers) as stack:
        if not options.prepared:
            stack.prepare()
        stack.start()
        before = _processor(stack)
        command = [sys.executable, "-m", "tests.load.drive", stack.urls[0], "--seconds", options.seconds]
        command += ["--arrivals", options.arrivals, "--users", *options.users]
        client = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        watched = psutil.Process(client.pid)
        output, usage = "", {}
        while client.poll() is None:
            usage = _processor(stack) | {"client": sum(watched.cpu_times()[:2])}
            try:
                output, _ = client.communicate(timeout=5)
            except subprocess.TimeoutExpired:
                continue
        if client.returncode:
            raise SystemExit(f"the client ended with {client.returncode}")
        return from_json(json.loads(output.splitlines()[-1])), {
            name: seconds - before.get(name, 0.0) for name, seconds in usage.items()
        }


def _processor(stack: Stack) -> dict[str, float]:
    """Return processor seconds so far by kind of process: the stack's, and PostgreSQL's on its database."""
    spent: dict[str, float] = defaultdict(float)
    for name in stack.names:
        for pid in stack.family(name):
            spent[name.split(".")[0]] += _seconds(pid)
    with psycopg.connect(ADMIN_URL) as server:
        query = "SELECT pid FROM pg_stat_activity WHERE datname = %s"
        for (pid,) in server.execute(query, [stack.database]).fetchall():
            spent["PostgreSQL (connections still open)"] += _seconds(pid)
    return dict(spent)


def _seconds(pid: int) -> float:
    try:
        return float(sum(psutil.Process(pid).cpu_times()[:2]))
    except psutil.Error:
        return 0.0


def _lists(place: Place, workers: str) -> Any:
    from tests.load.lists import measure

    with stack_of(place, workers, {"web": 1}) as stack:
        stack.prepare()
        stack.start()
        return measure(stack.urls[0], progress=lambda name: print(name, file=sys.stderr))


def _rows(place: Place) -> dict[str, int]:
    with psycopg.connect(place.admin_url) as server:
        return rows(server)


def _is_there(place: Place) -> bool:
    with psycopg.connect(ADMIN_URL) as server:
        return server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [place.database]).fetchone() is not None


def _facts(place: Place, options: argparse.Namespace, load_before: float) -> dict[str, str]:
    known = facts()
    names = ("Python", "PostgreSQL", "Redis", "Django", "psycopg")
    versions = [f"{name} {known[name]}" for name in names]
    versions += [f"{name} {version(name)}" for name in ("gunicorn", "locust")]
    return {
        "when": known["taken"],
        "machine": f"{known['processor']}, {known['memory']}, {known['system']}",
        "load average before": f"{load_before:.2f}",
        "versions": ", ".join(versions),
        "server": f"gunicorn, {options.workers} processes of 4 threads; 1 Celery worker, beat, relay; Redis",
        "commit": known["commit"],
    }


if __name__ == "__main__":
    started = time.monotonic()
    code = main()
    print(f"{time.monotonic() - started:.0f} s", file=sys.stderr)
    raise SystemExit(code)
