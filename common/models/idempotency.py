"""Requests that were already answered, by the client's own key."""

from __future__ import annotations

from django.db import models

from common.models.base import BaseModel, CiphertextField


class IdempotencyKey(BaseModel):
    """Inserted first in the transaction of its effect: where that rolls back, the key is free again.

    `response_body` is ciphertext under the user's key, since answers may hold free text about a person.
    """

    key = models.CharField(max_length=255)
    user_id = models.UUIDField()
    method = models.CharField(max_length=10)
    path = models.CharField(max_length=500)
    body_sha256 = models.CharField(max_length=64)
    status = models.CharField(max_length=16, default="running")
    response_status = models.PositiveSmallIntegerField(null=True)
    response_headers = models.JSONField(default=dict)
    response_body = CiphertextField(null=True)

    class Meta:
        db_table = "idempotency_keys"
        constraints = [models.UniqueConstraint(fields=["user_id", "key"], name="idempotency_key_once_a_user")]
        indexes = [models.Index(fields=["created_at"], name="idempotency_keys_by_age")]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.key}"
