"""Numbers and durations as tables write them, and units decided over a whole column."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Iterable, Sequence

from modeling.history.checks import BadValue

BLANK = frozenset({"", "-", "--", "–", "—", "n/a", "na", "none", "null", "."})
SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0}
METRES = {"m": 1.0, "km": 1000.0, "mi": 1609.344}

LONGEST_CELL = 64

_DECIMAL_COMMA = re.compile(r"[-+]?\d+,(\d{1,2}|\d{4,})|[-+]?0,\d+|[-+]?\d{1,3}(\.\d{3})+,\d+")
_ANY_COMMA = re.compile(r"[-+]?\d+,\d+")
_DECIMAL_POINT = re.compile(r"[-+]?\d*\.\d+")
_CLOCK = re.compile(r"(-)?(\d+):(\d{1,2})(?::(\d{1,2}(?:[.,]\d+)?))?")
_WORDS = re.compile(
    r"(?:pt)?(?:(\d+(?:\.\d+)?) ?h[a-z]*)? ?(?:(\d+(?:\.\d+)?) ?m[a-z]*)? ?(?:(\d+(?:\.\d+)?) ?s[a-z]*)?"
)
_UNIT_SUFFIX = re.compile(r"\s*(?:bpm|watts?|w|tss)$", re.I)


def is_blank(text: str) -> bool:
    """Tell whether a cell says "nothing recorded" (NaN is not that: it is reported)."""
    return text.strip().lower() in BLANK


def decimal_mark(cells: Iterable[str], *, semicolons: bool = False) -> str | None:
    """Return "," or "." if the numbers of a column tell how decimals are written, else None.

    semicolons: the table is delimited by them, as tables with decimal commas are; then 12,345 counts as one.
    """
    commas = points = 0
    for cell in cells:
        text = cell.strip()
        commas += bool(_DECIMAL_COMMA.fullmatch(text) or semicolons and _ANY_COMMA.fullmatch(text))
        points += bool(_DECIMAL_POINT.fullmatch(text))
    if commas == points:
        return None
    return "," if commas > points else "."


def parse_number(text: str, decimal: str) -> float:
    """Return the number in a cell, thousands separators and a trailing bpm or W allowed. Raises BadValue."""
    plain = (
        _UNIT_SUFFIX.sub("", _short(text)).replace("\u00a0", "").replace("\u202f", "").replace("'", "").replace(" ", "")
    )
    plain = plain.replace(".", "").replace(",", ".") if decimal == "," else plain.replace(",", "")
    if "_" in plain:
        raise BadValue(f"{text[:30]!r} is not a number")
    try:
        number = float(plain)
    except ValueError:
        raise BadValue(f"{text[:30]!r} is not a number") from None
    if not math.isfinite(number):
        raise BadValue(f"{text[:30]!r} is not a finite number")
    return number


def _short(text: str) -> str:
    """Return a cell without blanks around it; the patterns here would take minutes over a very long one."""
    cell = text.strip()
    if len(cell) > LONGEST_CELL:
        raise BadValue(f"{cell[:30]!r}… is too long for a number")
    return cell


def parse_duration(text: str, unit: str, decimal: str) -> float:
    """Return seconds of a cell: a number in `unit`, or 1:02:03, 45:30, 1h 5m. Raises BadValue.

    unit: "s", "min", "h" for plain numbers (then 45:30 is min:s), "h:mm" reads 1:30 as an hour and a half.
    """
    cell = _short(text)
    if match := _CLOCK.fullmatch(cell):
        first, second = float(match[2]), float(match[3])
        if match[4] is not None:
            seconds = first * 3600 + second * 60 + float(match[4].replace(",", "."))
        else:
            seconds = first * 3600 + second * 60 if unit == "h:mm" else first * 60 + second
        return -seconds if match[1] else seconds
    words = _WORDS.fullmatch(cell.lower())
    if words and any(words.groups()):
        return sum(float(part) * size for part, size in zip(words.groups(), (3600, 60, 1), strict=True) if part)
    return parse_number(cell, decimal) * SECONDS.get(unit, 1.0)


def duration_unit(cells: Sequence[str], decimal: str) -> str:
    """Guess the unit of a duration column that does not state it: by how long the middle session would be.

    Plain numbers: a median under 12 is hours, under 400 minutes, else seconds. Two-part clock times (1:05) without any
    three-part one are h:mm if they would be sessions under five minutes otherwise.
    """
    if any(cell.count(":") == 2 for cell in cells):
        return "s"
    clocked = [parse_duration(c, "s", decimal) for c in cells if _CLOCK.fullmatch(c.strip())]
    if clocked:
        return "h:mm" if statistics.median(clocked) < 300 else "s"
    numbers = [number for number in _numbers(cells, decimal) if number > 0]
    if not numbers:
        return "s"
    middle = statistics.median(numbers)
    return "h" if middle < 12 else "min" if middle < 400 else "s"


def distance_unit(cells: Sequence[str], decimal: str) -> str:
    """Guess the unit of a distance column that does not state it: a median under 300 is kilometres, else metres."""
    numbers = [number for number in _numbers(cells, decimal) if number > 0]
    return "km" if numbers and statistics.median(numbers) < 300 else "m"


def _numbers(cells: Sequence[str], decimal: str) -> list[float]:
    numbers = []
    for cell in cells:
        try:
            numbers.append(parse_number(cell, decimal))
        except BadValue:
            continue
    return numbers
