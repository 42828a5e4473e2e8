"""Numbers of results as people read them: each in its metric's unit. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl

from experiments.looks import IN_PHASE
from experiments.metrics import Unit

NOTHING: Final = "–"
MINUS: Final = "\u2212"
SMALLEST_P: Final = 0.001


def value(unit: Unit, found: float | None) -> str:
    """Return a value of an arm."""
    if found is None:
        return NOTHING
    match unit:
        case Unit.SHARE:
            return f"{100 * found:.1f} %"
        case Unit.MILLISECONDS:
            return f"{found / 1000:.2f} s" if abs(found) >= 1000 else f"{found:.0f} ms"
        case Unit.OF_FIVE:
            return f"{found:.2f}"
        case Unit.DAYS:
            return f"{found:.1f} d"
    return number(found)


def number(found: float) -> str:
    """Return three digits that say something, all of them from 1,000 on."""
    return f"{found:,.0f}" if abs(found) >= 1000 else f"{found:.3g}"


def bare(unit: Unit, found: float) -> str:
    """Return a difference without its unit: signed, in percentage points of shares."""
    match unit:
        case Unit.SHARE:
            text = f"{100 * found:+.1f}"
        case Unit.MILLISECONDS:
            text = f"{found:+,.0f}"
        case Unit.OF_FIVE:
            text = f"{found:+.2f}"
        case Unit.DAYS:
            text = f"{found:+.1f}"
        case _:
            text = f"{found:+,.0f}" if abs(found) >= 1000 else f"{found:+.3g}"
    is_zero = not any(digit in text for digit in "123456789")
    return text[1:] if is_zero else text.replace("-", MINUS)


def tick(unit: Unit, found: float) -> str:
    """Return a difference on an axis."""
    text = f"{100 * found if unit is Unit.SHARE else found:+,.6g}"
    return "0" if float(text.replace(",", "")) == 0 else text.replace("-", MINUS)


def suffix(unit: Unit) -> str:
    """Return what stands behind a difference."""
    return {Unit.SHARE: " pp", Unit.MILLISECONDS: " ms", Unit.DAYS: " d"}.get(unit, "")


def difference(unit: Unit, found: float) -> str:
    """Return a signed difference with its unit."""
    return bare(unit, found) + suffix(unit)


def size(unit: Unit, found: float) -> str:
    """Return a difference without its sign, with its unit."""
    return difference(unit, abs(found)).removeprefix("+")


def span(unit: Unit, low: float, high: float) -> str:
    """Return an interval without its unit."""
    return f"{bare(unit, low)} … {bare(unit, high)}"


def margin(unit: Unit, found: float, *, relative: bool) -> str:
    """Return how much harm a guardrail bears."""
    return f"{100 * found:.3g} % of the control" if relative else size(unit, found)


def p_value(found: float | None) -> str:
    """Return a p-value."""
    if found is None:
        return NOTHING
    return f"< {SMALLEST_P}" if found < SMALLEST_P else f"{found:.2g}" if found < 0.995 else "1"


def e_value(found: float) -> str:
    """Return an e-value; what is too large to be read is only large."""
    if found >= 1e6:
        return "> 1,000,000"
    return f"{found:,.0f}" if found >= 10 else f"{found:.1f}"


def moment(at: datetime | None) -> str:
    """Return a time, UTC, to the minute."""
    return f"{at.astimezone(UTC):%-d %b %H:%M}" if at else NOTHING


def length(found: timedelta) -> str:
    """Return an age: minutes, hours up to two days, days."""
    minutes = max(int(found.total_seconds()), 0) // 60
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} d"


def stratum(name: str) -> str:
    """Return a stratum's name as text: `level=elite&sport=running` is "elite, running"."""
    bare_name, _, phase = name.partition(IN_PHASE)
    text = ", ".join(part for _, part in parse_qsl(bare_name, keep_blank_values=True)) or bare_name or "everybody"
    text = text[0].upper() + text[1:]
    return ", ".join((text, f"phase {phase}")) if phase else text
