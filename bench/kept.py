"""A run that was stopped, to go on with: the benchmarks take hours, and each stands for itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from bench.rows import Row

OF_THE_MOMENT: Final = ("taken", "load before")
"""What may differ between the parts of a run; with another machine, commit or version it would be two runs."""


class AnotherRun(ValueError):
    """What was kept was measured on something else."""


def keep(
    file: Path, machine: Mapping[str, str], rows: Mapping[str, Sequence[Row]], seconds: Mapping[str, float]
) -> None:
    """Write what is there so far."""
    file.parent.mkdir(parents=True, exist_ok=True)
    found = {name: [asdict(row) for row in some] for name, some in rows.items()}
    file.write_text(json.dumps({"machine": machine, "rows": found, "seconds": seconds}, indent=2))


def kept(file: Path, machine: Mapping[str, str]) -> tuple[dict[str, list[Row]], dict[str, float]]:
    """Return the rows that are there by benchmark, and the seconds that each took; failed ones are run again.

    Raises:
        AnotherRun: nothing was kept, or it was measured on another machine, commit or version.
    """
    if not file.exists():
        raise AnotherRun(f"{file}: nothing was kept to go on with")
    told = json.loads(file.read_text())
    changed = [
        f"{name} {told['machine'].get(name)} (now {machine.get(name)})"
        for name in sorted({*machine, *told["machine"]} - {*OF_THE_MOMENT})
        if told["machine"].get(name) != machine.get(name)
    ]
    if changed:
        raise AnotherRun(f"{file} is of another run: {', '.join(changed)}")
    rows = {name: [Row(**row) for row in found] for name, found in told["rows"].items()}
    return rows, {name: told["seconds"][name] for name in rows}
