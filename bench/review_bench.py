"""Reviewing at size: races on PostgreSQL in full, and the pending list with 100,000 plans."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.rows import Row
from tests.support.databases import ROOT, environment

ADMIN_URL = "postgresql://postgres@127.0.0.1:5432/postgres"
PLANS = 100_000


def run(quick: bool = False) -> list[Row]:
    """Return the rows of this benchmark; the races are left out where no PostgreSQL answers."""
    return [*_races(quick), *_pending(2_000 if quick else PLANS)]


def _races(quick: bool) -> list[Row]:
    env = {
        **os.environ,
        "TEST_ON_POSTGRES": "yes",
        "TEST_DATABASE_ADMIN_URL": os.environ.get("TEST_DATABASE_ADMIN_URL", ADMIN_URL),
        "REDIS_URL": os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/9"),
        "MESOCYCLE_RACES": "sample" if quick else "full",
    }
    command = [sys.executable, "-m", "pytest", "-q", "tests/plans/test_review_races.py"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    passed = re.search(r"(\d+) passed", done.stdout)
    count = int(passed[1]) if passed else 0
    size = "8 × 6 edits, 12 decisions" if quick else "8 × 100 edits, 200 decisions"
    name = f"PostgreSQL: {size}, 16 posts under one key: races that held"
    return [Row(name, float(count), 3.0, None, "of 3", "3", count == 3)]


def _pending(plans: int) -> list[Row]:
    """Return the time of a coach's pending list among many plans, against the same list among a few."""
    with tempfile.TemporaryDirectory() as folder:
        env = environment(f"sqlite:///{Path(folder) / 'bench.sqlite3'}", MESOCYCLE_VAR=folder)
        subprocess.run([sys.executable, "manage.py", "migrate", "-v", "0"], cwd=ROOT, env=env, check=True)
        command = [sys.executable, "-m", "bench.pending", str(plans)]
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
        few, many = (float(value) for value in done.stdout.split())
    name = f"pending list of a coach of 50, median, {plans:,} plans / 500 plans"
    return [Row(name, many, few, few / many, "ms", "≤ 2× the few", many <= 2 * few)]
