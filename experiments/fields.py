"""Reading fields of a JSON object: every mistake is kept with its pointer, what was found and what is allowed."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from common.errors import InvalidInput
from common.shares import FULL

LONGEST_NAME: Final = 60
LONGEST_VALUE: Final = 100
NAMES: Final = f"small letters, digits and single hyphens or underscores, at most {LONGEST_NAME}"
VALUES: Final = f"a printable text of 1 to {LONGEST_VALUE} characters"
_NAME: Final = re.compile(r"[a-z0-9]+([-_][a-z0-9]+)*")


@dataclass
class Fields:
    """One object of a document: each read takes a field, `finish` refuses what nobody asked for.

    A wrong field answers with its default and is remembered in `errors`, so that all mistakes come at once.
    """

    pointer: str
    table: Mapping[str, Any]
    errors: list[dict[str, str]]
    taken: set[str] = field(default_factory=set)

    def wrong(self, name: str, found: object, allowed: str) -> None:
        """Remember a mistake; an empty name is the object itself."""
        self.refuse(name, f"found {shown(found)}, allowed {allowed}")

    def refuse(self, name: str, detail: str) -> None:
        """Remember a mistake in words."""
        step = name.replace("~", "~0").replace("/", "~1")
        pointer = f"{self.pointer}/{step}" if name else self.pointer
        self.errors.append({"pointer": pointer, "detail": f"{name}: {detail}" if name else detail})

    def name(self, name: str) -> str:
        value = self._take(name, True, NAMES)
        if value is None or is_name(value):
            return value or ""
        self.wrong(name, value, NAMES)
        return ""

    def names(self, name: str) -> tuple[str, ...]:
        allowed = f"a list of different names: {NAMES}"
        value = self._take(name, False, allowed)
        if value is None:
            return ()
        if isinstance(value, list) and all(map(is_name, value)) and len(set(value)) == len(value):
            return tuple(sorted(value))
        self.wrong(name, value, allowed)
        return ()

    def values(self, name: str) -> frozenset[str]:
        allowed = f"a list of one or more different values, each {VALUES}"
        value = self._take(name, True, allowed)
        if value is None:
            return frozenset()
        if isinstance(value, list) and value and all(map(is_value, value)) and len(set(value)) == len(value):
            return frozenset(value)
        self.wrong(name, value, allowed)
        return frozenset()

    def choice(self, name: str, allowed: Collection[str], *, required: bool = False) -> str | None:
        options = ", ".join(repr(str(one)) for one in allowed)
        words = f"one of {options}"
        value = self._take(name, required, words)
        if value is None or (isinstance(value, str) and value in allowed):
            return value
        self.wrong(name, value, words)
        return None

    def whole(self, name: str, low: int, high: int, *, required: bool = False) -> int | None:
        allowed = f"a whole number from {low} to {high}"
        value = self._take(name, required, allowed)
        if value is None or (type(value) is int and low <= value <= high):
            return value
        self.wrong(name, value, allowed)
        return None

    def number(self, name: str, *, low: float = -math.inf, high: float = math.inf) -> float | None:
        """Read a finite number."""
        allowed = _number_between(low, high)
        value = self._take(name, False, allowed)
        if value is None:
            return None
        try:
            if type(value) in (int, float, Decimal) and math.isfinite(float(value)) and low <= value <= high:
                return float(value)
        except OverflowError:
            pass
        self.wrong(name, value, allowed)
        return None

    def flag(self, name: str) -> bool:
        """Read a yes or no; no where it is not there."""
        value = self._take(name, False, "true or false")
        if value is None or isinstance(value, bool):
            return bool(value)
        self.wrong(name, value, "true or false")
        return False

    def objects(self, name: str, most: int) -> list[Fields]:
        """Read a list of objects; empty where it is not there or wrong."""
        allowed = f"a list of at most {most} objects"
        value = self._take(name, False, allowed)
        if value is None:
            return []
        if isinstance(value, list) and len(value) <= most and all(isinstance(one, Mapping) for one in value):
            return [Fields(f"{self.pointer}/{name}/{index}", one, self.errors) for index, one in enumerate(value)]
        self.wrong(name, value, allowed)
        return []

    def share(self, name: str, *, required: bool = False) -> int | None:
        """Read a percentage; return thousandths of a percent, None where it is not there or wrong."""
        allowed = "a number from 0 to 100 with at most three digits after the point"
        value = self._take(name, required, allowed)
        if value is None:
            return None
        if type(value) in (int, float, Decimal) and Decimal(value).is_finite() and 0 <= value <= 100:
            # A float as it is written: 33.333 is 33333 thousandths.
            thousandths = Decimal(str(value)) * (FULL // 100)
            if thousandths == int(thousandths):
                return int(thousandths)
        self.wrong(name, value, allowed)
        return None

    def moment(self, name: str, *, required: bool = False) -> datetime | None:
        """Read a moment, in UTC."""
        allowed = "a moment with its time zone, such as '2026-03-01T00:00:00+00:00'"
        value = self._take(name, required, allowed)
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value) if isinstance(value, str) else value
            if isinstance(moment, datetime) and moment.tzinfo is not None:
                return moment.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        self.wrong(name, value, allowed)
        return None

    def below(self, name: str, *, required: bool = False) -> Fields | None:
        """Return the fields of an object inside this one, None where there is none."""
        value = self._take(name, required, "an object")
        if value is None:
            return None
        if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
            return Fields(f"{self.pointer}/{name}", value, self.errors)
        self.wrong(name, value, "an object")
        return None

    def finish(self) -> None:
        """Refuse every field that was not read."""
        for name in self.table:
            if name not in self.taken:
                self.refuse(str(name), "no such field")

    def _take(self, name: str, required: bool, allowed: str) -> Any:
        self.taken.add(name)
        value = self.table.get(name)
        if required and value is None:
            self.refuse(name, f"found nothing, allowed {allowed}")
        return value


def _number_between(low: float, high: float) -> str:
    if low == -math.inf:
        return "a number"
    return f"a number from {low:g}" if high == math.inf else f"a number from {low:g} to {high:g}"


def shown(found: object) -> str:
    try:
        return f"{found!r:.{LONGEST_NAME}}"
    except ValueError:  # Python writes no number of more than 4,300 digits
        return "a number without end"


def is_name(value: object) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_NAME and _NAME.fullmatch(value) is not None


def is_value(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_VALUE and value.isprintable()


def invalid(errors: list[dict[str, str]]) -> InvalidInput:
    """Return the refusal that says all that was wrong, each at its field."""
    return InvalidInput("; ".join(error["detail"] for error in errors), errors=errors)


def raise_all(errors: list[dict[str, str]]) -> None:
    """Raise what was wrong, all of it.

    Raises:
        InvalidInput: there is at least one mistake; each names its field.
    """
    if errors:
        raise invalid(errors)
