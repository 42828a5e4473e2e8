"""What went wrong: opened by a rollback or a kill, closed by people with a cause and a follow-up."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from common.history import tracked
from common.models import BaseModel


class IncidentStatus(models.TextChoices):
    OPEN = "open", "Open"
    ACKNOWLEDGED = "acknowledged", "Acknowledged"
    CLOSED = "closed", "Closed"


class Incident(BaseModel):
    """One incident; the evidence is frozen at the decision. A new run of the flag waits for an acknowledgement."""

    flag = models.ForeignKey("rollout.Flag", on_delete=models.PROTECT, related_name="incidents")
    rollout = models.ForeignKey(
        "rollout.Rollout", null=True, blank=True, on_delete=models.PROTECT, related_name="incidents"
    )
    title = models.CharField(max_length=200)
    automatic = models.BooleanField()
    status = models.CharField(max_length=12, choices=IncidentStatus, default=IncidentStatus.OPEN)
    evidence_json = models.JSONField(default=dict)
    cause = models.TextField(blank=True)
    follow_up = models.TextField(blank=True)
    acknowledged_by_id = models.UUIDField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    history = tracked("rollout_incidents_history")

    class Meta:
        db_table = "rollout_incidents"
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return self.title


class IncidentEntry(BaseModel):
    """One line of an incident's timeline; append-only."""

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="entries")
    at = models.DateTimeField()
    actor_id = models.UUIDField(null=True)
    actor = models.CharField(max_length=60)
    text = models.TextField()

    class Meta:
        db_table = "rollout_incident_entries"
        ordering: ClassVar = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.at:%H:%M:%S} {self.text[:60]}"
