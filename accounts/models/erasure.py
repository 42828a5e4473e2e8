"""Asking for a person to be erased, and what came of it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from common.models import BaseModel, CiphertextField


class ErasureState(models.TextChoices):
    OPEN = "open", "Waiting for an administrator"
    DONE = "done", "Erased"
    REFUSED = "refused", "Refused"


class ErasureRequest(BaseModel):
    """One request; whoever asked does not decide. `report` says by table how many rows were changed."""

    athlete = models.ForeignKey("accounts.Athlete", on_delete=models.PROTECT, related_name="erasure_requests")
    requested_by_id = models.UUIDField(editable=False)
    reason = CiphertextField(help_text="Encrypted under the athlete's key: it goes with the erasure.")
    state = models.CharField(max_length=8, choices=ErasureState, default=ErasureState.OPEN)
    decided_by_id = models.UUIDField(null=True, editable=False)
    decided_at = models.DateTimeField(null=True, editable=False)
    answer = CiphertextField(null=True, help_text="Why it was refused; encrypted under the athlete's key.")
    report = models.JSONField(default=dict)

    class Meta:
        db_table = "erasure_requests"
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["athlete"], condition=Q(state="open"), name="one_open_erasure_an_athlete"),
            models.UniqueConstraint(fields=["athlete"], condition=Q(state="done"), name="erased_once"),
            models.CheckConstraint(condition=Q(state__in=ErasureState.values), name="erasure_state_known"),
            models.CheckConstraint(
                condition=Q(state="open", decided_at=None, decided_by_id=None)
                | (~Q(state="open") & Q(decided_at__isnull=False, decided_by_id__isnull=False)),
                name="erasure_decided_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(decided_by_id=None) | ~Q(state="done") | ~Q(decided_by_id=models.F("requested_by_id")),
                name="erasure_takes_two",
            ),
        ]

    def __str__(self) -> str:
        return f"erasure of {self.athlete_id}: {self.state}"
