"""Refresh tokens, so that each is used once and a stolen one ends its family."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from common.models import BaseModel


class RefreshToken(BaseModel):
    """One refresh token; its id is the token's `jti`, its family is the log-in it descends from."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="refresh_tokens")
    family = models.UUIDField()
    expires_at = models.DateTimeField()
    consumed_at = models.DateTimeField(null=True)
    successor_id = models.UUIDField(null=True, help_text="The token that it was exchanged for.")
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["family"], name="refresh_family")]

    def __str__(self) -> str:
        return f"refresh token of {self.user_id}"
