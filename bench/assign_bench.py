"""Deciding an assignment in memory: ours against GrowthBook's SDK, each in a process of its own.

The peer that is not installed (`requirements-bench.lock`) is named and left out.
"""

from __future__ import annotations

import json
import subprocess
import sys

from bench.rows import Row
from tests.support.databases import ROOT

PER_SECOND, TIMES_GROWTHBOOK = 300_000, 3.0


def run(quick: bool = False) -> list[Row]:
    """Return whole decisions a second (median of batches)."""
    batches = 40 if quick else 200
    ours = _per_second("ours", batches)
    assert ours is not None
    rows = [Row("assignment, whole order, 12 strata, 4 variants", ours, None, None, "1/s", f"≥ {PER_SECOND:,}/s",
                ours >= PER_SECOND)]  # fmt: skip
    theirs = _per_second("growthbook", batches)
    if theirs is None:
        print("growthbook is not installed: pip install -r requirements-bench.lock", file=sys.stderr)
        return rows
    ratio = ours / theirs
    target = f"≥ {TIMES_GROWTHBOOK:g}×"
    return [*rows, Row("assignment, ours / growthbook", ours, theirs, ratio, "1/s", target, ratio >= TIMES_GROWTHBOOK)]


def _per_second(who: str, batches: int) -> float | None:
    """Return the decisions a second in a fresh process, None where the package is not installed."""
    command = [sys.executable, "-m", "bench.assign_peers", who, str(batches)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=300)
    found: float | None = json.loads(done.stdout.splitlines()[-1])
    return found
