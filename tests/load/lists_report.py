"""The list pages of the larger database and what they cost: `python -m tests.load.lists_report`.

Starts one web process on LOAD_DATABASE with `_lists` behind it, which `tests.load.populate` filled, asks each list one
request after the other, and writes docs/reports/lists.md: times as the client saw them, and processor time, which other
work on the machine disturbs less.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import psutil
import psycopg

from bench.machine import facts
from tests.load.lists import measure
from tests.load.place import Place
from tests.load.populate import rows
from tests.load.report import Route
from tests.load.run import stack_of
from tests.support.databases import ROOT
from tests.support.stack import Stack

REPORT: Final = ROOT / "docs" / "reports" / "lists.md"
BUDGET: Final = 500.0
"""Milliseconds that 95 of 100 requests of a list stay under."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON document and write nothing")
    parser.add_argument("--report", type=Path, default=REPORT, help="where to write (default: docs/reports/lists.md)")
    options = parser.parse_args()
    named = Place.named()
    place = replace(named, database=f"{named.database}_lists", port=named.port + 10)
    before = os.getloadavg()[0]
    with psycopg.connect(place.admin_url) as server:
        counted = rows(server)
    costs: dict[str, float] = {}
    with stack_of(place, "1", {"web": 1}) as stack:
        stack.prepare()
        stack.start()
        spent = partial(processor, stack)
        routes = measure(stack.urls[0], progress=lambda name: print(name, file=sys.stderr), spent=spent, costs=costs)
    known = {"load average before and after": f"{before:.1f}, {os.getloadavg()[0]:.1f}", **_facts()}
    if options.json:
        found = [{**asdict(route), "web_ms": costs[route.name]} for route in routes]
        print(json.dumps({"facts": known, "rows": counted, "lists": found}, indent=2))
    else:
        options.report.write_text(report(known, counted, routes, costs))
        print(options.report.read_text())
    return 0 if all(route.p95 < BUDGET for route in routes) else 1


def processor(stack: Stack) -> float:
    """Return processor milliseconds so far of the web processes."""
    return sum(_milliseconds(pid) for name in stack.names for pid in stack.family(name))


def report(
    known: Mapping[str, str], counted: Mapping[str, int], routes: list[Route], costs: Mapping[str, float]
) -> str:
    """Return the report as Markdown."""
    over = [route.name for route in routes if route.p95 >= BUDGET]
    told = {**known, "rows": ", ".join(f"{count:,} {table}" for table, count in counted.items())}
    lines = [
        f"# List pages with {counted['plans']:,} plans",
        "",
        "Written by `python -m tests.load.lists_report`. One request after the other, other work on the",
        "machine is in the load averages. Times are milliseconds as the client saw them; web is",
        "processor milliseconds of the web process a request. Everything is synthetic.",
        "",
        f"Lists whose p95 is {BUDGET:.0f} ms or more: {', '.join(f'`{name}`' for name in over) or 'none'}.",
        "",
        *("| what | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in told.items()), ""),
        "| list | requests | p50 | p95 | longest | web |",
        "| --- " + "| ---: " * 5 + "|",
    ]
    for route in routes:
        times = (route.p50, route.p95, route.longest, costs[route.name])
        lines.append(f"| `{route.name}` | {route.requests} | {' | '.join(f'{one:.0f}' for one in times)} |")
    return "\n".join([*lines, ""])


def _facts() -> dict[str, str]:
    known: dict[str, Any] = facts()
    return {
        "when": known["taken"],
        "machine": f"{known['processor']}, {known['memory']}, {known['system']}",
        "versions": ", ".join(f"{name} {known[name]}" for name in ("Python", "PostgreSQL", "Django", "psycopg")),
        "server": "gunicorn, 1 process of 4 threads",
        "commit": known["commit"],
    }


def _milliseconds(pid: int) -> float:
    try:
        return float(sum(psutil.Process(pid).cpu_times()[:2])) * 1e3
    except psutil.Error:
        return 0.0


if __name__ == "__main__":
    raise SystemExit(main())
