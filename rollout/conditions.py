"""What people are told of while it lasts, seen from outside any one run (I8). Pure.

A gate judges one run; here are the states in which no gate judges at all, or judges again and again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from common.alerts import Severity

ROLLBACKS_OF_A_FLAG: Final = 3
FLAG_WINDOW: Final = timedelta(days=7)
"""So many rollbacks of one flag in this time: it is tried again and again, and its cause was not found."""

ROLLBACKS_IN_ALL: Final = 4
ALL_WINDOW: Final = timedelta(days=1)
"""So many rollbacks of any flags in this time: more likely something below all of them is ill."""

SILENT_AFTER: Final = timedelta(seconds=60)
"""A process that did not report for so long has ended, or cannot ask the database."""

STALE_AFTER: Final = timedelta(minutes=2)
"""So old is a snapshot that was not merely overtaken by a change a moment ago; processes ask each second."""

LASTING: Final = timedelta(seconds=45)
"""Less than the time between two looks: what a deployment's restart looks like at one look is told of at the second."""

MOST_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that holds now; `key` is the same as long as it lasts, `lasting` how long it must before it is told."""

    key: str
    name: str
    severity: Severity
    text: str
    lasting: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Rollback:
    """One rollback of a flag, in part or whole."""

    flag: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Report:
    """What a process last said: by which snapshot it decides, when that was loaded, and when it said so."""

    process: str
    version: str
    loaded_at: datetime
    seen_at: datetime


def frequent_rollbacks(rollbacks: Iterable[Rollback], now: datetime) -> list[Condition]:
    """Return the flags that are rolled back too often, and whether all of them together are."""
    of_flag: dict[str, int] = defaultdict(int)
    lately = 0
    for one in rollbacks:
        of_flag[one.flag] += now - FLAG_WINDOW < one.at <= now
        lately += now - ALL_WINDOW < one.at <= now
    found = []
    for flag, count in sorted(of_flag.items()):
        if count >= ROLLBACKS_OF_A_FLAG:
            text = f"{flag} was rolled back {count} times in {FLAG_WINDOW.days} days."
            found.append(_frequent(f"rollbacks of {flag}", Severity.WARNING, text))
    if lately >= ROLLBACKS_IN_ALL:
        text = f"{lately} rollbacks of any flags in a day: look for what all of them have in common."
        found.append(_frequent("rollbacks", Severity.CRITICAL, text))
    return found


def _frequent(key: str, severity: Severity, text: str) -> Condition:
    return Condition(key, "high rollback frequency", severity, text)


def flag_service(reports: Sequence[Report], wanted: str, now: datetime) -> list[Condition]:
    """Return whether processes decide by what the database holds; `wanted` is its token.

    Where none has ever reported there is nobody to be down: a new installation.
    """
    alive = [one for one in reports if now - one.seen_at <= SILENT_AFTER]
    stale = [one for one in alive if one.version != wanted and now - one.loaded_at >= STALE_AFTER]
    if not reports or (alive and not stale):
        return []
    if not alive:
        newest = max(reports, key=lambda one: one.seen_at)
        last = f"the last was {newest.process}, {newest.seen_at:%Y-%m-%d %H:%M} UTC"
        text = f"No process reports by which flags it decides; {last}."
    else:
        count = f"{len(stale)} of {len(alive)} processes decide by old flags"
        text = f"{count}, changes and kills do not arrive: {_named(stale)}."
    if len(stale) == len(alive):
        return [Condition("flag service", "flag service down", Severity.CRITICAL, text, LASTING)]
    return [Condition("flag snapshots", "flag snapshots stale", Severity.CRITICAL, text, LASTING)]


def _named(reports: Sequence[Report]) -> str:
    names = sorted(one.process for one in reports)
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
