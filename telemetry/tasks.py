"""Scheduled work on the outbox."""

from __future__ import annotations

from celery import shared_task

from telemetry.services.relay import relay_due


@shared_task(name="telemetry.relay", ignore_result=True)  # type: ignore[untyped-decorator]
def relay_events() -> None:
    """Publish what waits; due every five seconds."""
    relay_due()
