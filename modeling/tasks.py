"""What the scheduler does for models."""

from __future__ import annotations

from celery import shared_task

from modeling.services.recompute_fits import recompute_due


@shared_task(name="modeling.recompute_fits", ignore_result=True)  # type: ignore[untyped-decorator]
def recompute_fits() -> None:
    """Compute a sample of the last day's fits a second time; due every night."""
    recompute_due()
