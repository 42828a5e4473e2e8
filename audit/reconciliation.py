"""Reconciliation: what the tables say happened against what the log says, both ways.

Sealing cannot see an event that was never written. So apps register which of their rows come with which events; the log
knows none of their tables. Row and event are written in one transaction and name the same key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from audit.models import AuditEvent
from common.registries import Registry

# A row and its event are written within one transaction, which lasts less than this.
MARGIN: Final = timedelta(hours=1)
_WINDOW: Final = timedelta(days=1)
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Row:
    """A row that must have its event: `key` is what both name."""

    key: str
    target_id: UUID
    subject_id: UUID | None
    what: str


@dataclass(frozen=True)
class Fact:
    """What an event says, as far as a key needs it."""

    action: str
    target_id: UUID | None
    metadata: dict[str, Any]


@dataclass(frozen=True)
class Reconciliation:
    """rows: the rows written in [since, until), by real time. key_of: the key an event of `actions` names, or None.

    urgent: compared each minute, not only at night; so it has to be cheap.
    """

    name: str
    actions: frozenset[str]
    rows: Callable[[datetime, datetime], Iterable[Row]]
    key_of: Callable[[Fact], str | None]
    urgent: bool = False


RECONCILIATIONS: Registry[Reconciliation] = Registry("reconciliations", required=("plan versions", "reviews", "roles"))


@dataclass(frozen=True)
class Discrepancy:
    """side: `row without event` or `event without row`."""

    reconciliation: str
    side: str
    key: str
    what: str
    target_id: UUID | None
    subject_id: UUID | None


def id_at(moment: datetime) -> UUID:
    """Return the least UUIDv7 of a moment: ids are ordered by real time, whatever clock the rows show."""
    milliseconds = int((moment - _BEGINNING) / timedelta(milliseconds=1))
    return UUID(int=max(milliseconds, 0) << 80)


def windows(since: datetime | None, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the days from `since` on (None: everything) up to `until`, so that memory does not grow with the log.

    What lies before the first event is one window.
    """
    begin = since or _BEGINNING
    first = AuditEvent.objects.order_by("id").values_list("id", flat=True).first()
    start = min(time_of(first), until) if first else until
    if begin < start:
        yield begin, start
        begin = start
    while begin < until:
        end = min(begin + _WINDOW, until)
        yield begin, end
        begin = end


def discrepancies(item: Reconciliation, since: datetime, until: datetime) -> list[Discrepancy]:
    """Return what has no counterpart among what was written in [since, until).

    A transaction may commit between the two reads: what is found is looked at again, and counts if it is found twice.
    """
    found = _found(item, since, until)
    again = set(_found(item, since, until)) if found else set()
    return [one for one in found if one in again]


def _found(item: Reconciliation, since: datetime, until: datetime) -> list[Discrepancy]:
    before, after = max(since, _BEGINNING + MARGIN) - MARGIN, until + MARGIN
    rows, near_rows = list(item.rows(since, until)), {row.key for row in item.rows(before, after)}
    events, near_events = dict(_events(item, since, until)), {key for key, _ in _events(item, before, after)}
    lost = [
        Discrepancy(item.name, "row without event", row.key, row.what, row.target_id, row.subject_id)
        for row in rows
        if row.key not in near_events and not _is_told_elsewhere(item, row)
    ]
    made_up = [
        Discrepancy(item.name, "event without row", key, f"{event.action}, event {event.pk}", event.target_id,
                    event.subject_id)
        for key, event in events.items()
        if key not in near_rows
    ]  # fmt: skip
    return lost + made_up


def _is_told_elsewhere(item: Reconciliation, row: Row) -> bool:
    """Return whether the event is there, farther from its row than `MARGIN`: a clock may jump within a transaction."""
    told = AuditEvent.objects.filter(action__in=item.actions, target_id=row.target_id)
    return any(item.key_of(Fact(one.action, one.target_id, one.metadata_json)) == row.key for one in told.iterator())


def _events(item: Reconciliation, since: datetime, until: datetime) -> Iterator[tuple[str, AuditEvent]]:
    events = AuditEvent.objects.filter(action__in=item.actions, pk__gte=id_at(since), pk__lt=id_at(until))
    for event in events.order_by("id").iterator(chunk_size=1_000):
        key = item.key_of(Fact(event.action, event.target_id, event.metadata_json))
        if key is not None:
            yield key, event


def time_of(id7: UUID) -> datetime:
    """Return when a UUIDv7 was made, by real time, to the millisecond."""
    return _BEGINNING + timedelta(milliseconds=id7.int >> 80)
