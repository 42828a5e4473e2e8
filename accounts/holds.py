"""Who is under a legal hold."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db.models import Q

from accounts.models import Athlete, LegalHold
from common import clock
from common.errors import KeyDestroyed
from common.keys import key_ring
from common.models import SubjectKey


def holds_in_force() -> Q:
    """Return the condition on legal holds that hold now."""
    now = clock.now()
    return Q(ended_at=None) & Q(held_from__lte=now) & (Q(held_until=None) | Q(held_until__gt=now))


def held_people() -> frozenset[UUID]:
    """Return the ids of everybody under a hold, as athletes and as users (`common.retention.HELD`)."""
    held = Athlete.objects.filter(pk__in=LegalHold.objects.filter(holds_in_force()).values("athlete"))
    return frozenset(pk for pair in held.values_list("pk", "user_id") for pk in pair if pk)


def lock_person(athlete_id: UUID) -> None:
    """Make placing a hold and erasing wait for each other, by the one row that both need: the athlete's key.

    Compliance cannot lock the athlete's own row, which row-level security hides from it.

    Raises:
        KeyDestroyed: the athlete was erased.
    """
    key_ring([athlete_id], create=True)
    key = SubjectKey.objects.select_for_update().get(subject_id=athlete_id)
    if key.destroyed_at is not None:
        raise KeyDestroyed("This athlete was erased.")


def held_among(athlete_ids: Collection[UUID]) -> set[UUID]:
    """Return which of these athletes are under a hold."""
    rows = LegalHold.objects.filter(holds_in_force(), athlete__in=athlete_ids)
    return set(rows.values_list("athlete_id", flat=True))
