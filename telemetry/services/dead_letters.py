"""What a person does about an event that could not be published."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from audit.services import record
from common.admin import may
from common.context import ServiceIdentity, unit_of_work
from common.errors import InvalidInput, NotPermitted, NotVisible
from telemetry.models import DeadLetter, OutboxEvent

OPERATE = "telemetry:operate"
LONGEST_REASON = 500


def retry_dead_letter(*, letter_id: UUID, reason: str, acting_user: Any) -> OutboxEvent:
    """Put a dead letter back into the outbox under its id, as if it had never been tried.

    Later events of its aggregate were published meanwhile: it comes after them.

    Raises:
        NotPermitted: the role does not operate telemetry.
        InvalidInput: no reason, or an endless one.
        NotVisible: there is no such dead letter; somebody else may have put it back.
    """
    if not isinstance(acting_user, ServiceIdentity) and not may(acting_user, OPERATE):
        raise NotPermitted("Your role does not operate telemetry.")
    why = reason.strip()
    if not 0 < len(why) <= LONGEST_REASON or "\x00" in why:
        raise InvalidInput(f"Say why, in 1 to {LONGEST_REASON} characters.", pointer="/reason")
    with unit_of_work(acting_user):
        letter = DeadLetter.objects.select_for_update().filter(pk=letter_id).first()
        if letter is None:
            raise NotVisible("There is no such dead letter.")
        event = OutboxEvent.objects.create(
            id=letter.pk,
            type=letter.type,
            aggregate_id=letter.aggregate_id,
            partition=letter.partition,
            data=letter.data,
            occurred_at=letter.occurred_at,
        )
        metadata = {"type": letter.type, "attempts": letter.attempts, "why_dead": letter.reason, "reason": why}
        letter.delete()
        record("telemetry.retry", target_id=event.pk, metadata=metadata)
        return event
