"""Reconciling: find what has no counterpart, and leave an event about it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from audit.models import AuditEvent
from audit.reconciliation import RECONCILIATIONS, Discrepancy, discrepancies, windows
from audit.services.record import record
from common.context import register_service, unit_of_work

logger = logging.getLogger("mesocycle.audit")

RECONCILER = register_service("reconciliation")
DISCREPANCY: Final = "audit.discrepancy"
NIGHTLY: Final = timedelta(days=3)
_NOW_INCLUDED: Final = timedelta(seconds=1)  # bounds are excluded, and ids count in milliseconds


def reconcile(*, since: datetime | None = None, until: datetime | None = None) -> list[Discrepancy]:
    """Compare tables and log, as far as they were written in [since, until) by real time; by default everything.

    Each discrepancy is logged as an error and recorded as an `audit.discrepancy` event, once: nothing is repaired,
    since a repair is a change of its own, with its own event.
    """
    end = until or datetime.now(UTC) + _NOW_INCLUDED
    found: list[Discrepancy] = []
    with unit_of_work(RECONCILER, read_only=True):
        for begin, stop in windows(since, end):
            for _, item in RECONCILIATIONS.items():
                found += discrepancies(item, begin, stop)
    if found:
        _alert(found)
    return found


def reconcile_lately() -> list[Discrepancy]:
    """Compare what was written in the last days; due every night."""
    return reconcile(since=datetime.now(UTC) - NIGHTLY)


def _alert(found: Sequence[Discrepancy]) -> None:
    with unit_of_work(RECONCILER):
        for one in found:
            marks = {"reconciliation": one.reconciliation, "side": one.side, "key": one.key}
            known = AuditEvent.objects.filter(action=DISCREPANCY, target_id=one.target_id)
            if any(marks.items() <= event.metadata_json.items() for event in known):
                continue
            logger.error("the log and the tables contradict each other", extra={**marks, "what": one.what})
            metadata = {**marks, "what": one.what}
            record(DISCREPANCY, target_id=one.target_id, subject_id=one.subject_id, metadata=metadata)
