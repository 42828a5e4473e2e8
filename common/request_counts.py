"""Requests as the roll-ups have them, added up by the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, FloatField, Func, Q, Sum
from django.db.models.functions import Cast

from common.latency import EDGES
from common.models import RequestRollup


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests of a route, method and class of status; `latency` counts by upper edge in ms, `total_ms` is the sum."""

    route: str
    method: str
    status_class: str
    count: int
    total_ms: float
    latency: dict[str, int]

    @property
    def failed(self) -> int:
        """How many were our own fault."""
        return self.count if self.status_class == "5xx" else 0


class Bucket(Func):
    """What stands under an edge in `latency`; Django's own transform takes a key of digits for a place in a list."""

    output_field = FloatField()
    template = "(%(expressions)s ->> '%(edge)s')"

    def __init__(self, edge: str) -> None:
        assert edge in EDGES  # it becomes part of the statement
        super().__init__(F("latency"), edge=edge)

    def as_sqlite(self, compiler: Any, connection: Any, **more: Any) -> Any:
        """Name the key as SQLite does."""
        return self.as_sql(compiler, connection, template="json_extract(%(expressions)s, '$.\"%(edge)s\"')", **more)


def requests_between(since: datetime, until: datetime) -> list[Requests]:
    """Return what was counted in [since, until), by minute; one query, in the caller's unit of work."""
    return requests_where(Q(minute__gte=since, minute__lt=until))


def requests_where(condition: Q) -> list[Requests]:
    """Return what was counted in the roll-ups of a condition."""
    edges: dict[str, Any] = {f"edge_{edge}": Sum(Cast(Bucket(edge), FloatField()), default=0.0) for edge in EDGES}
    by = ("route", "method", "status_class")
    rows = RequestRollup.objects.filter(condition).order_by(*by).values(*by)
    return [
        Requests(
            row["route"],
            row["method"],
            row["status_class"],
            row["requests"],
            row["milliseconds"],
            {edge: int(row[f"edge_{edge}"]) for edge in EDGES if row[f"edge_{edge}"]},
        )
        for row in rows.annotate(requests=Sum("count"), milliseconds=Sum("total_ms"), **edges)
    ]
