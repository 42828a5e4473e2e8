"""Alerts: any floor raises one, and an app above decides whom it reaches.

An alert is told once the open unit of work has ended, committed or not, and never blocks what raised it: a sink that
fails is logged.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from common.context import after_unit
from common.registries import Registry

logger = logging.getLogger("mesocycle.alerts")


class Severity(StrEnum):
    WARNING = "warning"  # for the team, in its hours
    CRITICAL = "critical"  # for whoever is on call


@dataclass(frozen=True, slots=True)
class Alert:
    """What happened; the same `dedupe_key` is told once, so it names the cause and, where it may recur, the day."""

    name: str
    severity: Severity
    text: str
    dedupe_key: str


# Filled by rollout: where alerts go.
SINKS: Registry[Callable[[Alert], None]] = Registry("alert sinks", required=("stakeholders",))


def raise_alert(name: str, *, severity: Severity, text: str, dedupe_key: str) -> None:
    """Hand an alert to every sink, after the open unit of work; `text` names nobody but by id."""
    alert = Alert(name, severity, text, dedupe_key)
    logger.error("alert", extra={"alert": name, "severity": severity.value, "what": text})
    after_unit(lambda: _tell(alert))


def _tell(alert: Alert) -> None:
    for name, sink in SINKS.items():
        try:
            sink(alert)
        except Exception:
            logger.exception("an alert did not reach a sink", extra={"alert": alert.name, "sink": name})
