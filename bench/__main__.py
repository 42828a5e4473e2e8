"""`python -m bench`: every `bench/*_bench.py`, as a table or with --json; exit status 1 if a target was missed."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.rows import Row


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--only", help="name of one benchmark, such as fit")
    parser.add_argument("--quick", action="store_true", help="smaller samples")
    options = parser.parse_args()
    rows: list[Row] = []
    for path in sorted(Path(__file__).parent.glob("*_bench.py")):
        if options.only in (None, path.stem.removesuffix("_bench")):
            print(f"running {path.stem} …", file=sys.stderr)
            rows += importlib.import_module(f"bench.{path.stem}").run(quick=options.quick)
    if options.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        _show(rows)
    return 1 if any(row.ok is False for row in rows) else 0


def _show(rows: list[Row]) -> None:
    table = Table("what", "ours", "peer", "ratio", "unit", "target", "held")
    for row in rows:
        held = {True: "yes", False: "NO", None: ""}[row.ok]
        table.add_row(row.name, _number(row.ours), _number(row.peer), _number(row.ratio), row.unit, row.target, held)
    Console(width=160).print(table)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.4g}"


if __name__ == "__main__":
    sys.exit(main())
