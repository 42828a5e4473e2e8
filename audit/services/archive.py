"""Archiving sealed segments, and restoring the log from them."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Final

from django.conf import settings

from audit import merkle
from audit.archive.segments import (
    ArchivedEvent,
    BadSegment,
    first_line,
    head_line,
    name_of,
    range_of,
    read_all,
)
from audit.archive.stores import Store, store
from audit.canonical import COLUMNS, pack, unpack
from audit.errors import ArchiveConflict
from audit.heads import SigningKeys, TreeHead, leaf_mac
from audit.keys import signing_keys
from audit.merkle import CompactRange
from audit.models import AuditEvent, AuditLeaf, AuditNode, AuditSeal
from audit.tree import tree_of
from common import clock
from common.context import register_service, unit_of_work

logger = logging.getLogger("mesocycle.audit")

ARCHIVER = register_service("archiver")
SEGMENT: Final = 100_000
_CHUNK: Final = 4_000


@dataclass(frozen=True)
class Restored:
    """How many events, leaves and seals were put back, and how many events the archive holds."""

    archived: int
    events: int
    leaves: int
    seals: int


def archive(*, most: int = SEGMENT) -> list[str]:
    """Write what was sealed since the last segment into new ones of about `most` events; return their names.

    Every event is hashed again and must lead to its head: a log that was tampered with is not archived.

    Raises:
        ArchiveConflict: the log does not verify, or does not continue the archive.
        ImproperlyConfigured: the archive cannot be used as it is configured.
    """
    place = store()
    written: list[str] = []
    until = clock.now() + timedelta(days=settings.AUDIT_RETENTION_DAYS)
    while True:
        with unit_of_work(ARCHIVER, read_only=True), tempfile.TemporaryDirectory() as folder:
            seals = _next_seals(archived_size(place), most)
            if seals is None:
                return written
            first, last = seals
            begin = first.tree_size if first else 0
            path, name = Path(folder) / "segment", name_of(begin, last.tree_size)
            with path.open("wb") as file:
                file.writelines(line + b"\n" for line in _lines(first, last))
            place.add(name, path, until)
        logger.info("segment archived", extra={"segment": name})
        written.append(name)


def prolong(*, until_days: int) -> int:
    """Lock every segment for `until_days` from now; return how many were.

    Raises:
        RetentionShortened: one is locked for longer already; those before it were prolonged.
    """
    place, until = store(), clock.now() + timedelta(days=until_days)
    names = place.names()
    for name in names:
        place.prolong(name, until)
    return len(names)


def restore() -> Restored:
    """Put back what the archive holds and the database lacks: events, leaves, inner nodes, seals.

    The archive is read twice: first to its end, so that nothing is put back that does not verify. On another PostgreSQL
    server `manage.py audit rebase` must follow.

    Raises:
        ArchiveConflict: the archive does not verify, or the database holds something else in the same place.
    """
    place, keys = store(), signing_keys()
    names = place.names()
    try:
        archived = sum(isinstance(one, ArchivedEvent) for one in read_all(names, place.read, keys))
    except BadSegment as error:
        raise ArchiveConflict(str(error)) from error
    tree, last, counts = CompactRange(), None, [0, 0, 0]
    for events, head in _sealed_runs(read_all(names, place.read, keys)):
        with unit_of_work(ARCHIVER):
            for number, count in enumerate(_put_back(tree, events, head, keys)):
                counts[number] += count
        last = head
    logger.info("restored from the archive", extra={"size": last.tree_size if last else 0})
    return Restored(archived, *counts)


def archived_size(place: Store) -> int:
    """Return how many events from the log's beginning the archive holds."""
    return max((found[1] for name in place.names() if (found := range_of(name))), default=0)


def _next_seals(begin: int, most: int) -> tuple[AuditSeal | None, AuditSeal] | None:
    """Return the seal at which the next segment begins (None: the log's beginning) and the one at which it ends."""
    first = AuditSeal.objects.filter(tree_size=begin).first() if begin else None
    newest = AuditSeal.objects.order_by("-number").first()
    if begin and (first is None or newest is None):
        raise ArchiveConflict(f"The log has no seal over {begin} events, where the archive ends.")
    later = AuditSeal.objects.filter(tree_size__gt=begin).order_by("number")
    last = later.filter(tree_size__lte=begin + most).last() or later.first()
    return (first, last) if last else None


def _lines(first: AuditSeal | None, last: AuditSeal) -> Iterator[bytes]:
    """Yield the lines of the segment after `first` up to `last`, verified against the seals between."""
    tree = tree_of(first)
    yield first_line(tree.size, last.tree_size)
    number = first.number if first else 0
    for seal in AuditSeal.objects.filter(number__gt=number, number__lte=last.number).order_by("number").iterator():
        while tree.size < seal.tree_size:
            yield from _event_lines(tree, min(seal.tree_size, tree.size + _CHUNK))
        if tree.root() != seal.root_hash:
            raise ArchiveConflict(f"The events do not lead to seal {seal.number}: run `manage.py audit verify`.")
        yield head_line(seal.head)


def _event_lines(tree: CompactRange, end: int) -> Iterator[bytes]:
    leaves = AuditLeaf.objects.filter(leaf_index__gte=tree.size, leaf_index__lt=end).order_by("leaf_index")
    ids = list(leaves.values_list("event_id", flat=True))
    events = {row[0]: pack(*row) for row in AuditEvent.objects.filter(pk__in=ids).values_list(*COLUMNS)}
    for event_id in ids:
        if event_id not in events:
            raise ArchiveConflict(f"Event {event_id} is gone: run `manage.py audit verify`.")
        tree.append(merkle.leaf_hash(events[event_id]))
        yield events[event_id]
    if tree.size != end:
        raise ArchiveConflict(f"Leaves before {end} are gone: run `manage.py audit verify`.")


def _sealed_runs(rows: Iterable[ArchivedEvent | TreeHead]) -> Iterator[tuple[list[ArchivedEvent], TreeHead]]:
    """Yield the events of each head with it."""
    events: list[ArchivedEvent] = []
    for one in rows:
        if isinstance(one, ArchivedEvent):
            events.append(one)
        else:
            yield events, one
            events = []


def _put_back(
    tree: CompactRange, events: Sequence[ArchivedEvent], head: TreeHead, keys: SigningKeys
) -> tuple[int, int, int]:
    """Insert what is missing of one head's events, inside the caller's transaction; return the counts."""
    mac_key = keys.mac_key(head.key_version)
    added_events = added_leaves = 0
    rest = iter(events)
    nodes: list[AuditNode] = []
    while some := list(islice(rest, _CHUNK)):
        added_events += _put_back_events(some)
        added_leaves += _put_back_leaves(some, mac_key)
        for one in some:
            nodes += [
                AuditNode(level=level, position=position, node_hash=value)
                for level, position, value in tree.append(one.leaf_hash)
                if level >= AuditNode.LOWEST_LEVEL
            ]
    for node in nodes:
        if not AuditNode.objects.filter(level=node.level, position=node.position).exists():
            node.save(force_insert=True)
    return added_events, added_leaves, _put_back_seal(tree, events[-1], head)


def _put_back_events(some: Sequence[ArchivedEvent]) -> int:
    ids = [one.event_id for one in some]
    there = {row[0]: pack(*row) for row in AuditEvent.objects.filter(pk__in=ids).values_list(*COLUMNS)}
    for one in some:
        if there.get(one.event_id, one.canonical) != one.canonical:
            raise ArchiveConflict(f"Event {one.event_id} is another in the database than in the archive.")
    missing = [AuditEvent(**unpack(one.canonical)) for one in some if one.event_id not in there]
    AuditEvent.objects.bulk_create(missing, batch_size=1_000)
    return len(missing)


def _put_back_leaves(some: Sequence[ArchivedEvent], mac_key: bytes | None) -> int:
    first, last = some[0].leaf_index, some[-1].leaf_index
    rows = AuditLeaf.objects.filter(leaf_index__gte=first, leaf_index__lte=last)
    there = {index: (pk, bytes(value)) for index, pk, value in rows.values_list("leaf_index", "event_id", "leaf_hash")}
    missing = []
    for one in some:
        if there.get(one.leaf_index, (one.event_id, one.leaf_hash)) != (one.event_id, one.leaf_hash):
            raise ArchiveConflict(f"Leaf {one.leaf_index} is another in the database than in the archive.")
        if one.leaf_index not in there:
            mac = leaf_mac(mac_key, one.leaf_index, one.event_id, one.leaf_hash) if mac_key else b""
            missing.append(
                AuditLeaf(leaf_index=one.leaf_index, event_id=one.event_id, leaf_hash=one.leaf_hash, mac=mac)
            )
    AuditLeaf.objects.bulk_create(missing, batch_size=2_000)
    return len(missing)


def _put_back_seal(tree: CompactRange, last: ArchivedEvent, head: TreeHead) -> int:
    seal = AuditSeal.objects.filter(number=head.number).first()
    if seal is not None and seal.head != head:
        raise ArchiveConflict(f"Seal {head.number} is another in the database than in the archive.")
    if seal is None:
        event = unpack(last.canonical)
        AuditSeal.objects.create(
            **head.__dict__,
            peaks=b"".join(tree.peaks),
            last_xact_id=event["xact_id"],
            last_event_id=event["id"],
        )
    return int(seal is None)
