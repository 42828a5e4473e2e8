"""What a person should hear: a row in their list, and an e-mail that may come later."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from common.models import BaseModel


class Notification(BaseModel):
    """One notification of one user; `data` holds ids and plain facts, never what somebody wrote."""

    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="notifications")
    kind = models.CharField(max_length=40)
    subject_id = models.UUIDField(help_text="The athlete whom it concerns.")
    target_type = models.CharField(max_length=40)
    target_id = models.UUIDField()
    data = models.JSONField(default=dict)
    dedupe_key = models.CharField(max_length=120)
    read_at = models.DateTimeField(null=True)
    emailed_at = models.DateTimeField(null=True)
    email_attempts = models.PositiveSmallIntegerField(default=0)
    email_error = models.CharField(max_length=200, blank=True)

    class Meta:
        db_table = "notifications"
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["user", "-id"], name="notifications_of_user"),
            models.Index(fields=["id"], name="notifications_to_mail", condition=models.Q(emailed_at=None)),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "dedupe_key"], name="one_notification_a_cause"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.user_id}"
