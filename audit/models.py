"""Audit events: written once, in the transaction of what they tell, and never changed (triggers in the database)."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.db import models

from audit.heads import TreeHead
from common import clock
from common.ids import uuid7
from common.models import CiphertextField

NOBODY = UUID(int=0)


class CommitOrder(models.Expression):
    """The order in which transactions may count as done: PostgreSQL's transaction id; on SQLite, with one writer at a
    time, the next number."""

    output_field = models.BigIntegerField()

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[str | int, ...]]:
        """Return the SQL of a value to insert."""
        if connection.vendor == "postgresql":
            return "audit_commit_order()", ()
        return "coalesce((SELECT max(xact_id) FROM audit_events), 0) + 1", ()


class CommitOrderField(models.BigIntegerField[int | None, int | None]):
    """Filled by the database on insert, unless a restored row brings its value along."""

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Return the value, or the expression that makes it."""
        value = super().pre_save(model_instance, add)
        return CommitOrder() if value is None and add else value


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
    xact_id = CommitOrderField(editable=False)

    class Meta:
        db_table = "audit_events"
        indexes = [
            models.Index(fields=["xact_id", "id"], name="audit_events_to_seal"),
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


class AuditLeaf(models.Model):
    """Where an event stands in the log: its leaf hash (32 bytes), and a mark that only who has the key can make."""

    leaf_index = models.BigIntegerField(primary_key=True)
    event_id = models.UUIDField(unique=True)
    leaf_hash = CiphertextField()
    mac = CiphertextField()

    class Meta:
        db_table = "audit_leaves"

    def __str__(self) -> str:
        return f"leaf {self.leaf_index}"


class AuditNode(models.Model):
    """The hash over a complete subtree of at least 256 leaves, so that a proof reads few rows of a large log."""

    LOWEST_LEVEL: ClassVar[int] = 8

    pk = models.CompositePrimaryKey("level", "position")
    level = models.PositiveSmallIntegerField()
    position = models.BigIntegerField()
    node_hash = CiphertextField()

    class Meta:
        db_table = "audit_nodes"

    def __str__(self) -> str:
        return f"node {self.level}/{self.position}"


class AuditSeal(models.Model):
    """A signed tree head; `peaks` are the roots of its complete subtrees, from which sealing goes on.

    `last_xact_id` and `last_event_id` are of its last event: sealing follows the order (xact_id, id).
    """

    number = models.BigIntegerField(primary_key=True)
    tree_size = models.BigIntegerField(unique=True)
    root_hash = CiphertextField()
    sealed_at = models.DateTimeField()
    previous_hash = CiphertextField()
    key_version = models.PositiveIntegerField()
    key_id = models.CharField(max_length=64)
    signature = CiphertextField()
    peaks = CiphertextField()
    last_xact_id = models.BigIntegerField()
    last_event_id = models.UUIDField()

    class Meta:
        db_table = "audit_seals"
        indexes = [models.Index(fields=["sealed_at"], name="audit_seals_by_time")]

    def __str__(self) -> str:
        return f"seal {self.number} over {self.tree_size} events"

    @property
    def head(self) -> TreeHead:
        """Return the signed part."""
        return TreeHead(
            number=self.number,
            tree_size=self.tree_size,
            root_hash=self.root_hash,
            sealed_at=self.sealed_at,
            previous_hash=self.previous_hash,
            key_version=self.key_version,
            key_id=self.key_id,
            signature=self.signature,
        )
