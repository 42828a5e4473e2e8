"""The base of every table: a time-ordered key and the moment of creation by our own clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

from common import clock
from common.ids import uuid7


class BaseModel(models.Model):
    """`id` is a UUIDv7, `created_at` comes from `common.clock` so that simulations can set it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        abstract = True


if TYPE_CHECKING:
    BinaryField = models.BinaryField[Any, Any]
else:
    BinaryField = models.BinaryField


class CiphertextField(BinaryField):
    """Bytes made by `common.keys.encrypt_for`; always read as `bytes`, so that equality and hashes work everywhere."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> bytes | None:
        """Return `bytes` whatever the driver gives (psycopg hands out memoryviews)."""
        return None if value is None else bytes(value)
