"""Scheduled work for Celery beat; `manage.py run_scheduled` does the same where there is no broker."""

from __future__ import annotations

from celery import shared_task

from accounts.services.grants import end_expired
from accounts.services.notify import send_waiting_mail


@shared_task(name="accounts.send_mail", ignore_result=True)  # type: ignore[untyped-decorator]
def send_mail() -> None:
    """Send the e-mails that wait; due each minute."""
    send_waiting_mail()


@shared_task(name="accounts.end_grants", ignore_result=True)  # type: ignore[untyped-decorator]
def end_grants() -> None:
    """End the grants whose time is over; due each minute."""
    end_expired()
