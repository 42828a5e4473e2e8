"""How many requests, how fast: counted by minute, without anything about a person."""

from __future__ import annotations

from django.db import models

from common.models.base import BaseModel


class RequestRollup(BaseModel):
    """One flush of one process; a minute's numbers are the sum of its rows.

    `latency` counts requests by the upper edge of their bucket in ms (`common.latency`); `total_ms` is the sum.
    """

    minute = models.DateTimeField()
    route = models.CharField(max_length=200)
    method = models.CharField(max_length=10)
    status_class = models.CharField(max_length=3)
    count = models.PositiveIntegerField()
    total_ms = models.FloatField(default=0.0, db_default=0.0)
    latency = models.JSONField(default=dict)

    class Meta:
        db_table = "request_rollups"
        indexes = [models.Index(fields=["minute", "route"], name="request_rollups_by_minute")]

    def __str__(self) -> str:
        return f"{self.minute:%H:%M} {self.method} {self.route} {self.status_class}: {self.count}"
