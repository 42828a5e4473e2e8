"""Cards of the present, for the page of the service."""

from __future__ import annotations

from dataclasses import dataclass

from telemetry.pages.words import Pill


@dataclass(frozen=True)
class Gauge:
    """A card of the present; `pill` is None where nobody set a limit."""

    title: str
    value: str
    note: str
    pill: Pill | None = None


@dataclass(frozen=True)
class Gauges:
    """A row of cards."""

    title: str
    gauges: tuple[Gauge, ...]


def met(is_met: bool, otherwise: str) -> Pill:
    """Return whether a target is met; `otherwise` says how it is not."""
    return Pill("check_circle", "Met", "good") if is_met else Pill("cancel", otherwise, "bad")


def on_time(is_late: bool) -> Pill:
    """Return whether what waits has waited too long."""
    return Pill("warning", "Late", "wait") if is_late else Pill("check_circle", "On time", "good")
