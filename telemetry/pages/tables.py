"""Tables that a page shows and a spreadsheet takes."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from common.cells import guarded
from telemetry.dashboards.numbers import Number, text

SUPPRESSED: Final = "suppressed"


class Cell(NamedTuple):
    """A number with its unit."""

    number: Number
    unit: str


@dataclass(frozen=True)
class Table:
    """Columns and rows of cells, texts, days and whole numbers; `name` stands in the address of its CSV."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def shown(self) -> list[list[str]]:
        """Return the rows as people read them."""
        return [[_shown(cell) for cell in row] for row in self.rows]

    def csv(self) -> str:
        """Return the table for a spreadsheet: bare numbers (shares from 0 to 1), no text that it reads as a formula."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows([_bare(cell) for cell in row] for row in self.rows)
        return buffer.getvalue()


def named(tables: Sequence[Table], name: str) -> Table | None:
    """Return a table by its name."""
    return next((one for one in tables if one.name == name), None)


def _shown(cell: Any) -> str:
    if isinstance(cell, Cell):
        return text(*cell)
    return f"{cell:,}" if isinstance(cell, int) else "–" if cell is None else str(cell)


def _bare(cell: Any) -> Any:
    if isinstance(cell, Cell):
        if cell.number.value is None:
            return SUPPRESSED if cell.number.is_hidden else ""
        return round(cell.number.value, 6)
    if isinstance(cell, date | datetime):
        return cell.isoformat()
    if isinstance(cell, str):
        return guarded(cell)
    return "" if cell is None else cell
