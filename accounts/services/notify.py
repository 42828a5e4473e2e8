"""Notifying people: rows in the transaction of the change, mail after it; a failed mail never blocks the change."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from functools import reduce
from operator import or_
from typing import Any, Final
from uuid import UUID

import structlog
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db.models import F, Q
from django.utils import translation

from accounts.models import Notification, User
from accounts.notifications import KINDS, text_of
from common import clock
from common.context import NoContext, in_unit_of_work, register_service, unit_of_work
from common.jobs import Job, enqueue, register_job
from common.language import language_of
from telemetry.services import emit

logger = structlog.get_logger("mesocycle.mail")

MAIL_JOB = "accounts.send_mail"
# How long after the notification each further attempt waits: an outage of hours loses no mail, and a sweep leaves alone
# what another worker is sending just now.
RETRY_AFTER: Final = tuple(timedelta(minutes=minutes) for minutes in (5, 30, 120, 720))
# Without a broker the mail is sent while the answer waits; a server that hangs must not hold it for long.
SEND_TIMEOUT_SECONDS: Final = 10
LONGEST_KEY: Final = 120
MOST_UNREAD: Final = 100
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
        ValueError: the key is too long; cut off, it would swallow the notifications of other causes.
    """
    if len(dedupe_key) > LONGEST_KEY:
        raise ValueError(f"a dedupe_key has at most {LONGEST_KEY} characters")
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
            dedupe_key=dedupe_key,
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


def unread_count(user: User) -> int:
    """Return how many notifications the user has not read, for the badge; counting stops at `MOST_UNREAD`."""
    return Notification.objects.filter(user=user, read_at=None).order_by()[:MOST_UNREAD].count()


def send_waiting_mail(*, ids: Collection[UUID] | None = None, limit: int = 200) -> int:
    """Send what is due, each on its own; return how many were sent. What fails is tried again later."""
    with unit_of_work(MAILER, read_only=True):
        rows = Notification.objects.filter(_due(), emailed_at=None, user__is_active=True)
        if ids is not None:
            rows = rows.filter(pk__in=ids)
        waiting = list(rows.select_related("user").order_by("email_attempts", "id")[:limit])
    return sum(_send(row) for row in waiting)


def _due() -> Q:
    """Return the rows that were never tried, or whose next attempt's time has come."""
    now = clock.now()
    again = (Q(email_attempts=n, created_at__lte=now - wait) for n, wait in enumerate(RETRY_AFTER, start=1))
    return reduce(or_, again, Q(email_attempts=0))


def _send(row: Notification) -> bool:
    """Claim the row by counting the attempt, send, and note what came of it."""
    mine = Notification.objects.filter(pk=row.pk, emailed_at=None)
    with unit_of_work(MAILER):
        if not mine.filter(email_attempts=row.email_attempts).update(email_attempts=F("email_attempts") + 1):
            return False
    try:
        _message(row).send()
    except Exception as failure:
        logger.warning("mail failed", notification_id=str(row.pk), error=type(failure).__name__)
        with unit_of_work(MAILER):
            mine.update(email_error=type(failure).__name__[:200])
        return False
    with unit_of_work(MAILER):
        if mine.update(email_error="", emailed_at=clock.now()):
            told = {"user": row.user_id, "kind": row.kind, "attempts": row.email_attempts + 1}
            emit("notification.sent", aggregate_id=row.pk, data=told)
    return True


def _message(row: Notification) -> EmailMessage:
    """Return the mail.

    Raises:
        KeyError: this release does not know the kind, or not from these data.
    """
    with translation.override(language_of(row.user)):
        text = text_of(row.kind, row.data)
    parts = [text.title, text.body, f"{settings.PUBLIC_URL}{text.link}"]
    connection = get_connection(timeout=settings.EMAIL_TIMEOUT or SEND_TIMEOUT_SECONDS)
    body = "\n\n".join(part for part in parts if part) + "\n"
    return EmailMessage(f"Mesocycle: {text.title}", body, to=[row.user.email], connection=connection)


def _run(job: Job) -> dict[str, Any]:
    return {"sent": send_waiting_mail(ids=[UUID(pk) for pk in job.payload["ids"]])}


register_job(MAIL_JOB, _run, lease_seconds=300)
