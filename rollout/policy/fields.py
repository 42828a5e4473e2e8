"""Reading fields of a policy's TOML: every mistake is kept with its place, what was found and what is allowed."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, TypeVar

_UNITS: Final = {"s": 1, "min": 60, "h": 3600, "d": 86_400}
_DURATION: Final = re.compile(r"(\d{1,6}) ?(s|min|h|d)")
_NAME: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
LONGEST_NAME: Final = 60


E = TypeVar("E", bound=StrEnum)


class PolicyError(Exception):
    """A policy cannot be used; `errors` has one line a mistake: file, stage or gate, field, found, allowed."""

    def __init__(self, errors: Iterable[str]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(self.errors))


@dataclass
class Fields:
    """One table of a file: each read takes a field, `finish` refuses what nobody asked for.

    A wrong field answers with its default and is remembered in `errors`, so that all mistakes come at once.
    """

    where: str
    table: Mapping[str, Any]
    errors: list[str]
    taken: set[str] = field(default_factory=set)

    def wrong(self, name: str, found: object, allowed: str) -> None:
        """Remember a mistake."""
        self.errors.append(f"{self.where}: {name}: found {shown(found)}, allowed {allowed}")

    def missing(self, name: str, allowed: str) -> None:
        """Remember that a field is not there."""
        self.errors.append(f"{self.where}: {name}: found nothing, allowed {allowed}")

    def text(self, name: str, *, required: bool = False, longest: int = 2000) -> str:
        allowed = f"a text of 1 to {longest} characters"
        value = self._take(name, required, allowed)
        if value is None:
            return ""
        if isinstance(value, str) and value.strip() and len(value) <= longest:
            return value.strip()
        self.wrong(name, value, allowed)
        return ""

    def slug(self, name: str) -> str:
        allowed = f"small letters, digits and single hyphens, at most {LONGEST_NAME}"
        value = self._take(name, True, allowed)
        if value is None or is_slug(value):
            return value or ""
        self.wrong(name, value, allowed)
        return ""

    def slugs(self, name: str) -> tuple[str, ...]:
        allowed = "a list of different names"
        value = self._take(name, False, allowed)
        if value is None:
            return ()
        if isinstance(value, list) and value and all(is_slug(v) for v in value) and len(set(value)) == len(value):
            return tuple(value)
        self.wrong(name, value, allowed)
        return ()

    def flag(self, name: str) -> bool:
        value = self._take(name, False, "true or false")
        if value is None or isinstance(value, bool):
            return bool(value)
        self.wrong(name, value, "true or false")
        return False

    def choice(self, name: str, allowed: Collection[str], *, required: bool = False) -> str | None:
        words = "one of " + ", ".join(repr(str(one)) for one in allowed)
        value = self._take(name, required, words)
        if value is None or (isinstance(value, str) and value in allowed):
            return value
        self.wrong(name, value, words)
        return None

    def member(self, name: str, of: type[E], *, required: bool = False) -> E | None:
        value = self.choice(name, [one.value for one in of], required=required)
        return None if value is None else of(value)

    def duration(self, name: str, low: timedelta, high: timedelta, *, required: bool = False) -> timedelta | None:
        allowed = f"a time such as '5 min', '4 h' or '14 d' from {spoken(low)} to {spoken(high)}"
        value = self._take(name, required, allowed)
        if value is None:
            return None
        found = _DURATION.fullmatch(value) if isinstance(value, str) else None
        time = timedelta(seconds=int(found[1]) * _UNITS[found[2]]) if found else None
        if time is not None and low <= time <= high:
            return time
        self.wrong(name, value, allowed)
        return None

    def whole(self, name: str, low: int, high: int, *, required: bool = False) -> int | None:
        allowed = f"a whole number from {low} to {high}"
        value = self._take(name, required, allowed)
        if value is None or (type(value) is int and low <= value <= high):
            return value
        self.wrong(name, value, allowed)
        return None

    def number(self, name: str, low: float, high: float, *, required: bool = False) -> Decimal | None:
        """Read a number strictly as it is written; both ends are allowed."""
        allowed = f"a number from {low:g} to {high:g}"
        value = self._take(name, required, allowed)
        if value is None:
            return None
        if type(value) in (int, Decimal) and Decimal(value).is_finite() and low <= value <= high:
            return Decimal(value)
        self.wrong(name, value, allowed)
        return None

    def table_of(self, name: str) -> Mapping[str, Any]:
        value = self._take(name, False, "a table")
        if value is None or isinstance(value, dict):
            return value or {}
        self.wrong(name, value, "a table")
        return {}

    def tables(self, name: str) -> list[Mapping[str, Any]]:
        allowed = f"one or more tables [[{name}]]"
        value = self._take(name, True, allowed)
        if value is None or (isinstance(value, list) and value and all(isinstance(one, dict) for one in value)):
            return value or []
        self.wrong(name, value, allowed)
        return []

    def finish(self, unknown: str = "no such field") -> None:
        """Refuse every field that was not read."""
        for name in self.table:
            if name not in self.taken:
                self.wrong(name, self.table[name], unknown)

    def _take(self, name: str, required: bool, allowed: str) -> Any:
        self.taken.add(name)
        if required and name not in self.table:
            self.missing(name, allowed)
        return self.table.get(name)


def is_slug(value: object) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_NAME and _NAME.fullmatch(value) is not None


def spoken(time: timedelta) -> str:
    """Return a time as a policy writes it, in its largest whole unit."""
    seconds = int(time.total_seconds())
    for unit in ("d", "h", "min"):
        if seconds and seconds % _UNITS[unit] == 0:
            return f"{seconds // _UNITS[unit]} {unit}"
    return f"{seconds} s"


def shown(found: object) -> str:
    words = f"'{found}'" if isinstance(found, str) else str(found)
    return words if len(words) <= LONGEST_NAME else words[:LONGEST_NAME] + "…"
