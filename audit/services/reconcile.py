"""Reconciling: find what has no counterpart, and leave an event about it."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import connection

from audit.dropped import dropped_events, over_before
from audit.models import AuditEvent
from audit.reconciliation import MARGIN, RECONCILIATIONS, Discrepancy, discrepancies, windows
from audit.services.record import record
from common.alerts import Severity, raise_alert
from common.context import register_service, unit_of_work

logger = logging.getLogger("mesocycle.audit")

RECONCILER = register_service("reconciliation")
DISCREPANCY: Final = "audit.discrepancy"
NIGHTLY: Final = timedelta(days=3)
URGENT: Final = MARGIN + timedelta(minutes=10)
"""So far back a look of each minute reaches: what was committed `MARGIN` after it was made, and missed by ten looks, is
still found by the next one."""
MOST_NAMED: Final = 20
# Any number will do, as long as every reconciler asks for the same one and nobody else does.
_LOCK: Final = 0x6D65736F_7265636F
_NOW_INCLUDED: Final = timedelta(seconds=1)  # bounds are excluded, and ids count in milliseconds


def reconcile(
    *, since: datetime | None = None, until: datetime | None = None, only: Collection[str] | None = None
) -> list[Discrepancy]:
    """Compare tables and log, as far as they were written in [since, until) by real time; by default everything.

    `only` names the reconciliations to look at.

    Of what was dropped from the log nothing can be said any more: it begins after the newest dropped event.

    Each discrepancy is logged as an error and recorded as an `audit.discrepancy` event, once: nothing is repaired,
    since a repair is a change of its own, with its own event.
    """
    end = until or datetime.now(UTC) + _NOW_INCLUDED
    found: list[Discrepancy] = []
    with unit_of_work(RECONCILER, read_only=True):
        dropped, over = dropped_events().until, over_before()
        if dropped and over:
            begins = min(dropped, over) + MARGIN
            since = max(since or begins, begins)
        for begin, stop in windows(since, end):
            for name, item in RECONCILIATIONS.items():
                if only is None or name in only:
                    found += discrepancies(item, begin, stop)
    found = list(dict.fromkeys(found))  # what is looked at as it is now may lie in two windows
    if found:
        _alert(found)
    return found


def reconcile_lately() -> list[Discrepancy]:
    """Compare what was written in the last days; due every night."""
    return reconcile(since=datetime.now(UTC) - NIGHTLY)


def reconcile_urgent() -> list[Discrepancy]:
    """Compare what cannot wait for the night, as far as it was written lately; due each minute.

    Looks overlap, so that nothing falls between two; what one has recorded, another does not record again.
    """
    urgent = frozenset(name for name, item in RECONCILIATIONS.items() if item.urgent)
    return reconcile(since=datetime.now(UTC) - URGENT, only=urgent)


def _alert(found: Sequence[Discrepancy]) -> None:
    """Record what was not known yet, and raise one alert for all of it."""
    fresh: list[Discrepancy] = []
    with unit_of_work(RECONCILER):
        _one_at_a_time()
        for one in found:
            marks = {"reconciliation": one.reconciliation, "side": one.side, "key": one.key}
            known = AuditEvent.objects.filter(action=DISCREPANCY, target_id=one.target_id)
            if any(marks.items() <= event.metadata_json.items() for event in known):
                continue
            logger.error("the log and the tables contradict each other", extra={**marks, "what": one.what})
            metadata = {**marks, "what": one.what}
            record(DISCREPANCY, target_id=one.target_id, subject_id=one.subject_id, metadata=metadata)
            fresh.append(one)
    if fresh:
        named = [f"{one.reconciliation} ({one.side}): {one.what}" for one in fresh[:MOST_NAMED]]
        more = f"\nand {len(fresh) - MOST_NAMED} more" if len(fresh) > MOST_NAMED else ""
        raise_alert(
            DISCREPANCY.replace(".", "_"),
            severity=Severity.CRITICAL,
            text=f"{len(fresh)} times the audit log and the tables contradict each other:\n" + "\n".join(named) + more,
            dedupe_key="\n".join(sorted(f"{one.reconciliation}:{one.side}:{one.key}" for one in fresh)),
        )


def _one_at_a_time() -> None:
    """Wait for a reconciler that records: the look of the minute and that of the night would each record the same.

    On SQLite the transaction itself is the only writer.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
