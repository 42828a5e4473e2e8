"""One night from the database on, in a process of its own: export, a second export, training up to the gate.

    python -m bench.export_night

Reads the database that `python -m tests.load.populate` filled (`tests.load.place` says which) and writes a store of its
own. Prints seconds by step, processor seconds, and the process's peak memory; PostgreSQL's own is not counted. What
the gate says means nothing: most athletes are copies of fifty.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from typing import TypeVar

import django

from tests.load.place import Place

T = TypeVar("T")


def main() -> None:
    os.environ.update(Place.named().environment())
    with tempfile.TemporaryDirectory(prefix="export-night-") as folder:
        os.environ["FEATURE_STORE_URL"] = folder
        django.setup()
        print(json.dumps(_night()))


def _night() -> dict[str, object]:
    from common import clock
    from modeling.learned.algorithm import SHIPPED_ALGORITHM
    from plans.services.export_features import EXPORTER, export_features
    from plans.services.retrain_parts import train

    steps: dict[str, float] = {}
    last = time.perf_counter()

    def told(step: str, done: int, total: int) -> None:
        nonlocal last
        now = time.perf_counter()
        steps[step] = steps.get(step, 0.0) + now - last
        last = now
        print(f"{step} {done}/{total}: {steps[step]:.1f} s", file=sys.stderr)

    first, exported = _measured(lambda: export_features(acting_user=EXPORTER, progress=told))
    second, again = _measured(lambda: export_features(acting_user=EXPORTER))
    if second.changed or second.data_sha256 != first.data_sha256:
        raise RuntimeError("the second export of the same database differs from the first")
    last = time.perf_counter()
    found, trained = _measured(lambda: train(clock.now(), SHIPPED_ALGORITHM, told))
    return {
        "export": exported,
        "again": again,
        "train": trained,
        "steps": steps,
        "athletes": first.athletes,
        "data_sha256": first.data_sha256,
        "store_rows": first.rows,
        "trained_rows": found.rows,
        "seconds": exported["seconds"] + trained["seconds"],
        "cpu": exported["cpu"] + trained["cpu"],
        "mebibytes": trained["mebibytes"],
    }


def _measured(work: Callable[[], T]) -> tuple[T, dict[str, float]]:
    """Return what the work came to, its seconds on the clock and of the processor, and the process's peak so far."""
    started, worked = time.perf_counter(), time.process_time()
    found = work()
    seconds, cpu = time.perf_counter() - started, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return found, {"seconds": seconds, "cpu": cpu, "mebibytes": peak}


if __name__ == "__main__":
    main()
