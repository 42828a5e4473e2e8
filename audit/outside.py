"""What is kept outside the database, against the log: published heads and archived segments."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Final

from audit.archive.segments import ArchivedEvent, BadSegment, read_all
from audit.archive.stores import Store
from audit.dropped import Dropped
from audit.heads import BadHead, SigningKeys, TreeHead
from audit.models import AuditLeaf, AuditSeal
from audit.rows import hashes_of
from audit.verification import Report

_AT_ONCE: Final = 500


def check_heads(heads: Iterable[TreeHead], keys: SigningKeys, report: Report) -> int:
    """Look for each head in the log, and report those that are not there or are another; return how many there were.

    The log's own heads must have been verified: who has the same head has the same log up to it.
    """
    count, rest = 0, iter(heads)
    while some := list(islice(rest, _AT_ONCE)):
        stored = {seal.number: seal.head for seal in AuditSeal.objects.filter(number__in=[h.number for h in some])}
        for head in some:
            count += 1
            _check_head(head, stored.get(head.number), keys, report)
    return count


def _check_head(head: TreeHead, stored: TreeHead | None, keys: SigningKeys, report: Report) -> None:
    try:
        keys.verify(head)
    except BadHead as error:
        report.add("foreign head", f"a head numbered {head.number} that is kept outside is not ours: {error}")
        return
    if stored is None:
        detail = f"seal {head.number} over {head.tree_size} events, kept outside since {head.sealed_at}, is gone"
        report.add("tail cut", detail, seal=head.number)
    elif stored.digest != head.digest:
        report.add("seal rewritten", f"seal {head.number} is not the one that is kept outside", seal=head.number)


def check_archive(place: Store, keys: SigningKeys, report: Report, dropped: Dropped) -> int:
    """Verify the archive by itself, and compare each archived event with the log; return how many events it holds.

    What is missing or different in the log is named with the id under which it was archived. Of events that were
    dropped the leaves are compared.
    """
    count, rows = 0, read_all(place.names(), place.read, keys)
    try:
        while some := list(islice(rows, _AT_ONCE)):
            events = [one for one in some if isinstance(one, ArchivedEvent)]
            _compare(events, report, dropped)
            check_heads((one for one in some if isinstance(one, TreeHead)), keys, report)
            count += len(events)
    except BadSegment as error:
        report.add("archive altered", str(error))
    return count


def _compare(events: list[ArchivedEvent], report: Report, dropped: Dropped) -> None:
    if not events:
        return
    leaves = AuditLeaf.objects.filter(leaf_index__gte=events[0].leaf_index, leaf_index__lte=events[-1].leaf_index)
    stored = {
        index: (event_id, bytes(value))
        for index, event_id, value in leaves.values_list("leaf_index", "event_id", "leaf_hash")
    }
    today = dict(hashes_of([event.event_id for event in events]))
    for event in events:
        where = {"leaf_index": event.leaf_index, "event_id": event.event_id}
        there = stored.get(event.leaf_index)
        was = event.leaf_hash if event.leaf_index in dropped else None
        if today.get(event.event_id, was) is None:
            report.add("event removed", f"event {event.event_id} is in the archive and not in the log", **where)
        elif today.get(event.event_id, was) != event.leaf_hash:
            report.add("event altered", f"event {event.event_id} is not what was archived", **where)
        elif there != (event.event_id, event.leaf_hash):
            report.add("leaf altered", f"leaf {event.leaf_index} is not the archived event {event.event_id}", **where)
