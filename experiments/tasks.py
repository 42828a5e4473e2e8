"""What the scheduler does for experiments."""

from __future__ import annotations

from celery import shared_task

from experiments.services.looking import look_at_all


@shared_task(name="experiments.look", ignore_result=True)  # type: ignore[untyped-decorator]
def look() -> None:
    """Take the day's looks and let guardrails stop; due each hour, so that a missed turn costs no day."""
    look_at_all()
