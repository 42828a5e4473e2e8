"""`python -m tests.chaos --minutes 10 --seed N [--report FILE]`: faults under load, and whether everything held.

Starts a PostgreSQL and a Redis of its own; the machine's are left alone. Ends with 1 where something did not hold.
"""

from __future__ import annotations

import argparse
import math
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from bench.machine import PACKAGES
from bench.machine import facts as of_machine
from tests.chaos.probe import recovery, share_ready
from tests.chaos.report import Facts, as_markdown
from tests.chaos.run import Plan, Result, exercise, kept_folder


def main() -> int:
    """Run one exercise, print its report, and write it where that is asked for."""
    given = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that our servers never outlive us
    disks, clocks = os.geteuid() == 0 and not given.no_disks, shutil.which("cc") is not None
    plan = Plan(given.minutes, given.seed, given.athletes, disks, clocks, given.calm)
    begun, start = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), time.time()
    place = given.folder or Path(tempfile.gettempdir()) / f"mesocycle-chaos-{os.getpid()}"
    _say(f"everything is kept in {place}")
    with kept_folder(place) as folder:
        result = exercise(plan, folder, _say)
    facts = _facts(result, begun, start)
    text = as_markdown(facts)
    sys.stdout.write(text)
    if given.report:
        given.report.parent.mkdir(parents=True, exist_ok=True)
        given.report.write_text(text, encoding="utf-8")
    return 0 if facts.holds else 1


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError("a number above 0")
    return value


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long faults happen (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of people, programmes and faults (default: %(default)s)")
    parser.add_argument("--athletes", type=int, default=10, help="virtual athletes (default: %(default)s)")
    parser.add_argument("--calm", type=_positive, default=1.0, help="pauses between faults are so many times as long")
    parser.add_argument("--report", type=Path, help="file to write the report to, besides the screen")
    parser.add_argument("--folder", type=Path, help="where everything is kept; must not be there yet")
    parser.add_argument("--no-disks", action="store_true", help="fill no disks (that needs root)")
    return parser.parse_args()


def _facts(result: Result, begun: str, start: float) -> Facts:
    plan, found = result.plan, result.found
    looks = result.probe.looks if result.probe else []
    backlog = result.backlog.looks if result.backlog else []
    ready: dict[str, list[float | None]] = {}
    caught_up: dict[str, list[float | None]] = {}
    for fault in result.faults:
        ready.setdefault(fault.name, []).append(recovery(fault, looks))
        caught_up.setdefault(fault.name, []).append(recovery(fault, backlog, grace=20.0))
    left_out = [] if plan.disks else ["full disks: small disks can be mounted by root alone"]
    left_out += [] if plan.clocks else ["clocks that jump: there is no C compiler (apt-get install gcc libc6-dev)"]
    return Facts(
        command=f"python -m tests.chaos --minutes {plan.minutes:g} --seed {plan.seed} --athletes {plan.athletes}"
        + (f" --calm {plan.calm:g}" if plan.calm != 1 else ""),
        begun=begun,
        machine=_machine(result),
        minutes=plan.minutes,
        people=f"{plan.athletes} athletes, their coaches and two operators",
        violations=found["violations"],
        named=found["named"],
        figures=found["figures"],
        statuses=dict(result.traffic.statuses),
        took=result.traffic.took,
        errors=dict(result.traffic.errors),
        faults=sorted((fault.begun - start, fault.name, fault.what) for fault in result.faults),
        ready=ready,
        caught_up=caught_up,
        longest=result.backlog.longest if result.backlog else {},
        restarts=dict(result.restarts),
        ready_share=share_ready(looks),
        settled_seconds=result.settled_seconds,
        left_open=result.left_open,
        left_out=left_out,
        broken=result.broken,
    )


def _machine(result: Result) -> dict[str, str]:
    """Return what the exercise ran on; its own servers tell their versions, the load is that of the exercise."""
    known = of_machine()
    versions = ", ".join(f"{name} {value}" for name, value in known.items() if name in ("Python", *PACKAGES))
    shown = {name.capitalize(): known[name] for name in ("commit", "processor", "memory", "system")}
    return shown | {"Versions": f"{versions}; {'; '.join(result.versions.values())}"}


if __name__ == "__main__":
    sys.exit(main())
