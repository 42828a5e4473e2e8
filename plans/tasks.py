"""What the scheduler does for plans."""

from __future__ import annotations

from celery import shared_task

from plans.jobs import start_nightly
from plans.services.tell_reports import tell_reports


@shared_task(name="plans.retrain", ignore_result=True)  # type: ignore[untyped-decorator]
def retrain() -> None:
    """Begin the night's training run; its steps are jobs, each of which queues the next."""
    start_nightly()


@shared_task(name="plans.tell_reports", ignore_result=True)  # type: ignore[untyped-decorator]
def tell_coaches() -> None:
    """Tell coaches what the model learned from them; due on the first of each month."""
    tell_reports()
