"""What alert rules watch of flags and rollouts, seen from outside any one run (I8). Pure.

A gate judges one run; here are the states in which no gate judges at all, or judges again and again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from common.monitoring import Reading

SILENT_AFTER: Final = timedelta(seconds=60)
"""A process that did not report for so long has ended, or cannot ask the database."""

STALE_AFTER: Final = timedelta(minutes=2)
"""So old is a snapshot that was not merely overtaken by a change a moment ago; processes ask each second."""

MOST_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Report:
    """What a process last said: by which snapshot it decides, when that was loaded, and when it said so."""

    process: str
    version: str
    loaded_at: datetime
    seen_at: datetime


def rollbacks_by_flag(flags: Iterable[str]) -> list[Reading]:
    """Return how often each flag was rolled back; `flags` names the flag of each rollback."""
    counts = Counter(flags)
    return [Reading(flag, float(count), count) for flag, count in sorted(counts.items())]


def rollbacks_in_all(flags: Iterable[str]) -> list[Reading]:
    """Return how often any flag was rolled back: several at once more likely have a cause below all of them."""
    counts = Counter(flags)
    text = f"Flags: {_named(sorted(counts))}. Look for what all of them have in common." if counts else ""
    return [Reading("", float(counts.total()), counts.total(), text)]


def service_down(reports: Sequence[Report], wanted: str, now: datetime) -> list[Reading]:
    """Return whether no process decides by what the database holds; `wanted` is its token.

    Where none has ever reported there is nobody to be down: a new installation.
    """
    alive, stale = _alive(reports, now), _stale(reports, wanted, now)
    if not reports:
        return []
    if not alive:
        newest = max(reports, key=lambda one: one.seen_at)
        last = f"the last was {newest.process}, {newest.seen_at:%Y-%m-%d %H:%M} UTC"
        return [Reading("", 1.0, 1, f"No process reports by which flags it decides; {last}.")]
    if len(stale) == len(alive):
        return [Reading("", 1.0, len(alive), _old(stale, alive))]
    return [Reading("", 0.0, len(alive))]


def stale_processes(reports: Sequence[Report], wanted: str, now: datetime) -> list[Reading]:
    """Return how many processes decide by old flags while others do not; all of them together are a service down."""
    alive, stale = _alive(reports, now), _stale(reports, wanted, now)
    if not alive:
        return []
    some = stale if len(stale) < len(alive) else []
    return [Reading("", float(len(some)), len(alive), _old(some, alive) if some else "")]


def _alive(reports: Sequence[Report], now: datetime) -> list[Report]:
    return [one for one in reports if now - one.seen_at <= SILENT_AFTER]


def _stale(reports: Sequence[Report], wanted: str, now: datetime) -> list[Report]:
    alive = _alive(reports, now)
    return [one for one in alive if one.version != wanted and now - one.loaded_at >= STALE_AFTER]


def _old(stale: Sequence[Report], alive: Sequence[Report]) -> str:
    count = f"{len(stale)} of {len(alive)} processes decide by old flags"
    return f"{count}, changes and kills do not arrive: {_named(sorted(one.process for one in stale))}."


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
