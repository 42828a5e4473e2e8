"""Notifying people: rows in the transaction of the change, mail after it; a failed mail never blocks the change."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import F

from accounts.models import Notification, User
from accounts.notifications import KINDS
from common import clock
from common.context import NoContext, in_unit_of_work, register_service, unit_of_work
from common.jobs import Job, enqueue, register_job

logger = structlog.get_logger("mesocycle.mail")

MAIL_JOB = "accounts.send_mail"
MOST_ATTEMPTS = 5
MAILER = register_service("mailer")


def notify(
    *,
    user_ids: Collection[UUID],
    kind: str,
    subject_id: UUID,
    target_type: str,
    target_id: UUID,
    data: dict[str, Any],
    dedupe_key: str,
) -> None:
    """Put a notification into each person's list, once for each `dedupe_key`, and queue the mail.

    Raises:
        NoContext: no writable unit of work is open.
        KeyError: nobody registered this kind.
    """
    if not in_unit_of_work(writable=True):
        raise NoContext("people are notified inside the unit of work of what they are told about")
    KINDS.get(kind)
    rows = [
        Notification(
            user_id=user_id,
            kind=kind,
            subject_id=subject_id,
            target_type=target_type,
            target_id=target_id,
            data=data,
            dedupe_key=dedupe_key[:120],
        )
        for user_id in user_ids
    ]
    if rows:
        Notification.objects.bulk_create(rows, ignore_conflicts=True)
        enqueue(MAIL_JOB, {"ids": [str(row.pk) for row in rows]})


def mark_read(*, ids: Collection[UUID] | None, acting_user: User) -> int:
    """Mark the user's own notifications as read, all of them where `ids` is None; return how many were unread."""
    with unit_of_work(acting_user):
        rows = Notification.objects.filter(user=acting_user, read_at=None)
        if ids is not None:
            rows = rows.filter(pk__in=ids)
        return rows.update(read_at=clock.now())


def send_waiting_mail(*, ids: Collection[UUID] | None = None, limit: int = 200) -> int:
    """Send what was not sent yet, each on its own; return how many were. What fails is tried again later."""
    with unit_of_work(MAILER, read_only=True):
        rows = Notification.objects.filter(emailed_at=None, email_attempts__lt=MOST_ATTEMPTS, user__is_active=True)
        if ids is not None:
            rows = rows.filter(pk__in=ids)
        waiting = list(rows.select_related("user").order_by("email_attempts", "id")[:limit])
    return sum(_send(row) for row in waiting)


def _send(row: Notification) -> bool:
    """Claim the row by counting the attempt, send, and note what came of it."""
    with unit_of_work(MAILER):
        claimed = Notification.objects.filter(pk=row.pk, emailed_at=None, email_attempts=row.email_attempts)
        if not claimed.update(email_attempts=F("email_attempts") + 1):
            return False
    kind, error = KINDS.get(row.kind), ""
    try:
        body = f"{kind.title(row.data)}\n\n{settings.PUBLIC_URL}{kind.link(row.data)}\n"
        EmailMessage(f"Mesocycle: {kind.title(row.data)}", body, to=[row.user.email]).send()
    except Exception as failure:
        logger.warning("mail failed", notification_id=str(row.pk), error=type(failure).__name__)
        error = type(failure).__name__
    with unit_of_work(MAILER):
        sent_at = None if error else clock.now()
        Notification.objects.filter(pk=row.pk).update(email_error=error, emailed_at=sent_at)
    return not error


def _run(job: Job) -> dict[str, Any]:
    return {"sent": send_waiting_mail(ids=[UUID(pk) for pk in job.payload["ids"]])}


register_job(MAIL_JOB, _run, lease_seconds=300)
