"""The work of `bench.marts_bench`, each part in a process of its own: prints one JSON document."""

from __future__ import annotations

import json
import os
import resource
import sys
from datetime import date
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
django.setup()

from django.test import override_settings  # noqa: E402

from common import clock  # noqa: E402
from telemetry.forgetting import Forget  # noqa: E402
from telemetry.landing import land  # noqa: E402
from telemetry.sinks.rewriting import compact_files  # noqa: E402
from telemetry.synthetic import Cohort, events  # noqa: E402
from telemetry.warehousing.build import build  # noqa: E402

_AT_ONCE = 2_000


def synthesise(folder: Path, athletes: int) -> dict[str, float]:
    """Write as many athletes' events, some thousand athletes at once, and make them one file a type and day.

    That is how the compaction of every night leaves them before the build.
    """
    count = 0
    for number, first in enumerate(range(0, athletes, _AT_ONCE)):
        cohort = Cohort(athletes=min(_AT_ONCE, athletes - first), coaches=80, until=clock.today(), seed=number)
        count += land(events(cohort), folder / "telemetry")
    compact_files(folder / "telemetry", before=date.max, forget=Forget())
    return {"events": count}


def build_all(folder: Path) -> dict[str, float]:
    """Build, with what it took."""
    with override_settings(TELEMETRY_DIR=str(folder / "telemetry"), WAREHOUSE_DIR=str(folder / "warehouse")):
        done = build()
    if done.build is None:
        raise RuntimeError([one for one in done.bad if one.status != "skipped"])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": done.build.seconds, "tests": done.build.tests, "megabytes": peak}


if __name__ == "__main__":
    what, where, *more = sys.argv[1:]
    print(json.dumps(synthesise(Path(where), int(more[0])) if what == "land" else build_all(Path(where))))
