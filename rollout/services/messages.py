"""Messages to stakeholders: rows in the transaction of the change, sent afterwards; a failed one blocks nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from django.conf import settings
from django.db.models import F
from django.urls import reverse

from common.alerts import Alert, Delivery, News, Severity, Told, delivery_key
from common.context import NoContext, in_unit_of_work, register_service, unit_of_work
from rollout.delivery import NotDelivered, deliver
from rollout.messages import render
from rollout.models import Incident, MessageGroup, MessageKind, MessageState, Rollout, RolloutMessage

logger = structlog.get_logger("mesocycle.messages")

# How long after an attempt the next one waits: an outage of hours loses no message.
RETRY_AFTER: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 720))
LEASE: Final = timedelta(minutes=5)
LONGEST_KEY: Final = 160
MOST_AT_ONCE: Final = 50
TELLER = register_service("teller")
_WAITING: Final = (MessageState.PENDING, MessageState.FAILED)
_FOR: Final = {
    Severity.WARNING: (MessageGroup.TEAM,),
    Severity.CRITICAL: (MessageGroup.ONCALL, MessageGroup.TEAM),
}
_PREFIX: Final = "alert:"
_KINDS: Final = {
    News.RAISED: MessageKind.ALERT,
    News.REMINDED: MessageKind.ALERT,
    News.CLEARED: MessageKind.ALERT_CLEARED,
    News.TEST: MessageKind.ALERT_TEST,
}


def tell(
    kind: MessageKind,
    *,
    dedupe_key: str,
    groups: Collection[MessageGroup],
    subject: str,
    text: str,
    rollout: Rollout | None = None,
    incident: Incident | None = None,
) -> None:
    """Write a message to each group, once for each `dedupe_key`; `deliver_due` sends it.

    Raises:
        NoContext: no writable unit of work is open.
        ValueError: the key is too long; cut off, it would swallow the messages of other causes.
    """
    if not in_unit_of_work(writable=True):
        raise NoContext("stakeholders are told inside the unit of work of what they are told about")
    if len(dedupe_key) > LONGEST_KEY:
        raise ValueError(f"a dedupe_key has at most {LONGEST_KEY} characters")
    common: dict[str, Any] = {"dedupe_key": dedupe_key, "subject": subject[: render.LONGEST_SUBJECT], "text": text}
    about = {"rollout": rollout, "incident": incident}
    rows = [RolloutMessage(kind=kind, group=group, **common, **about) for group in groups]
    RolloutMessage.objects.bulk_create(rows, ignore_conflicts=True)


def tell_alert(alert: Alert) -> None:
    """Tell an alert to whom its severity concerns; the sink that `common.alerts` asks."""
    text = render.alert(alert.name, alert.severity.value, alert.text, alert.news)
    with unit_of_work(TELLER):
        tell(
            _KINDS[alert.news],
            dedupe_key=f"{_PREFIX}{delivery_key(alert.name, alert.dedupe_key)}",
            groups=[MessageGroup(name) for name in alert.groups] or _FOR[alert.severity],
            subject=text.subject,
            text=text.body,
        )


def deliveries_of(keys: Collection[str]) -> Told:
    """Return what became of alerts, by `common.alerts.delivery_key`; runs in the caller's unit of work."""
    rows = RolloutMessage.objects.filter(dedupe_key__in=[f"{_PREFIX}{key}" for key in keys]).order_by("group")
    found: Told = {}
    for row in rows:
        found.setdefault(row.dedupe_key.removeprefix(_PREFIX), []).append(_delivery(row))
    return found


def groups_with_addresses() -> dict[str, int]:
    """Return how many addresses each group has."""
    return {group.value: len(settings.NOTIFY_URLS[group]) for group in MessageGroup}


def _delivery(row: RolloutMessage) -> Delivery:
    is_open = row.state in _WAITING
    return Delivery(
        group=row.get_group_display(),
        state=row.get_state_display(),
        is_sent=row.state == MessageState.SENT,
        is_open=is_open,
        attempts=row.attempts,
        at=row.sent_at or row.created_at,
        next_try_at=row.next_try_at if is_open else None,
        error=row.last_error,
        page=reverse("admin:rollout_rolloutmessage_change", args=[row.pk]),
    )


def deliver_due(now: datetime) -> int:
    """Send what is due, oldest first, each on its own; return how many were sent. What fails is tried again later."""
    with unit_of_work(TELLER, read_only=True):
        rows = RolloutMessage.objects.filter(state__in=_WAITING, next_try_at__lte=now)
        due = list(rows.order_by("id")[:MOST_AT_ONCE])
    return sum(_send(row, now) for row in due)


def _send(row: RolloutMessage, now: datetime) -> bool:
    """Claim the row until its lease ends, send to each address that has not got it, and note what came of it."""
    mine = RolloutMessage.objects.filter(pk=row.pk, state__in=_WAITING)
    with unit_of_work(TELLER):
        claimed = mine.filter(attempts=row.attempts, next_try_at__lte=now)
        if not claimed.update(attempts=F("attempts") + 1, next_try_at=now + LEASE):
            return False
    errors, has_it = [], list(row.delivered_json)
    addresses = settings.NOTIFY_URLS[row.group]
    for address in addresses:
        mark = hashlib.sha256(address.encode()).hexdigest()[:16]
        if mark in has_it:
            continue
        try:
            deliver(address, kind=row.kind, subject=row.subject, text=row.text)
        except NotDelivered as error:
            errors.append(str(error))
        else:
            has_it.append(mark)
            with unit_of_work(TELLER):
                mine.update(delivered_json=has_it)
    nowhere = "" if addresses else f"NOTIFY_URLS_{row.group.upper()} names no address"
    changes = _after(row.attempts, now, "; ".join(errors) or nowhere, final=not addresses)
    with unit_of_work(TELLER):
        mine.update(**changes)
    if errors:
        logger.warning("message not delivered", message_id=str(row.pk), group=row.group, error=errors[0])
    return changes["state"] == MessageState.SENT


def _after(attempts_before: int, now: datetime, error: str, *, final: bool) -> dict[str, Any]:
    """Return what a row becomes after an attempt: sent, to be tried again, or given up."""
    if not error:
        return {"state": MessageState.SENT, "sent_at": now, "last_error": ""}
    if final or attempts_before >= len(RETRY_AFTER):
        return {"state": MessageState.GIVEN_UP, "last_error": error[:200]}
    wait = RETRY_AFTER[attempts_before]
    return {"state": MessageState.FAILED, "last_error": error[:200], "next_try_at": now + wait}
