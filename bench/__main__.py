"""`python -m bench`: every `bench/*_bench.py`, as one table or with --json; exit status 1 if a target was missed."""

from __future__ import annotations

import argparse
import importlib
import json
import shlex
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.kept import AnotherRun, keep, kept
from bench.machine import facts
from bench.report import VERDICTS, number, page
from bench.rows import Row

KEPT = Path(__file__).parents[1] / "var" / "bench.json"
"""After each benchmark: a run that is stopped keeps its hours."""
NAMES = sorted(path.stem.removesuffix("_bench") for path in Path(__file__).parent.glob("*_bench.py"))


def main() -> int:
    parser = _parser()
    options = parser.parse_args()
    machine = facts() | {"samples": "smaller ones (--quick)" if options.quick else "whole"}
    rows: dict[str, list[Row]] = {}
    seconds: dict[str, float] = {}
    if options.go_on:
        try:
            rows, seconds = kept(KEPT, machine)
        except AnotherRun as error:
            parser.error(str(error))
    for name in options.only or NAMES:
        if name not in rows:
            seconds[name] = _run(name, rows, quick=options.quick)
            if options.go_on or not options.only:  # a look at one must not cost a stopped run its hours
                keep(KEPT, machine, rows, seconds)
        if options.report:
            said = ("--note", options.note)  # stands below anyway
            typed = shlex.join(["python", "-m", "bench", *(word for word in sys.argv[1:] if word not in said)])
            options.report.parent.mkdir(parents=True, exist_ok=True)
            options.report.write_text(page(rows, machine, command=typed, seconds=seconds, note=options.note))
    if options.json:
        print(json.dumps({name: [asdict(row) for row in found] for name, found in rows.items()}, indent=2))
    else:
        _show(rows, machine)
    missed = any(row.ok is False for found in rows.values() for row in found)
    return 1 if missed or len(rows) < len(seconds) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--only", nargs="+", choices=NAMES, metavar="NAME", help="of " + ", ".join(NAMES))
    parser.add_argument("--quick", action="store_true", help="smaller samples")
    parser.add_argument("--report", type=Path, metavar="FILE", help="keep the table as a Markdown page as well")
    parser.add_argument("--note", default="", help="what to say about the run on the page")
    parser.add_argument("--go-on", action="store_true", help="keep what a run that was stopped has measured")
    return parser


def _run(name: str, rows: dict[str, list[Row]], *, quick: bool) -> float:
    """Put what a benchmark measures into `rows`, nothing where it fails; return how long it took."""
    print(f"running {name} …", file=sys.stderr)
    started = time.perf_counter()
    try:
        rows[name] = importlib.import_module(f"bench.{name}_bench").run(quick=quick)
    except Exception:  # the others are worth their hour all the same
        traceback.print_exc()
    return time.perf_counter() - started


def _show(rows: Mapping[str, Sequence[Row]], machine: Mapping[str, str]) -> None:
    console = Console(width=160)
    console.print(", ".join(f"{name} {value}" for name, value in machine.items()), highlight=False)
    table = Table("figure", "ours", "peer", "ratio", "unit", "goal", "verdict")
    for found in rows.values():
        for row in found:
            figures = (number(row.ours), number(row.peer), number(row.ratio))
            table.add_row(row.name, *figures, row.unit, row.target, VERDICTS[row.ok].replace("**", ""))
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
