"""Scheduled work for Celery beat; `manage.py run_scheduled` does the same where there is no broker."""

from __future__ import annotations

from celery import shared_task

from accounts.services.grants import end_expired
from accounts.services.note_erasures import note_erasures as note
from accounts.services.notify import send_waiting_mail


@shared_task(name="accounts.send_mail", ignore_result=True)  # type: ignore[untyped-decorator]
def send_mail() -> None:
    """Send the e-mails that wait; due each minute."""
    send_waiting_mail()


@shared_task(name="accounts.end_grants", ignore_result=True)  # type: ignore[untyped-decorator]
def end_grants() -> None:
    """End the grants whose time is over; due each minute."""
    end_expired()


@shared_task(name="accounts.note_erasures", ignore_result=True)  # type: ignore[untyped-decorator]
def note_erasures() -> None:
    """Make up for erasures that the list outside the database lacks; due every five minutes."""
    note()
