"""Describing athletes to the warehouse (`athlete.described`): sport, level, tier and coach, and nothing that names
them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from django.db.models import Exists, OuterRef

from accounts.models import Athlete, User
from accounts.scope import coach_of, require
from common.context import ServiceIdentity, unit_of_work
from common.models import SubjectKey
from telemetry.models import OutboxEvent
from telemetry.services import emit

DESCRIBED: Final = "athlete.described"
TOLD: Final = frozenset({"sport", "level", "tier"})
"""Fields of an athlete that a description tells and that may change."""
_BATCH: Final = 500


def describe(athlete: Athlete) -> None:
    """Tell how an athlete is now; runs inside the unit of work of what changed it."""
    data = {
        "athlete": athlete.pk,
        "coach_id": coach_of(athlete.pk),
        "sport": athlete.sport,
        "level": athlete.level,
        "tier": athlete.tier,
        "joined_on": athlete.created_at.date(),
        "is_synthetic": athlete.is_synthetic,
    }
    emit(DESCRIBED, aggregate_id=athlete.pk, data=data)


def describe_missing(*, acting_user: User | ServiceIdentity) -> int:
    """Describe every athlete of whom the outbox holds no description, and return how many those were.

    For installations that are older than the event. Athletes who were erased are left out. Each batch is a transaction
    of its own: run again, it goes on where it stopped.

    Raises:
        NotPermitted: only who manages users may.
    """
    with unit_of_work(acting_user, read_only=True):
        require(acting_user, "user:manage")
        erased = SubjectKey.objects.filter(subject_id=OuterRef("pk"), destroyed_at__isnull=False)
        ids = list(Athlete.objects.filter(~Exists(erased)).order_by("pk").values_list("pk", flat=True))
    batches = (ids[start : start + _BATCH] for start in range(0, len(ids), _BATCH))
    return sum(_describe_batch(batch, acting_user) for batch in batches)


def _describe_batch(ids: Sequence[UUID], acting_user: User | ServiceIdentity) -> int:
    """Look, under the athletes' locks, who is still to be described: of two runs at a time one does it."""
    with unit_of_work(acting_user):
        athletes = list(Athlete.objects.select_for_update(of=("self",), no_key=True).filter(pk__in=ids).order_by("pk"))
        told = OutboxEvent.objects.filter(type=DESCRIBED, aggregate_id__in=ids)
        known = set(told.values_list("aggregate_id", flat=True))
        missing = [athlete for athlete in athletes if athlete.pk not in known]
        for athlete in missing:
            describe(athlete)
        return len(missing)
