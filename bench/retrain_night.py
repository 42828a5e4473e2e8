"""One night's retraining over a synthetic store, in a process of its own: prints seconds by step and peak memory.

    python -m bench.retrain_night ATHLETES WEEKS

The store is made by another process, whose memory is not counted.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta

from modeling.learned.algorithm import SHIPPED_ALGORITHM
from modeling.training.contract import TABLES
from modeling.training.pipeline import train
from modeling.training.simulate.athletes import simulate_athletes
from modeling.training.simulate.coaching import Coaching, Rule, simulate_coaching
from modeling.training.store import FeatureStore, write_manifest, write_table

START = date(2026, 1, 5)


def main() -> None:
    athletes, weeks = int(sys.argv[1]), int(sys.argv[2])
    until = START + timedelta(weeks=weeks + 12)
    with tempfile.TemporaryDirectory(prefix="retrain-") as folder:
        maker = multiprocessing.get_context("spawn").Process(target=make, args=(folder, athletes, weeks, until))
        maker.start()
        maker.join()
        steps: dict[str, float] = {}
        started = last = time.perf_counter()
        worked = time.process_time()

        def told(step: str, done: int, total: int) -> None:
            nonlocal last
            now = time.perf_counter()
            steps[step] = steps.get(step, 0.0) + now - last
            last = now

        store = FeatureStore.open(folder)
        moment = datetime(until.year, until.month, until.day, tzinfo=UTC) + timedelta(days=1)
        found = train(store, as_of=moment, champion=SHIPPED_ALGORITHM, safety=lambda _: [], progress=told)
        seconds, cpu = time.perf_counter() - started, time.process_time() - worked
    for check in found.verdict.checks:
        print(f"{check.name}: {'passed' if check.passed else 'refused'}. {check.reason}", file=sys.stderr)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sessions = athletes * weeks * 5
    print(
        json.dumps(
            {
                "seconds": seconds,
                "cpu": cpu,
                "mebibytes": peak,
                "steps": steps,
                "sessions": sessions,
                "rows": found.rows,
            }
        )
    )


def make(folder: str, athletes: int, weeks: int, until: date) -> None:
    """Write a synthetic store: habits as planted by `coaching`, loads and tests by `athletes`."""
    coaches = max(athletes // 25, 12)
    habits = simulate_coaching(Coaching(athletes=athletes, coaches=coaches, weeks=weeks, rules=(Rule(),), start=START))
    tokens = habits["athletes"].column("athlete").to_pylist()
    days = (until - START).days + 90
    made = simulate_athletes(athletes, seed=1, tokens=tokens, days=days, until=until)
    tables = habits | made.tables
    parts = {name: write_table(folder, TABLES[name], tables[name]) for name in tables}
    write_manifest(folder, parts, exported_at=datetime.now(UTC), consented=tokens)


if __name__ == "__main__":
    main()
