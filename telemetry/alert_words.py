"""Alerts as people read them: numbers with their unit, limits, and the texts that leave. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from common.alerts import News
from common.monitoring import Unit
from common.spans import span
from telemetry.alerting import Comparison

NOTHING: Final = "–"
_SIGNS: Final = {
    Comparison.ABOVE: "above",
    Comparison.AT_LEAST: "at least",
    Comparison.BELOW: "below",
    Comparison.AT_MOST: "at most",
}


@dataclass(frozen=True, slots=True)
class Pill:
    """An icon, a word and a tone: never colour alone."""

    icon: str
    word: str
    tone: str  # good, wait, bad, run, none, nodata


def value_text(unit: Unit, value: float | None) -> str:
    """Return a number with its unit."""
    if value is None:
        return NOTHING
    match unit:
        case Unit.PERCENT:
            return f"{value:.1f} %"
        case Unit.MILLISECONDS:
            return f"{value / 1000:.2f} s" if value >= 1000 else f"{value:.0f} ms"
        case Unit.SECONDS:
            return span(timedelta(seconds=value))
        case Unit.YES_NO:
            return "yes" if value else "no"
    return f"{value:,.6g}"


def limit_text(unit: Unit, comparison: str, threshold: float) -> str:
    """Return a threshold in words: "above 5.0 %"."""
    if unit is Unit.YES_NO:
        return "is yes" if comparison in (Comparison.ABOVE, Comparison.AT_LEAST) else "is no"
    return f"{_SIGNS[Comparison(comparison)]} {value_text(unit, threshold)}"


@dataclass(frozen=True, slots=True)
class Said:
    """What a notice says of an incident."""

    title: str
    label: str
    unit: Unit
    comparison: str
    threshold: float
    value: float | None
    n: int
    window: timedelta
    began_at: datetime
    text: str = ""


def notice_text(said: Said, what: News, now: datetime, link: str) -> str:
    """Return what people are told: the value against its limit, since when, and where to act."""
    subject = f"{said.title}, {said.label}" if said.label else said.title
    value, limit = value_text(said.unit, said.value), limit_text(said.unit, said.comparison, said.threshold)
    if what is News.CLEARED:
        lines = [f"{subject}: {value} now. It was {limit} for {span(now - said.began_at)}."]
    else:
        seen = f"{subject}: {value} over the last {span(said.window)} (n = {said.n}); the rule: {limit}."
        since = f"It lasts since {said.began_at:%Y-%m-%d %H:%M} UTC." if what is News.REMINDED else ""
        lines = [part for part in (seen, since, said.text) if part]
    return "\n".join([*lines, f"Look, acknowledge or silence: {link}"])
