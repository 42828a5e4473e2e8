"""Who agreed to a purpose: now, and at a moment of the past."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from accounts.models import Consent, Purpose


def agreed_then_and_now(
    purpose: Purpose, moments: Collection[tuple[UUID, datetime]]
) -> frozenset[tuple[UUID, datetime]]:
    """Return those of (athlete, moment) whose athlete agreed to `purpose` at that moment and agrees now; two queries.

    No answer counts as no.
    """
    ids = {athlete_id for athlete_id, _ in moments}
    standing = Consent.objects.filter(athlete__in=ids, purpose=purpose, granted=True)
    now = set(standing.values_list("athlete_id", flat=True))
    answers: dict[UUID, list[tuple[datetime, bool]]] = defaultdict(list)
    past = Consent.history.model.objects.filter(athlete_id__in=now, purpose=purpose).order_by("history_date")
    for athlete_id, at, granted in past.values_list("athlete_id", "history_date", "granted"):
        answers[athlete_id].append((at, granted))

    def agreed_at(athlete_id: UUID, moment: datetime) -> bool:
        given = answers[athlete_id]
        before = bisect_right(given, moment, key=lambda answer: answer[0])
        return before > 0 and given[before - 1][1]

    return frozenset((athlete_id, at) for athlete_id, at in moments if athlete_id in now and agreed_at(athlete_id, at))
