"""What a run of the benchmarks came to, as one Markdown page: the machine above, one table below."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from bench.machine import markdown
from bench.rows import Row

VERDICTS: Final = {True: "holds", False: "**does not hold**", None: ""}
HEAD: Final = "| figure | ours | peer | ratio | unit | goal | verdict |\n| --- | ---: | ---: | ---: | --- | --- | --- |"


def page(
    rows: Mapping[str, Sequence[Row]],
    facts: Mapping[str, str],
    *,
    command: str,
    seconds: Mapping[str, float],
    note: str = "",
) -> str:
    """Return the page.

    Args:
        rows: by benchmark; one that failed is told in `seconds` alone.
        facts: of the machine (`bench.machine.facts`).
        command: what was typed.
        seconds: how long each benchmark took.
        note: what whoever ran it says about the run.
    """
    judged = [row for found in rows.values() for row in found if row.ok is not None]
    held = sum(bool(row.ok) for row in judged)
    failed = [name for name in seconds if name not in rows]
    said = f"{held} of {len(judged)} goals hold." + (
        f" Failed, with no figures: {', '.join(failed)}." if failed else ""
    )
    took = ", ".join(f"{name} {took:.0f} s" for name, took in seconds.items())
    parts = [
        "# Benchmarks",
        f"`{command}` printed this page. {said}",
        markdown(dict(facts)),
        f"Time taken: {took}. {note}".rstrip(),
    ]
    return "\n\n".join([*parts, "\n".join([HEAD, *_lines(rows)])]) + "\n"


def _lines(rows: Mapping[str, Sequence[Row]]) -> Iterable[str]:
    for name, found in rows.items():
        for row in found:
            figures = (number(row.ours), number(row.peer), number(row.ratio))
            cells = (f"{name}: {row.name}", *figures, row.unit, row.target, VERDICTS[row.ok])
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def number(value: float | None) -> str:
    """Return four figures of a number, nothing for None."""
    return "" if value is None else f"{value:,.4g}"
