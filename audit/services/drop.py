"""Dropping events whose time is over: whole segments, sealed and archived, as the owner of the table.

A segment goes only if the archive gives back every event of it, byte for byte as the database has it; if all of it is
over; and if no legal hold names anybody in it. Leaves, nodes and seals stay, and the newest segment does: new events
are ordered after what it holds.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final
from uuid import UUID

from django.db.models import Max, Min, QuerySet

from audit.archive.segments import ArchivedEvent, BadSegment, range_of
from audit.archive.stores import Store
from audit.dropped import DROPPED, archive_or_why_not, dropped_events, verified_segment
from audit.keys import signing_keys
from audit.models import AuditEvent, AuditLeaf, AuditSeal
from audit.reconciliation import time_of
from audit.rows import hashes_of
from audit.services.record import record
from common.context import unit_of_work
from common.retention import RETENTION, Part, Rule, guard_lifted, held_ids

logger = logging.getLogger("mesocycle.audit")

REMOVAL: Final = "retention.remove"
_CHUNK: Final = 4_000


class _Stays(Exception):
    """Why a segment is not dropped."""


@dataclass(frozen=True)
class _Segment:
    """The leaves [first, size) as the archive names them."""

    name: str
    first: int
    size: int

    def events(self) -> QuerySet[AuditEvent]:
        """Return its events that are in the database."""
        leaves = AuditLeaf.objects.filter(leaf_index__gte=self.first, leaf_index__lt=self.size)
        return AuditEvent.objects.filter(pk__in=leaves.values("event_id"))


def drop_segments(rule: Rule, now: datetime, dry_run: bool) -> list[Part]:
    """Drop every segment that may go, each in a transaction of its own; return a line for each that has something over.

    With `dry_run` nothing is dropped, and the lines say what would be.
    """
    if rule.keep is None:
        return []
    place, why_not = archive_or_why_not()
    limit, parts = now - rule.keep, []
    for segment in _segments(place):
        with unit_of_work(RETENTION, read_only=True):
            found = segment.events().aggregate(oldest=Min("occurred_at"), newest=Max("occurred_at"))
            sealed = AuditSeal.objects.filter(tree_size=segment.size, sealed_at__lt=limit).exists()
        if found["oldest"] is not None and found["oldest"] < limit:
            assert place is not None
            parts.append(_drop(segment, place, rule, found["newest"] >= limit or not sealed, dry_run))
    with unit_of_work(RETENTION, read_only=True):
        outside = _outside(_segments(place), limit)
    if outside:
        parts.append(Part("not in the archive", outside, 0, why_not or "stays: run `manage.py audit archive`"))
    return parts


def _segments(place: Store | None) -> list[_Segment]:
    names = place.names() if place else []
    return [_Segment(name, *found) for name in names if (found := range_of(name))]


def _outside(segments: list[_Segment], limit: datetime) -> int:
    """Return how many events are over and stand behind the last segment."""
    archived = max((segment.size for segment in segments), default=0)
    inside = AuditLeaf.objects.filter(leaf_index__lt=archived).values("event_id")
    return AuditEvent.objects.filter(occurred_at__lt=limit).exclude(pk__in=inside).count()


def _drop(segment: _Segment, place: Store, rule: Rule, too_young: bool, dry_run: bool) -> Part:
    try:
        if too_young:
            raise _Stays("part of it is not over yet")
        with unit_of_work(RETENTION, read_only=True):
            held = held_ids()
            rows = _check(segment, place, held)
        if not dry_run:
            with unit_of_work(RETENTION):
                _drop_checked(segment, rule, rows, held)
            logger.info("audit segment dropped", extra={"segment": segment.name, "events": rows})
    except _Stays as why:
        with unit_of_work(RETENTION, read_only=True):
            return Part(segment.name, segment.events().count(), 0, f"stays: {why}")
    return Part(segment.name, rows, 0 if dry_run else rows, "would go" if dry_run else "dropped")


def _check(segment: _Segment, place: Store, held: frozenset[UUID]) -> int:
    """Return how many events the database has of a segment that may go.

    Raises:
        _Stays: it is the newest; archive and database do not agree on it; a legal hold names somebody in it.
    """
    newest = AuditSeal.objects.order_by("-number").values_list("tree_size", flat=True).first() or 0
    if segment.size >= newest:
        raise _Stays("the newest tree ends with it")
    names = [str(pk).encode() for pk in held]
    rows, missing = 0, 0
    try:
        for some in _chunks(verified_segment(place, segment.name, segment.first, signing_keys())):
            if any(name in one.canonical for one in some for name in names):
                raise _Stays("a legal hold names somebody in it")
            there = _agreeing(some)
            rows, missing = rows + there, missing + len(some) - there
    except (BadSegment, OSError) as error:
        raise _Stays(f"the archive does not verify: {error}") from error
    # Rows that were put back after an earlier drop go again, also where only some were.
    if missing and segment.first not in dropped_events():
        raise _Stays("events of it are gone from the database: run `manage.py audit verify`")
    return rows


def _agreeing(some: list[ArchivedEvent]) -> int:
    """Return how many of the archived events the database has, exactly so and under these leaves."""
    leaves = AuditLeaf.objects.filter(leaf_index__gte=some[0].leaf_index, leaf_index__lte=some[-1].leaf_index)
    stored = {
        index: (event_id, bytes(value))
        for index, event_id, value in leaves.values_list("leaf_index", "event_id", "leaf_hash")
    }
    today = dict(hashes_of([one.event_id for one in some]))
    for one in some:
        same_event = today.get(one.event_id, one.leaf_hash) == one.leaf_hash
        if stored.get(one.leaf_index) != (one.event_id, one.leaf_hash) or not same_event:
            raise _Stays(f"leaf {one.leaf_index} is another in the archive: run `manage.py audit verify`")
    return len(today)


def _drop_checked(segment: _Segment, rule: Rule, rows: int, held: frozenset[UUID]) -> None:
    """Delete the events and record it, inside the caller's transaction.

    While the guard is lifted nobody else writes events, so that a hold that is being placed (it is recorded) either
    counts here or comes afterwards.
    """
    last = segment.events().order_by("-id").values_list("id", flat=True)[0]
    # Read first: the event that tells what was dropped so far may be in this very segment.
    dropped = dropped_events().with_range(segment.first, segment.size, time_of(last))
    with guard_lifted(rule.table):
        if held_ids() != held:
            raise _Stays("a legal hold was placed or lifted meanwhile")
        removed, _ = segment.events().delete()
        if removed != rows:
            raise _Stays("its events changed meanwhile: run `manage.py audit verify`")
    metadata = {"table": rule.table, "rows": rows, "keep_days": rule.keep.days if rule.keep else 0}
    action = record(REMOVAL, target_id=None, metadata={**metadata, "segment": segment.name})
    record(DROPPED, target_id=None, metadata=dropped.as_metadata(), linked_to=action)


def _chunks(rows: Iterable[Any]) -> Iterator[list[ArchivedEvent]]:
    events = (one for one in rows if isinstance(one, ArchivedEvent))
    while some := list(islice(events, _CHUNK)):
        yield some
