"""What a consumer asks before it handles an event: the relay brings each at least once, some of them twice."""

from __future__ import annotations

from uuid import UUID

from common.context import NoContext, in_unit_of_work
from telemetry.models import InboxEntry

LONGEST_CONSUMER = 100


def once(consumer: str, event_id: UUID) -> bool:
    """Return True the first time that a consumer asks about an event, False ever after.

    The answer belongs to the open unit of work: where that is rolled back, the event was not handled and the next one
    who asks is the first. Whoever asks at the same time waits for it (PostgreSQL) and then gets the answer that holds.

    Raises:
        NoContext: no writable unit of work is open.
        ValueError: the consumer has no name, or an endless one.
    """
    if not 0 < len(consumer) <= LONGEST_CONSUMER:
        raise ValueError(f"a consumer's name has 1 to {LONGEST_CONSUMER} characters")
    if not in_unit_of_work(writable=True):
        raise NoContext("an event is handled inside a writable unit of work, and asked about inside the same one")
    entry = InboxEntry(consumer=consumer, event_id=event_id)
    InboxEntry.objects.bulk_create([entry], ignore_conflicts=True)
    return InboxEntry.objects.filter(pk=entry.pk).exists()
