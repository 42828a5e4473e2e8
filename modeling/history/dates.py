"""Dates as people's tables write them: ISO, 31.12.2024, 12/31/2024, "Aug 1, 2023, 6:12:33 AM", "1 août 2023".

Whether 03/04 is March or April is decided over the whole column, never row by row; a column that does not tell is
refused.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Literal

from modeling.history.checks import BadValue
from modeling.history.limits import Refused

DayOrder = Literal["dmy", "mdy"]

_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[t ,]+(.+))?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_NUMERIC = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})(?:[t ,]+(.+))?")
_DAY_MONTH = re.compile(
    r"(?:[a-z]+[,.]? )?(\d{1,2})(?:st|nd|rd|th|er|\.)?(?: de)? ([a-z]+)\.?,?(?: de)? (\d{4})"
    r"(?:[ ,]+(?:at |um |a )?(.+))?"
)
_MONTH_DAY = re.compile(r"(?:[a-z]+[,.]? )?([a-z]+)\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})(?:[ ,]+(?:at )?(.+))?")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)? ?([ap])?\.?(?:m\.?)? ?(z|utc|gmt|[+-]\d{2}:?\d{2})?")

_MONTHS = (
    "jan gen ene|feb fev fevr|mar mrz marz maerz maart mrt|apr avr abr|may mai mag mei maio|jun juin giu|jul juil lug|"
    "aug aou aout ago|sep set|oct okt ott out|nov|dec dez dic"
)
_MONTH_OF = {word: number for number, words in enumerate(_MONTHS.split("|"), start=1) for word in words.split()}
MAX_DAY_NUMBER = 20_000
MAJORITY = 10


@dataclass(frozen=True, slots=True)
class _Written:
    """A date as written: either year, month, day, or two numbers whose order is open."""

    year: int
    first: int
    second: int
    order_open: bool
    dotted: bool
    clock: str | None


def fold(text: str) -> str:
    """Return lower-case text without accents and with plain spaces."""
    plain = unicodedata.normalize("NFKD", text).lower()
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).split())


def _read(text: str) -> _Written:
    folded = fold(text[:80])
    if match := _ISO.fullmatch(folded):
        return _Written(int(match[1]), int(match[3]), int(match[2]), False, False, match[4])
    if match := _COMPACT.fullmatch(folded):
        return _Written(int(match[1]), int(match[3]), int(match[2]), False, False, None)
    if match := _NUMERIC.fullmatch(folded):
        year = int(match[4]) + (2000 if len(match[4]) == 2 else 0)
        return _Written(year, int(match[1]), int(match[3]), True, match[2] == ".", match[5])
    if match := _MONTH_DAY.fullmatch(folded):
        return _Written(int(match[3]), int(match[2]), _month(match[1], text), False, False, match[4])
    if match := _DAY_MONTH.fullmatch(folded):
        return _Written(int(match[3]), int(match[1]), _month(match[2], text), False, False, match[4])
    raise BadValue(f"{text[:40]!r} is not a date")


def _month(word: str, text: str) -> int:
    for length in (len(word), 5, 4, 3):
        if word[:length] in _MONTH_OF:
            return _MONTH_OF[word[:length]]
    raise BadValue(f"{text[:40]!r} is not a date")


def day_order(texts: Sequence[str]) -> DayOrder:
    """Decide over a column whether its dates put the day or the month first.

    Raises:
        Refused: the column contradicts itself, or does not tell (then `day_order` must be given).
    """
    votes = {"dmy": 0, "mdy": 0}
    undecided, dotted = 0, True
    for text in texts:
        try:
            written = _read(text)
        except BadValue:
            continue
        if not written.order_open:
            continue
        dotted = dotted and written.dotted
        if written.first > 12 >= written.second:
            votes["dmy"] += 1
        elif written.second > 12 >= written.first:
            votes["mdy"] += 1
        elif written.first != written.second:
            undecided += 1
    if votes["dmy"] > MAJORITY * votes["mdy"]:
        return "dmy"
    if votes["mdy"] > MAJORITY * votes["dmy"]:
        return "mdy"
    if votes["dmy"]:
        raise Refused("some dates read only as day/month, others only as month/day; say which by day_order=dmy or mdy")
    if undecided and not dotted:
        raise Refused("the dates may be day/month or month/day and no row tells; say which by day_order=dmy or mdy")
    return "dmy"


def parse_moment(text: str, order: DayOrder, zone: tzinfo) -> tuple[date, datetime | None]:
    """Return (date as written, aware moment or None without a clock time); times without an offset are in `zone`.

    Raises:
        BadValue: not a date.
    """
    written = _read(text)
    day, month = written.first, written.second
    if written.order_open and order == "mdy":
        day, month = month, day
    try:
        on = date(written.year, month, day)
    except ValueError as error:
        raise BadValue(f"{text[:40]!r} is not a date ({error})") from error
    return on, None if written.clock is None else _at(on, written.clock, zone, text)


def parse_clock(on: date, text: str, zone: tzinfo) -> datetime:
    """Return the aware moment of a clock time on a date. Raises BadValue."""
    return _at(on, fold(text[:40]), zone, text)


def _at(on: date, clock: str, zone: tzinfo, text: str) -> datetime:
    match = _CLOCK.fullmatch(clock.strip())
    if not match:
        raise BadValue(f"{text[:40]!r} has no readable clock time")
    hour = int(match[1])
    if match[4]:
        hour = hour % 12 + (12 if match[4] == "p" else 0)
    try:
        moment = datetime.combine(on, time(hour, int(match[2]), int(match[3] or 0)), tzinfo=_offset(match[5]) or zone)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadValue(f"{text[:40]!r} has no readable clock time") from error


def _offset(text: str | None) -> tzinfo | None:
    if text is None:
        return None
    if text in ("z", "utc", "gmt"):
        return UTC
    digits = text[1:].replace(":", "")
    shift = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-shift if text[0] == "-" else shift)


def numbered_day(text: str, start: date, base: int) -> date:
    """Return the date of day number `text`; day `base` (1, or 0 if the table counts from 0) is `start`. Raises
    BadValue.
    """
    try:
        number = float(text)
    except ValueError as error:
        raise BadValue(f"{text[:20]!r} is not a day number") from error
    if not number.is_integer() or not 0 <= number <= MAX_DAY_NUMBER:
        raise BadValue(f"{text[:20]!r} is not a day number")
    try:
        return start + timedelta(days=int(number) - base)
    except OverflowError as error:
        raise BadValue(f"day {text[:20]} is beyond the calendar") from error
