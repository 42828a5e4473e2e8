"""Leases: of several processes that could do something, the one that does it."""

from __future__ import annotations

from django.db import models


class Lease(models.Model):
    """Who leads, and until when unless they renew it.

    term: grows with each change of holder, so that a holder who slept through its end can tell.
    """

    name = models.CharField(primary_key=True, max_length=40)
    holder = models.CharField(max_length=120, help_text="host:pid:start")
    term = models.PositiveBigIntegerField(default=1)
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "leases"

    def __str__(self) -> str:
        return f"{self.name}: {self.holder}"
