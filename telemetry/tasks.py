"""Scheduled work: the outbox, the alert rules, what is told by the hour, and the warehouse."""

from __future__ import annotations

from celery import shared_task

from telemetry.services.alerts import evaluate_alerts
from telemetry.services.compact import compact_due
from telemetry.services.forget import forget_due
from telemetry.services.observe import tell_due
from telemetry.services.relay import relay_due
from telemetry.warehousing.daily import build_daily


@shared_task(name="telemetry.relay", ignore_result=True)  # type: ignore[untyped-decorator]
def relay_events() -> None:
    """Publish what waits; due every five seconds."""
    relay_due()


@shared_task(name="telemetry.warehouse", ignore_result=True)  # type: ignore[untyped-decorator]
def build_warehouse() -> None:
    """Build the warehouse; due every night."""
    build_daily()


@shared_task(name="telemetry.measure", ignore_result=True)  # type: ignore[untyped-decorator]
def measure_service() -> None:
    """Tell how the service did in the hours that are over; due five minutes past each hour."""
    tell_due()


@shared_task(name="telemetry.forget", ignore_result=True)  # type: ignore[untyped-decorator]
def forget() -> None:
    """Clean what already left of those who were erased or withdrew; due every five minutes."""
    forget_due()


@shared_task(name="telemetry.compact", ignore_result=True)  # type: ignore[untyped-decorator]
def compact() -> None:
    """Make one Parquet file of many; due every night."""
    compact_due()


@shared_task(name="telemetry.evaluate_alerts", ignore_result=True)  # type: ignore[untyped-decorator]
def judge_alert_rules() -> None:
    """Judge every alert rule and hand on what is to be told; due every minute."""
    evaluate_alerts()
