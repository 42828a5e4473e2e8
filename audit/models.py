"""Audit events: written once, in the transaction of what they tell, and never changed (triggers in the database)."""

from __future__ import annotations

from uuid import UUID

from django.db import models

from common import clock
from common.ids import uuid7
from common.models import CiphertextField

NOBODY = UUID(int=0)


class AuditEvent(models.Model):
    """Who did what to what (B7). No foreign keys out: the event outlives everything that it names.

    `origin_ip` and `user_agent` are ciphertext of the actor, free text in the metadata is ciphertext of the subject
    (`origin_key_of`, `text_key_of`); erasing a person destroys their key, the event and its hash stay.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    occurred_at = models.DateTimeField(default=clock.now, editable=False)
    actor_id = models.UUIDField(null=True, editable=False)
    actor_role = models.CharField(max_length=64, editable=False)
    action = models.CharField(max_length=64, editable=False)
    target_type = models.CharField(max_length=64, editable=False)
    target_id = models.UUIDField(null=True, editable=False)
    subject_id = models.UUIDField(null=True, editable=False)
    linked_event_id = models.UUIDField(null=True, editable=False)
    request_id = models.UUIDField(editable=False)
    metadata_json = models.JSONField(default=dict, editable=False)
    origin_ip = CiphertextField(null=True)
    user_agent = CiphertextField(null=True)

    class Meta:
        db_table = "audit_events"
        indexes = [
            models.Index(fields=["actor_id", "-id"], name="audit_events_by_actor"),
            models.Index(fields=["subject_id", "-id"], name="audit_events_by_subject"),
            models.Index(fields=["target_id", "-id"], name="audit_events_by_target"),
            models.Index(fields=["action", "-id"], name="audit_events_by_action"),
            models.Index(fields=["occurred_at"], name="audit_events_by_time"),
            models.Index(fields=["request_id"], name="audit_events_by_request"),
        ]

    def __str__(self) -> str:
        return f"{self.occurred_at:%Y-%m-%d %H:%M:%S} {self.action} {self.target_type} {self.target_id or ''}"

    @property
    def origin_key_of(self) -> UUID:
        """Return whose key encrypts origin and user agent: the actor's, else the subject's, else nobody's."""
        return self.actor_id or self.subject_id or NOBODY

    @property
    def text_key_of(self) -> UUID:
        """Return whose key encrypts free text in the metadata: the subject's, else the actor's, else nobody's."""
        return self.subject_id or self.actor_id or NOBODY
