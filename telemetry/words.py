"""The words of metrics and alerts that pages translate when they show them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module

from django.utils.translation import gettext

from common.monitoring import METRICS, Unit
from common.translating.words import WORDS, Words
from telemetry.metric_definitions import definitions

ROWS = ("grade", "race", "pipeline", "variant", "calibrated", "provisional", "population", "web", "worker")
COLUMNS = ("week", "raised", "reminder", "over", "test", "critical", "warning", "firing", "pending", "team", "on call")
UNITS = ("pp", "of", "to", "in", "days", "day", "process", "processes", "a command", "yes", "no", "j")
LIMITS = ("above {value}", "at least {value}", "below {value}", "at most {value}", "is yes", "is no")
OTHERS = (
    "4 w",
    "12 w",
    "UTC",
    "Day",
    "marathon",
    "half marathon",
    "sent",
    "waiting",
    "failed",
    "queued",
    "skipped",
    "dead",
)
SHIPPING = ("0005_rules_that_ship", "0007_rules_of_partitions")


@cache
def shipped_texts() -> frozenset[str]:
    """Return names and descriptions of the alert rules that ship."""
    shipped_by = (import_module(f"telemetry.migrations.{name}") for name in SHIPPING)
    return frozenset(text for made in shipped_by for rule in made.RULES for text in (rule["name"], rule["description"]))


def shipped(text: str) -> str:
    """Return a rule's name or description in the language at hand; one that a person wrote stays."""
    return gettext(text) if text in shipped_texts() else text


def words() -> Iterator[str]:
    """Yield the words that stand in metrics and alerts as values."""
    yield from (*ROWS, *COLUMNS, *UNITS, *LIMITS, *OTHERS, *shipped_texts())
    yield from (part for one in definitions().values() for part in (one.title, one.describes, one.formula))
    yield from (one.title for _, one in METRICS.items())
    yield from (unit.value for unit in Unit)


def register() -> None:
    """Name them to whoever collects texts."""
    WORDS.register("telemetry", Words(words))
