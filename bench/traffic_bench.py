"""A fault in the new pipeline under 2,000 real requests to a live server: does the rollout roll itself back?"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from bench.rows import Row

ROOT: Final = Path(__file__).resolve().parents[1]
TEST: Final = "tests/rollout/runs/test_live_traffic.py"


def run(quick: bool = False) -> list[Row]:
    """Return the row of this benchmark: the suite's own test with all its requests; `quick` sends the suite's 60."""
    env = os.environ | {"MESOCYCLE_TRAFFIC": "sample" if quick else "full"}
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n0", TEST], cwd=ROOT, env=env, capture_output=True, text=True
    )
    if done.returncode:
        print(done.stdout[-4000:], file=sys.stderr)
    name = f"{'60' if quick else '2,000'} POST /plans with a planted fault: rolled back, nobody without a plan"
    return [Row(name, time.monotonic() - started, None, None, "s", "holds", done.returncode == 0)]
