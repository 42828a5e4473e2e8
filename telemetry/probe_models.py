"""What was seen of the service from outside, minute by minute."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from common.models import BaseModel


class AvailabilityProbe(BaseModel):
    """One look at `/health/ready` from outside: whether the service answered, in a minute that nobody counts twice.

    milliseconds: until the answer was there; null where none came. failure: why it counts as down, without an address.
    """

    name = models.CharField(max_length=60, help_text="Which prober looked, at which address.")
    minute = models.DateTimeField()
    is_up = models.BooleanField()
    milliseconds = models.FloatField(null=True)
    failure = models.CharField(max_length=100, blank=True)

    class Meta:
        db_table = "availability_probes"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["minute", "name"], name="one_probe_a_minute"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.minute:%H:%M}: {'up' if self.is_up else 'down'}"
