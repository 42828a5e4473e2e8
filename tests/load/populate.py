"""Fill a PostgreSQL database for load tests: `python -m tests.load.populate --plans 10000`.

Where the database is not there yet it is made, with the demo's people (administrators, data scientist, compliance) and
50 templates (`tests.load.templates`); the rest are copies of those (`tests.load.copying`). Everything is synthetic and
named so. Run again with more plans, it adds what is missing. `tests.load.place` says which database.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import Any

import django
import psycopg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.load.place import Place
from tests.support.databases import ADMIN_URL, ROOT

COUNTED = (
    "accounts_athlete",
    "plans",
    "plan_versions",
    "plan_sessions",
    "session_completions",
    "modeling_activity",
    "audit_events",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plans", type=int, default=10_000, help="how many there shall be (default: %(default)s)")
    parser.add_argument(
        "--whole", type=int, help="how many of them with sessions, contents, activities and audit events (default: all)"
    )
    options = parser.parse_args()
    if not 50 <= options.plans <= 5_000_000:
        parser.error("--plans is a number from 50 to 5,000,000")
    place = Place.named()
    os.environ.update(place.environment())
    django.setup()
    started = time.monotonic()
    with _bar() as bar:
        prepare(place, bar)
        inserted = fill(place, options.plans, options.plans if options.whole is None else options.whole, bar)
    with psycopg.connect(place.admin_url, autocommit=True) as server:
        server.execute("VACUUM (ANALYZE)")
        found = rows(server)
    print(json.dumps({"rows": found, "inserted": inserted, "seconds": round(time.monotonic() - started)}))


def prepare(place: Place, bar: Progress) -> None:
    """Make what is missing of database, demo and templates."""
    from django.core.management import call_command

    from tests.load.copying import copies
    from tests.load.templates import make_templates

    call_command("setup_database", admin_url=ADMIN_URL, name=place.database, stdout=sys.stderr)
    migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]  # as the owner: this process is app_rw
    subprocess.run(migrate, check=True, cwd=ROOT, env={**os.environ, **place.environment("app_owner")})
    with psycopg.connect(place.admin_url) as server:
        there = copies(server)
    if not there:
        call_command("demo", no_serve=True, stdout=sys.stderr, stderr=sys.stderr)
        task = bar.add_task("templates")
        make_templates(
            today=datetime.now(UTC).date(),
            progress=lambda _, done, total: bar.update(task, completed=done + 1, total=total),
        )


def fill(place: Place, plans: int, whole: int, bar: Progress) -> int:
    """Add copies until there are so many plans and return how many rows that took."""
    from tests.load.copying import add_copy, copies, read_templates, template_athletes

    with psycopg.connect(place.admin_url, autocommit=True) as server:
        server.execute("SET synchronous_commit = off")
        athletes = template_athletes(server)
        templates = read_templates(server, athletes)
        first, last = copies(server), -(-plans // len(athletes))
        task = bar.add_task("copies of the templates", total=last, completed=first)
        inserted = 0
        for number in range(first, last):
            inserted += add_copy(server, templates, number, whole=number * len(athletes) < whole)
            bar.update(task, completed=number + 1)
    return inserted


def rows(server: psycopg.Connection[Any]) -> dict[str, int]:
    """Return how many rows the tables that matter have."""
    found = {}
    for table in COUNTED:
        row = server.execute(f"SELECT count(*) FROM {table}").fetchone()  # type: ignore[arg-type]
        assert row is not None
        found[table] = int(row[0])
    return found


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr),
    )


if __name__ == "__main__":
    main()
