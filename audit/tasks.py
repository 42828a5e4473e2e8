"""Scheduled work on the log."""

from __future__ import annotations

from celery import shared_task

from audit.services.archive import archive
from audit.services.reconcile import reconcile_lately, reconcile_urgent
from audit.services.seal import seal


@shared_task(name="audit.seal", ignore_result=True)  # type: ignore[untyped-decorator]
def seal_events() -> None:
    """Seal what can be sealed; due every second."""
    seal()


@shared_task(name="audit.reconcile", ignore_result=True)  # type: ignore[untyped-decorator]
def reconcile_tables() -> None:
    """Compare the log with the tables; due every night."""
    reconcile_lately()


@shared_task(name="audit.reconcile_urgent", ignore_result=True)  # type: ignore[untyped-decorator]
def reconcile_what_is_urgent() -> None:
    """Compare what cannot wait for the night; due each minute."""
    reconcile_urgent()


@shared_task(name="audit.archive", ignore_result=True)  # type: ignore[untyped-decorator]
def archive_segments() -> None:
    """Archive what was sealed; due every night."""
    archive()
