"""Which sealed events were dropped when their time was over, and what the archive still has of them.

Leaves, inner nodes and seals stay for ever: hashes, without content. So the tree, its heads and every proof still
stand, and a dropped event is checked by the bytes that its segment in the archive holds.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from audit import merkle
from audit.archive.segments import ArchivedEvent, BadSegment, is_head, range_of, read_segment
from audit.archive.stores import Store, store
from audit.errors import EventDropped
from audit.heads import SigningKeys
from audit.models import AuditEvent, AuditLeaf, AuditSeal
from audit.tree import tree_of
from common import clock

# The state after a drop (B6): the newest such event names all that was ever dropped. It is never dropped before a
# newer one is written, since what is newest goes last.
DROPPED: Final = "audit.dropped"

Range = tuple[int, int]


@dataclass(frozen=True)
class Dropped:
    """ranges: [begin, end) of leaves, in order and apart; until: when the newest of their events was written, by real
    time (None: nothing was dropped)."""

    ranges: tuple[Range, ...] = ()
    until: datetime | None = None

    def __contains__(self, index: int) -> bool:
        found = bisect_right(self.ranges, (index, 1 << 62)) - 1
        return found >= 0 and self.ranges[found][0] <= index < self.ranges[found][1]

    def with_range(self, begin: int, end: int, until: datetime) -> Dropped:
        """Return what is dropped once the leaves [begin, end) are as well."""
        return Dropped(merged([*self.ranges, (begin, end)]), max(until, self.until or until))

    def as_metadata(self) -> dict[str, Any]:
        """Return what the event says."""
        return {"ranges": [list(one) for one in self.ranges], "until": self.until.isoformat() if self.until else None}


def merged(ranges: list[Range]) -> tuple[Range, ...]:
    """Return the same leaves as ranges in order that neither touch nor overlap."""
    found: list[Range] = []
    for begin, end in sorted(ranges):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((begin, end))
    return tuple(found)


def dropped_events() -> Dropped:
    """Return what the newest `audit.dropped` event says; nothing where it says what no such event does."""
    event = AuditEvent.objects.filter(action=DROPPED).order_by("-id").first()
    try:
        said = event.metadata_json if event else {"ranges": [], "until": None}
        ranges = merged([(int(begin), int(end)) for begin, end in said["ranges"]])
        return Dropped(ranges, datetime.fromisoformat(said["until"]) if said["until"] else None)
    except (KeyError, TypeError, ValueError):
        return Dropped()


def over_before() -> datetime | None:
    """Return the moment before which events are over (`AUDIT_RETENTION_DAYS`), None where they are kept for ever.

    What an event says was dropped is believed for what is older alone: whoever can write events, or delete some, must
    not be able to explain away what is missing.
    """
    days = settings.RETENTION["audit"]
    return clock.now() - timedelta(days=days) if days else None


def archive_or_why_not() -> tuple[Store | None, str]:
    """Return the archive, or None and why there is none."""
    try:
        return store(), ""
    except ImproperlyConfigured as error:
        return None, str(error)


class ArchivedLeaves:
    """Leaf hashes of dropped events as the archive gives them, asked for in the order of the log.

    Each segment is read once and only where it is needed; `problems` says what is wrong with one.
    """

    def __init__(self, place: Store | None, keys: SigningKeys) -> None:
        self._place, self._keys = place, keys
        self._segments = [(*found, name) for name in place.names() if (found := range_of(name))] if place else []
        self._open: dict[str, Iterator[ArchivedEvent]] = {}
        self.problems: list[str] = []

    def hashes(self, begin: int, end: int) -> dict[int, bytes]:
        """Return {leaf index: leaf hash, 32 bytes} of what the archive has of the leaves [begin, end)."""
        found: dict[int, bytes] = {}
        for first, size, name in self._segments:
            if first < end and begin < size:
                rows = self._open.setdefault(name, self._events(name, first))
                for event in rows:
                    if event.leaf_index >= begin:
                        found[event.leaf_index] = event.leaf_hash
                    if event.leaf_index == end - 1 and end < size:  # else to the end, where the last head stands
                        break
        return found

    def _events(self, name: str, first: int) -> Iterator[ArchivedEvent]:
        assert self._place is not None
        try:
            for one in verified_segment(self._place, name, first, self._keys):
                if isinstance(one, ArchivedEvent):
                    yield one
        except (BadSegment, OSError) as error:
            self.problems.append(f"{name}: {error}")


def verified_segment(place: Store, name: str, first: int, keys: SigningKeys) -> Iterator[Any]:
    """Yield the events and heads of the segment that begins with leaf `first`, as `read_segment` does.

    Raises:
        BadSegment: the log has no seal where it begins, or it does not verify.
    """
    seal = AuditSeal.objects.filter(tree_size=first).first()
    if first and seal is None:
        raise BadSegment(f"the log has no seal over {first} events, where this segment begins")
    try:
        tree = tree_of(seal)
    except ValueError as error:
        raise BadSegment(str(error)) from error
    yield from read_segment(place.read(name), tree, keys)


def archived_bytes(leaf: AuditLeaf) -> bytes:
    """Return the canonical bytes of a dropped event from the archive; they have the leaf's hash.

    Raises:
        EventDropped: the archive does not hold it, holds something else in its place, or cannot be read.
    """
    place, why = archive_or_why_not()
    try:
        line = _line_of(place, leaf.leaf_index) if place else None
    except OSError as error:
        line, why = None, str(error)
    if line is None or merkle.leaf_hash(line) != bytes(leaf.leaf_hash):
        told = why or ("the archive does not hold it" if line is None else "the archive holds something else")
        raise EventDropped(f"The event was dropped from the database when its time was over, and {told}.")
    return line


def _line_of(place: Store, index: int) -> bytes | None:
    for name in place.names():
        found = range_of(name)
        if found and found[0] <= index < found[1]:
            lines = iter(place.read(name))
            next(lines, None)
            events = (line for line in lines if not is_head(line))
            return next((line for at, line in enumerate(events, start=found[0]) if at == index), None)
    return None
