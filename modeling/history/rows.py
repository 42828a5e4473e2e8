"""Text of a table into records: encoding, delimiter, quotes. A stray quote spoils its own line, not the rest of the
file.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass

from modeling.history.contract import Limits
from modeling.history.limits import BoundedReader, Deadline, Refused

MAX_TABLE_BYTES = 32 * 1024 * 1024
MAX_LINE = 100_000
MAX_JOINED_LINES = 60
"""A quoted description may run over so many lines; a quote that is open for longer is a stray one."""
MAX_COLUMNS = 500


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a table with the number of its first line; `problem` says why it cannot be read."""

    line: int
    cells: list[str]
    problem: str | None = None


def read_text(reader: BoundedReader) -> str:
    """Return the whole table as text: UTF-8, UTF-16 with a byte-order mark, else Windows-1252.

    Raises:
        Refused: too large, or binary.
    """
    pieces, size = [], 0
    while piece := reader.chunk():
        size += len(piece)
        if size > MAX_TABLE_BYTES:
            raise Refused(f"a table larger than {MAX_TABLE_BYTES // 1024 // 1024} MB")
        pieces.append(piece)
    data = b"".join(pieces)
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace").lstrip("\ufeff")
    if b"\0" in data:
        raise Refused("neither FIT, TCX, GPX nor a text table")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def read_records(text: str, limits: Limits, deadline: Deadline) -> tuple[list[str], str, Iterator[Record]]:
    """Return (headers, delimiter, records after the header line).

    Raises:
        Refused: no header line, or too many lines or columns.
    """
    lines = text.splitlines()
    if len(lines) > limits.max_rows + 1:
        raise Refused(f"more than {limits.max_rows:,} rows")
    first = next((i for i, line in enumerate(lines) if line.strip() and not line.startswith("#")), None)
    if first is None:
        raise Refused("empty")
    head = lines[first][:MAX_LINE]
    delimiter = max(",;\t|", key=lambda mark: _unquoted(head).count(mark))
    headers = [cell.strip() for cell in _cells(head, delimiter)]
    if len(headers) > MAX_COLUMNS:
        raise Refused(f"more than {MAX_COLUMNS} columns")
    return headers, delimiter, _records(lines, first + 1, len(headers), delimiter, deadline)


def _records(lines: list[str], index: int, width: int, delimiter: str, deadline: Deadline) -> Iterator[Record]:
    while index < len(lines):
        deadline.tick()
        line, number = lines[index], index + 1
        index += 1
        if not line.strip():
            continue
        if len(line) > MAX_LINE:
            yield Record(number, [], "the line is too long")
        elif line.count('"') % 2:
            cells, used = _joined(lines, index - 1, width, delimiter)
            yield Record(number, cells, None if cells else "a quotation mark is not closed")
            index += used
        else:
            yield Record(number, _cells(line, delimiter))


def _joined(lines: list[str], index: int, width: int, delimiter: str) -> tuple[list[str], int]:
    """Return (cells of the record over several lines, further lines used); ([], 0) if that gives no proper record."""
    text = lines[index]
    for used, line in enumerate(lines[index + 1 : index + MAX_JOINED_LINES], start=1):
        text += "\n" + line
        if len(text) > MAX_LINE:
            break
        if text.count('"') % 2 == 0:
            cells = _cells(text, delimiter)
            return (cells, used) if len(cells) == width else ([], 0)
    return [], 0


def _cells(text: str, delimiter: str) -> list[str]:
    try:
        # The line end inside quotes needs newline="" semantics: give the reader the record as one string.
        return next(csv.reader([text], delimiter=delimiter), [])
    except csv.Error:
        return []


def _unquoted(text: str) -> str:
    return "".join(part for i, part in enumerate(text.split('"')) if i % 2 == 0)
