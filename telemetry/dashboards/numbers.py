"""Numbers as they are shown: with what they rest on, hidden where too few people stand behind them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

K = TypeVar("K")

LEAST_PEOPLE: Final = 5
"""A pseudonymous reader sees no number that rests on fewer people."""
NO_DATA: Final = "No data"
HIDDEN: Final = f"Fewer than {LEAST_PEOPLE}"


@dataclass(frozen=True, slots=True)
class Number:
    """A value in its metric's unit; None where nothing was measured (n is 0) or where it is hidden (n is 0 as well).

    n: what was counted, as the metric's definition says.
    """

    value: float | None
    n: float = 0
    is_hidden: bool = False


NOTHING: Final = Number(None)
WITHHELD: Final = Number(None, 0, is_hidden=True)


def number(numerator: float | None, denominator: float | None, n: float, people: int | None, least: int) -> Number:
    """Return numerator / denominator, unless fewer than `least` people stand behind it; None people: of nobody."""
    if not denominator or numerator is None:
        return NOTHING
    if people is not None and people < least:
        return WITHHELD
    return Number(numerator / denominator, n)


def count(value: int, people: int, least: int) -> Number:
    """Return how many there are; none at all is shown, since it is about nobody."""
    return WITHHELD if value and people < least else Number(float(value), value)


def guarded(parts: Mapping[K, Number]) -> dict[K, Number]:
    """Return the parts of one whole; where one alone is hidden, the smallest other is too, lest both be subtracted."""
    hidden = [key for key, one in parts.items() if one.is_hidden]
    shown = [key for key, one in parts.items() if one.value is not None]
    if len(hidden) != 1 or not shown:
        return dict(parts)
    return {**parts, min(shown, key=lambda key: parts[key].n): WITHHELD}


def text(shown: Number, unit: str) -> str:
    """Return a number as people read it: 75.8 %, 7.1 h, 4.1, or why there is none."""
    if shown.value is None:
        return HIDDEN if shown.is_hidden else NO_DATA
    return of_unit(shown.value, unit)


def of_unit(value: float, unit: str) -> str:
    """Return a value in its unit; a share is told in percent."""
    match unit:
        case "share":
            return f"{_rounded(100 * value, 1)} %"
        case "percent":
            return f"{_rounded(value, 1)} %"
        case "hours":
            return f"{_rounded(value, 1)} h"
        case "ms":
            return f"{value:,.0f} ms"
        case "days":
            return f"{_rounded(value, 1)} d"
        case "count":
            return f"{value:,.0f}"
        case "of 5":
            return f"{value:.1f}"
    return _rounded(value, 2)


def goal(value: float, unit: str) -> str:
    """Return a target without digits that nobody set."""
    scaled = 100 * value if unit == "share" else value
    sign = {"share": " %", "percent": " %", "hours": " h", "ms": " ms", "days": " d", "of 5": " of 5"}.get(unit, "")
    return (f"{scaled:.1f}" if unit == "of 5" else f"{scaled:.10g}") + sign


def gap(value: float, target: float, unit: str) -> str:
    """Return how far a value is from its target; shares and percents differ by points."""
    by = abs(value - target)
    if unit in ("share", "percent"):
        return f"{_rounded(100 * by if unit == 'share' else by, 1)} pp"
    return of_unit(by, unit) if unit != "of 5" else f"{by:.2f}"


def _rounded(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}".removesuffix("." + "0" * digits) if digits > 1 else f"{value:,.{digits}f}"
