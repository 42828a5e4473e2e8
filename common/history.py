"""simple-history as we use it: the actor as a plain id, taken from the open unit of work, so rows survive their
user."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from simple_history.models import HistoricalRecords

from common import clock
from common.actors import actor_id_or_none


def _actor(historical_instance: Any) -> uuid.UUID | None:
    return historical_instance.history_user_id


def _set_actor(historical_instance: Any, user: Any) -> None:
    """Prefer the actor of the unit of work; the request's user is the same person where both exist."""
    historical_instance.history_user_id = actor_id_or_none() or getattr(user, "pk", None)


class _Records(HistoricalRecords):  # type: ignore[misc]
    """History by our clock: a change of a virtual day is not of today."""

    def create_historical_record(self, instance: Any, history_type: str, using: str | None = None) -> None:
        instance._history_date = clock.now()
        try:
            super().create_historical_record(instance, history_type, using)
        finally:
            del instance._history_date


def tracked(table: str, *, excluded_fields: list[str] | None = None) -> HistoricalRecords:
    """Return the history field of a model with a mutable head.

    The migration that creates `table` must make it append-only (`common.db_operations.AppendOnly`).
    """
    return _Records(
        table_name=table,
        history_id_field=models.UUIDField(default=uuid.uuid4),
        history_user_id_field=models.UUIDField(null=True, blank=True),
        history_user_getter=_actor,
        history_user_setter=_set_actor,
        excluded_fields=excluded_fields or [],
    )
