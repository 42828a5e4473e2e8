"""How often somebody did something within a window."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class ThrottleCounter(models.Model):
    """One count of one person (or address) and scope in one window; the key says which, without naming them."""

    key = models.CharField(primary_key=True, max_length=100)
    count = models.PositiveIntegerField()
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "throttle_counters"
        indexes: ClassVar = [models.Index(fields=["expires_at"], name="throttle_counters_by_expiry")]

    def __str__(self) -> str:
        return f"{self.key}: {self.count}"
