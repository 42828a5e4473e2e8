"""Reading what an administrator does not normally read, for a reason and a short time."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from common import clock
from common.models import BaseModel, CiphertextField


class BreakGlass(BaseModel):
    """One use: who, why, from `created_at` until `expires_at` or `closed_at`; compliance reviews it afterwards."""

    user = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    reason = CiphertextField(help_text="Encrypted under the administrator's key.")
    expires_at = models.DateTimeField(editable=False)
    closed_at = models.DateTimeField(null=True, editable=False)
    reviewed_at = models.DateTimeField(null=True, editable=False)
    reviewed_by_id = models.UUIDField(null=True, editable=False)
    review_note = CiphertextField(null=True, help_text="Encrypted under the reviewer's key.")

    class Meta:
        db_table = "break_glass"
        verbose_name = verbose_name_plural = "break-glass"
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["user", "-expires_at"], name="break_glass_open")]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="break_glass_ends"),
            models.CheckConstraint(
                condition=Q(reviewed_at=None, reviewed_by_id=None)
                | (Q(reviewed_at__isnull=False, reviewed_by_id__isnull=False) & ~Q(reviewed_by_id=F("user_id"))),
                name="break_glass_reviewed_by_another",
            ),
        ]

    def __str__(self) -> str:
        return f"break-glass of {self.user_id} until {self.expires_at:%H:%M}"

    @property
    def is_open(self) -> bool:
        """Return whether it still lets its user read."""
        return self.closed_at is None and self.expires_at > clock.now()
