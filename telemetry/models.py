"""The outbox: events wait here, written with the change that they tell, until the relay has published them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from common import clock
from common.models import BaseModel
from telemetry.alert_models import AlertIncident, AlertNotice, AlertRule, AlertState, Channel
from telemetry.probe_models import AvailabilityProbe

__all__ = [
    "AlertIncident",
    "AlertNotice",
    "AlertRule",
    "AlertState",
    "AvailabilityProbe",
    "Channel",
    "DeadLetter",
    "InboxEntry",
    "OutboxEvent",
]


class OutboxEvent(BaseModel):
    """One CloudEvent (1.0, structured JSON) in `data`; the other columns are for the relay.

    attempts, next_try_at: of an event that could not be published; until then its aggregate waits.
    """

    type = models.CharField(max_length=100)
    aggregate_id = models.UUIDField()
    partition = models.PositiveSmallIntegerField()
    data = models.JSONField()
    occurred_at = models.DateTimeField(default=clock.now)
    published_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "telemetry_outbox"
        indexes: ClassVar = [
            models.Index(
                fields=["partition", "id"], name="telemetry_outbox_waiting", condition=Q(published_at__isnull=True)
            ),
            models.Index(
                fields=["partition", "aggregate_id"],
                name="telemetry_outbox_blocked",
                condition=Q(published_at__isnull=True, next_try_at__isnull=False),
            ),
            models.Index(fields=["type", "occurred_at"], name="telemetry_outbox_by_type"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"


class DeadLetter(BaseModel):
    """An event that could not be published, taken out of the outbox under the same id; a person may put it back."""

    type = models.CharField(max_length=100)
    aggregate_id = models.UUIDField()
    partition = models.PositiveSmallIntegerField()
    data = models.JSONField()
    occurred_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField()
    reason = models.CharField(max_length=300)

    class Meta:
        db_table = "telemetry_dead_letters"
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"


class InboxEntry(BaseModel):
    """A consumer has handled an event: whoever brings it again is turned away."""

    consumer = models.CharField(max_length=100)
    event_id = models.UUIDField()

    class Meta:
        db_table = "telemetry_inbox"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["consumer", "event_id"], name="telemetry_inbox_once"),
        ]

    def __str__(self) -> str:
        return f"{self.consumer} {self.event_id}"


class Scope(models.TextChoices):
    PERSON = "person", "Everything about a person"
    EXPERIMENTS = "experiments", "The experiments somebody was in"


class Forgetting(BaseModel):
    """Somebody was erased, or withdrew consent to experiments: what already left is cleaned of them.

    until: what happened up to then. done_at: None until outbox, dead letters and files are clean. Rows stay, so that an
    event that comes late goes as well.
    """

    subject_id = models.UUIDField()
    scope = models.CharField(max_length=12, choices=Scope)
    until = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "telemetry_forgettings"
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(scope__in=Scope.values), name="forgetting_scope_known"),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.id}"
