"""Events as the database has them today, also where somebody put something there that no column can hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from audit import merkle
from audit.canonical import COLUMNS, pack
from audit.models import AuditEvent


def hashes_of(event_ids: Sequence[UUID]) -> Iterator[tuple[UUID, bytes]]:
    """Yield (id, leaf hash) of the events among these that exist, as they are today; b"" if unreadable."""
    for event_id, row in readable_rows(AuditEvent.objects.filter(pk__in=event_ids), COLUMNS).items():
        try:
            yield event_id, merkle.leaf_hash(pack(*row)) if row else b""
        except (TypeError, ValueError, AttributeError):
            yield event_id, b""


def readable_rows(rows: QuerySet[Any], columns: Sequence[str]) -> dict[Any, tuple[Any, ...] | None]:
    """Return rows by their key, the first of `columns`; None for one that holds what its type cannot (SQLite)."""
    try:
        return {row[0]: row for row in rows.values_list(*columns)}
    except (TypeError, ValueError, AttributeError):
        keys = list(rows.values_list("pk", flat=True))
        return {key: _read(rows.filter(pk=key), columns) for key in keys}


def _read(row: QuerySet[Any], columns: Sequence[str]) -> tuple[Any, ...] | None:
    try:
        found: tuple[Any, ...] = row.values_list(*columns).get()
        return found
    except (TypeError, ValueError, AttributeError):
        return None
