"""What people were told of, or will be, because it lasts."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class StandingAlert(models.Model):
    """A condition that held at the last look; gone with the look that does not find it any more."""

    key = models.CharField(primary_key=True, max_length=140)
    since = models.DateTimeField(help_text="The first look that found it.")
    told_at = models.DateTimeField(null=True, help_text="Null while it has not lasted long enough.")

    class Meta:
        db_table = "standing_alerts"
        ordering: ClassVar = ["key"]

    def __str__(self) -> str:
        return self.key
