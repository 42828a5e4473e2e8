"""What must be kept because a court, an authority or a dispute may ask for it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from common import clock
from common.models import BaseModel, CiphertextField


class LegalHold(BaseModel):
    """While it holds, nothing about the athlete is erased or removed; open-ended where `held_until` is None."""

    athlete = models.ForeignKey("accounts.Athlete", on_delete=models.PROTECT, related_name="legal_holds")
    reason = CiphertextField(help_text="Encrypted under the athlete's key.")
    placed_by_id = models.UUIDField(editable=False)
    held_from = models.DateTimeField(default=clock.now, editable=False)
    held_until = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True, editable=False, help_text="Lifted by a person before its time.")
    ended_by_id = models.UUIDField(null=True, editable=False)

    class Meta:
        db_table = "legal_holds"
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["athlete", "-id"], name="legal_holds_of_athlete")]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(held_until=None) | Q(held_until__gt=F("held_from")), name="hold_ends_after_it_starts"
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None, ended_by_id=None) | Q(ended_at__isnull=False, ended_by_id__isnull=False),
                name="hold_lifted_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"hold on {self.athlete_id}"

    @property
    def holds(self) -> bool:
        """Return whether it holds now."""
        return self.ended_at is None and (self.held_until is None or self.held_until > clock.now())
