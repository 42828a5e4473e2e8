"""One data key a person: erasing a person is destroying their key."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from common.models.base import BaseModel, CiphertextField


class SubjectKey(BaseModel):
    """A person's 256-bit data key, wrapped by master key number `version`; empty once destroyed."""

    subject_id = models.UUIDField(unique=True)
    version = models.PositiveSmallIntegerField()
    wrapped_key = CiphertextField()
    destroyed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "subject_keys"
        constraints = [
            models.CheckConstraint(
                condition=Q(destroyed_at__isnull=True) | Q(wrapped_key=b""), name="subject_keys_destroyed_is_empty"
            )
        ]

    def __str__(self) -> str:
        return str(self.subject_id)
