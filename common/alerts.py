"""Alerts: any floor raises one, and an app above decides whom it reaches.

An alert is told once the open unit of work has ended, committed or not, and never blocks what raised it: a sink that
fails is logged. Who must know whether it was taken calls `hand_over` and tries again.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from common.context import after_unit
from common.registries import Registry

logger = logging.getLogger("mesocycle.alerts")


class Severity(StrEnum):
    WARNING = "warning"  # for the team, in its hours
    CRITICAL = "critical"  # for whoever is on call


class News(StrEnum):
    """What an alert says: that something began, that it still lasts, that it is over, or that somebody tries it out."""

    RAISED = "raised"
    REMINDED = "reminded"
    CLEARED = "cleared"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Alert:
    """What happened; the same `dedupe_key` is told once, so it names the cause and, where it may recur, the day.

    groups: whom to tell, by name; empty for whom the severity concerns.
    """

    name: str
    severity: Severity
    text: str
    dedupe_key: str
    news: News = News.RAISED
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of an alert for one group: an outbox's row as people see it.

    is_open: it was not sent yet and will be tried again at `next_try_at`.
    page: the address of the row in the admin.
    """

    group: str
    state: str
    is_sent: bool
    is_open: bool
    attempts: int
    at: datetime
    next_try_at: datetime | None
    error: str
    page: str


Told = dict[str, list[Delivery]]


# Filled by rollout: where alerts go.
SINKS: Registry[Callable[[Alert], None]] = Registry("alert sinks", required=("stakeholders",))
# Filled by rollout: what became of alerts, by `delivery_key`.
DELIVERIES: Registry[Callable[[Collection[str]], Told]] = Registry("alert deliveries", required=("stakeholders",))
# Filled by rollout: the groups that can be told, each with how many addresses it has.
GROUPS: Registry[Callable[[], dict[str, int]]] = Registry("alert groups", required=("stakeholders",))


def delivery_key(alert_name: str, dedupe_key: str) -> str:
    """Return under which key sinks keep what was told of an alert, whatever its length."""
    return hashlib.sha256(f"{alert_name}:{dedupe_key}".encode()).hexdigest()


def raise_alert(name: str, *, severity: Severity, text: str, dedupe_key: str) -> None:
    """Hand an alert to every sink, after the open unit of work; `text` names nobody but by id."""
    alert = Alert(name, severity, text, dedupe_key)
    logger.error("alert", extra={"alert": name, "severity": severity.value, "what": text})
    after_unit(lambda: _tell(alert))


def hand_over(alert: Alert) -> None:
    """Hand an alert to every sink now, outside any unit of work; the same one twice is told once.

    Raises:
        Exception: whatever a sink raised; it has not taken the alert.
    """
    for _, sink in SINKS.items():
        sink(alert)


def deliveries(keys: Collection[str]) -> Told:
    """Return what became of alerts, by `delivery_key`; runs in the caller's unit of work."""
    found: Told = {}
    for _, read in DELIVERIES.items():
        for key, rows in read(keys).items():
            found.setdefault(key, []).extend(rows)
    return found


def groups() -> dict[str, int]:
    """Return the groups that can be told, each with how many addresses it has."""
    return {name: count for _, read in GROUPS.items() for name, count in read().items()}


def _tell(alert: Alert) -> None:
    for name, sink in SINKS.items():
        try:
            sink(alert)
        except Exception:
            logger.exception("an alert did not reach a sink", extra={"alert": alert.name, "sink": name})
