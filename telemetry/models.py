"""The outbox: events wait here, written with the change that they tell, until the relay has published them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from common import clock
from common.models import BaseModel


class OutboxEvent(BaseModel):
    """One CloudEvent (1.0, structured JSON) in `data`; the other columns are for the relay."""

    type = models.CharField(max_length=100)
    aggregate_id = models.UUIDField()
    partition = models.PositiveSmallIntegerField()
    data = models.JSONField()
    occurred_at = models.DateTimeField(default=clock.now)
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "telemetry_outbox"
        indexes = [
            models.Index(
                fields=["partition", "id"], name="telemetry_outbox_waiting", condition=Q(published_at__isnull=True)
            ),
            models.Index(fields=["type", "occurred_at"], name="telemetry_outbox_by_type"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"
