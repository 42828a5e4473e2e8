"""A report of several scripts: each writes its own section, and leaves those of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.chaos.report import table

HEAD = (
    "# Restarts, killed workers, two beats\n\n"
    "Each section was written by the command that it names (`--report`), on a database and a Redis number of its own,"
    " with the processes of `Procfile` under production's settings. All people and athletes are synthetic.\n"
)


def write_section(path: Path, title: str, command: str, machine: Mapping[str, str], body: str) -> None:
    """Put a section into a report, in place of the one of that title."""
    facts = ", ".join(f"{name} {value}" for name, value in machine.items())
    section = f"## {title}\n\n`{command}`. {facts}.\n\n{body}\n"
    text = path.read_text(encoding="utf-8") if path.exists() else HEAD
    head, *others = text.split("\n## ")
    titles = [other.partition("\n")[0] for other in others]
    kept = dict(zip(titles, (f"## {other.rstrip()}\n" for other in others), strict=True))
    kept[title] = section
    path.write_text("\n".join([head.rstrip() + "\n", *kept.values()]), encoding="utf-8")


def rows_as_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows of the same keys as a table, with their keys as words."""
    columns = [name.replace("_", " ") for name in rows[0]] if rows else []
    return table(columns, [[_cell(value) for value in row.values()] for row in rows])


def _cell(value: Any) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {count}" for name, count in value.items()) or "none"
    return ", ".join(map(str, value)) if isinstance(value, list) else value
