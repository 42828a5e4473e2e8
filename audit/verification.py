"""Verifying the log: recompute it from the events and name whatever does not fit.

Three independent witnesses tell what was done. The signed heads, a chain, fix which leaves there are and in which
order; each leaf's mark, which only the server's key can make, tells whether the leaf or the event was changed; and the
order (xact_id, id) tells an event that was slipped in behind the seals. Heads kept outside the database
(`audit.outside`) tell a log whose end was cut off together with its heads. Events that retention dropped are read from
the archive; where it does not have them, their leaves still lead to the heads, and the report says which those are.

Memory does not grow with the log: leaves are read `CHUNK` at a time, and at most `MOST_FINDINGS` findings are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from audit.dropped import ArchivedLeaves, Dropped, Range
from audit.heads import NO_HEAD, BadHead, SigningKeys, leaf_mac
from audit.merkle import HASH_BYTES, CompactRange
from audit.models import AuditEvent, AuditLeaf, AuditNode, AuditSeal
from audit.rows import hashes_of, readable_rows

CHUNK: Final = 4_000
MOST_FINDINGS: Final = 200
# How far a leaf may have moved for its old place to be found by its mark alone; among leaves that do not fit, any way.
_FARTHEST: Final = 16

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Finding:
    """What does not fit: `kind` is one of the words of `docs/audit.md`, the rest says where."""

    kind: str
    detail: str
    leaf_index: int | None = None
    event_id: UUID | None = None
    seal: int | None = None


@dataclass
class Report:
    """What was verified: events and seals, newest head's size, events not sealed yet, archived ones; the findings.

    from_archive: how many of the events were dropped from the database and read from the archive instead. head_only:
    the leaves [begin, end) of dropped events that were not, so that their hashes alone lead to the heads.
    """

    events: int = 0
    seals: int = 0
    tree_size: int = 0
    waiting: int = 0
    archived: int = 0
    from_archive: int = 0
    head_only: list[Range] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    found: int = 0

    @property
    def intact(self) -> bool:
        """Return whether nothing was found."""
        return self.found == 0

    def add(self, kind: str, detail: str, **where: Any) -> None:
        """Count a finding, and keep it while there are few."""
        self.found += 1
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(Finding(kind, detail, **where))

    def add_head_only(self, index: int) -> None:
        """Note a leaf whose event nobody could read."""
        if self.head_only and self.head_only[-1][1] == index:
            self.head_only[-1] = (self.head_only[-1][0], index + 1)
        else:
            self.head_only.append((index, index + 1))


@dataclass(frozen=True)
class _Row:
    """A leaf as it is stored (`at` its index), with the hash that its event has today (None: no such event).

    dropped: its event is not in the database any more, rightly; `today` is then what the archive has, else `stored`.
    """

    at: int
    event_id: UUID
    stored: bytes
    mac: bytes
    today: bytes | None
    dropped: bool = False


class LogVerifier:
    """Goes through the seals `since` < sealed_at ≤ `until` (all without bounds); the caller opens the unit of work."""

    def __init__(
        self,
        keys: SigningKeys,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        dropped: Dropped | None = None,
        archived: ArchivedLeaves | None = None,
        over_before: datetime | None = None,
    ) -> None:
        """`dropped` is what the log says was dropped; where `archived` lacks it, only what was sealed `over_before`."""
        self._keys = keys
        self._since, self._until = since, until
        self._dropped, self._archived = dropped or Dropped(), archived or ArchivedLeaves(None, keys)
        self._over_before = over_before
        self.report = Report()
        self._gaps = 0
        self._odd: list[tuple[_Row, bytes, int]] = []

    def seals(self) -> QuerySet[AuditSeal]:
        """Return the seals to verify, oldest first."""
        rows = AuditSeal.objects.order_by("number")
        if self._since:
            rows = rows.filter(sealed_at__gt=self._since)
        return rows.filter(sealed_at__lte=self._until) if self._until else rows

    def leaves_to_read(self) -> int:
        """Return how many leaves that is, for a progress bar."""
        first, last = self.seals().first(), self.seals().last()
        if first is None or last is None:
            return 0
        before = AuditSeal.objects.filter(number__lt=first.number).order_by("-number").first()
        return last.tree_size - (before.tree_size if before else 0)

    def run(self, progress: Progress | None = None) -> Report:
        """Verify and return the report; `progress` is told how many leaves were read since it was last told."""
        first = self.seals().first()
        before = AuditSeal.objects.filter(number__lt=first.number).order_by("-number").first() if first else None
        if before is not None:
            self._check_head(before, None)
        tree, previous = self._tree_at(before), before
        for seal in self.seals().iterator(chunk_size=1_000):
            self._check_head(seal, previous)
            tree = self._check_leaves(tree, seal, progress)
            self.report.seals += 1
            previous = seal
        self._report_odd()
        self.report.tree_size = previous.tree_size if previous else 0
        if self._until is None:
            self._check_end()
        self._check_strays(before, previous)
        return self.report

    # Heads

    def _check_head(self, seal: AuditSeal, previous: AuditSeal | None) -> None:
        """Check signature, chain and order of one head."""
        where = {"seal": seal.number}
        try:
            self._keys.verify(seal.head)
        except BadHead as error:
            self.report.add("seal rewritten", f"seal {seal.number}: {error}", **where)
        if previous is None and self.report.seals == 0 and seal.number > 1:
            if self._since is None:
                self.report.add("seal removed", f"the log begins with seal {seal.number}, not 1", **where)
            return
        expected = previous.head.digest if previous else NO_HEAD
        number = previous.number + 1 if previous else 1
        if seal.number != number:
            self.report.add("seal removed", f"seals {number} to {seal.number - 1} are missing", **where)
        elif seal.previous_hash != expected:
            self.report.add("seal rewritten", f"seal {seal.number} does not continue seal {number - 1}", **where)
        if previous and (seal.tree_size <= previous.tree_size or seal.sealed_at <= previous.sealed_at):
            self.report.add("seal rewritten", f"seal {seal.number} is not later than the one before it", **where)

    def _tree_at(self, seal: AuditSeal | None) -> CompactRange:
        """Return the tree at a seal from its peaks, which must lead to its signed root."""
        if seal is None:
            return CompactRange()
        try:
            peaks = [seal.peaks[i : i + HASH_BYTES] for i in range(0, len(seal.peaks), HASH_BYTES)]
            tree = CompactRange(seal.tree_size, peaks)
        except ValueError:
            tree = None
        if tree is None or tree.root() != seal.root_hash:
            self.report.add("seal rewritten", f"the peaks of seal {seal.number} are not its root's", seal=seal.number)
            return tree or CompactRange(seal.tree_size, [bytes(HASH_BYTES)] * seal.tree_size.bit_count())
        return tree

    # Leaves

    def _check_leaves(self, tree: CompactRange, seal: AuditSeal, progress: Progress | None) -> CompactRange:
        """Append the leaves up to a seal, and return the tree to go on with."""
        mac_key, found = self._keys.mac_key(seal.key_version), self.report.found + len(self._odd)
        while tree.size < seal.tree_size:
            begin, end = tree.size, min(tree.size + CHUNK, seal.tree_size)
            rows = self._with_dropped(_rows(begin, end), begin, end, seal)
            nodes = self._append(tree, rows, end, mac_key, seal)
            self._check_nodes(nodes)
            self.report.events += len(rows)
            if progress:
                progress(end - begin)
        stored = self._tree_at(seal)
        if tree.root() != seal.root_hash and self.report.found + len(self._odd) == found:
            detail = f"the leaves up to {seal.tree_size - 1} do not lead to the root of seal {seal.number}"
            self.report.add("seal rewritten", detail, seal=seal.number)
        # The signed root vouches for its peaks: what is wrong before it does not make what comes after it wrong.
        return stored if stored.root() == seal.root_hash else tree

    def _with_dropped(self, rows: list[_Row], begin: int, end: int, seal: AuditSeal) -> list[_Row]:
        """Return the rows with what the archive has of events that were dropped."""
        gone = {row.at for row in rows if row.today is None and row.at in self._dropped}
        if not gone:
            return rows
        kept = self._archived.hashes(begin, end)
        self.report.from_archive += len(gone & kept.keys())
        if self._over_before is None or seal.sealed_at >= self._over_before:
            gone &= kept.keys()
        for index in sorted(gone - kept.keys()):
            self.report.add_head_only(index)
        return [
            replace(row, today=kept.get(row.at, row.stored), dropped=True) if row.at in gone else row for row in rows
        ]

    def _append(
        self, tree: CompactRange, rows: Sequence[_Row], end: int, mac_key: bytes | None, seal: AuditSeal
    ) -> dict[tuple[int, int], bytes]:
        """Append the leaves up to `end` to the tree; return the large subtrees that they complete."""
        nodes, moved = {}, 0
        for row in rows:
            if row.at > tree.size:
                self._report_gap(tree, row.at, seal)
            leaf, moved = self._judged(row, mac_key, moved, seal)
            for level, position, value in tree.append(leaf):
                if level >= AuditNode.LOWEST_LEVEL:
                    nodes[level, position] = value
        if tree.size < end:
            self._report_gap(tree, end, seal)
        return nodes

    def _report_gap(self, tree: CompactRange, end: int, seal: AuditSeal) -> None:
        """Report leaves that are gone, and put something in their place so that the count goes on."""
        begin, self._gaps = tree.size, self._gaps + 1
        newest = AuditLeaf.objects.order_by("-leaf_index").values_list("leaf_index", flat=True).first()
        which = f"leaf {begin} is gone" if end == begin + 1 else f"leaves {begin} to {end - 1} are gone"
        if newest is None or newest < end - 1:
            self.report.add("tail cut", f"{which}, and nothing comes after", leaf_index=begin, seal=seal.number)
        else:
            self.report.add("event removed", which, leaf_index=begin, seal=seal.number)
        while tree.size < end:
            tree.append(bytes(HASH_BYTES))

    def _judged(self, row: _Row, mac_key: bytes | None, moved: int, seal: AuditSeal) -> tuple[bytes, int]:
        """Report what is wrong with a leaf; return the hash that it truly has, and how far leaves have moved here."""
        where = {"leaf_index": row.at, "event_id": row.event_id, "seal": seal.number}
        if mac_key is None or row.mac == leaf_mac(mac_key, row.at, row.event_id, row.stored):
            if row.today is None:
                self.report.add("event removed", f"event {row.event_id} of leaf {row.at} is gone", **where)
            elif row.today != row.stored and row.dropped:
                detail = f"the archive does not have event {row.event_id} of leaf {row.at} as it was sealed"
                self.report.add("archive altered", detail, **where)
            elif row.today != row.stored:
                self.report.add("event altered", f"event {row.event_id} is not what was sealed", **where)
            return row.stored, 0
        if row.today and row.mac == leaf_mac(mac_key, row.at, row.event_id, row.today):
            self.report.add("leaf altered", f"leaf {row.at} is not what was sealed; its event is", **where)
            return row.today, 0
        place = _place_of(row, mac_key, moved)
        if place is not None:
            self.report.add("events reordered", f"event {row.event_id} belongs at leaf {place}", **where)
            return row.stored, place - row.at
        if len(self._odd) < MOST_FINDINGS:
            self._odd.append((row, mac_key, seal.number))
        else:
            self.report.add("event altered", f"leaf {row.at} is not what was sealed", **where)
        return row.stored, 0

    def _report_odd(self) -> None:
        """Report the leaves that carry no mark of their own: exchanged among each other, or written without the key."""
        for row, mac_key, seal in self._odd:
            where = {"leaf_index": row.at, "event_id": row.event_id, "seal": seal}
            place = next((other.at for other, _, _ in self._odd if _exchanged(row, other, mac_key)), None)
            if place is not None:
                self.report.add("events reordered", f"event {row.event_id} belongs at leaf {place}", **where)
            elif row.dropped:
                detail = f"leaf {row.at} of event {row.event_id}, which was dropped, is not what was sealed"
                self.report.add("leaf altered", detail, **where)
            elif row.today == row.stored:
                detail = f"event {row.event_id} at leaf {row.at} was put there, or altered, and sealed without the key"
                self.report.add("event inserted", detail, **where)
            elif row.today is None:
                self.report.add("event removed", f"event {row.event_id} of leaf {row.at} is gone", **where)
            else:
                self.report.add("event altered", f"event {row.event_id} and leaf {row.at} were both altered", **where)

    def _check_nodes(self, nodes: dict[tuple[int, int], bytes]) -> None:
        """Compare the stored inner nodes, which proofs are made from."""
        if not nodes or not self.report.intact:
            return
        for level in {level for level, _ in nodes}:
            positions = [position for at, position in nodes if at == level]
            stored = dict(
                AuditNode.objects.filter(level=level, position__in=positions).values_list("position", "node_hash")
            )
            for position in positions:
                if stored.get(position) != nodes[level, position]:
                    self.report.add("node altered", f"inner node {position} of level {level} is not what was sealed")

    # What should not be there

    def _check_end(self) -> None:
        """Look for leaves behind the newest seal (one statement: a sealer may be at work meanwhile)."""
        sealed = AuditSeal.objects.order_by("-tree_size").values("tree_size")[:1]
        behind = AuditLeaf.objects.filter(leaf_index__gte=Coalesce(Subquery(sealed), 0)).order_by("leaf_index")
        mac_key = self._keys.mac_key(self._keys.newest)
        for index, event_id, stored, mac in behind.values_list("leaf_index", "event_id", "leaf_hash", "mac").iterator():
            where = {"leaf_index": index, "event_id": event_id}
            if mac_key and bytes(mac) == leaf_mac(mac_key, index, event_id, bytes(stored)):
                self.report.add("seal removed", f"leaf {index} was sealed, its seal is gone", **where)
            else:
                self.report.add("event inserted", f"leaf {index} stands behind the newest seal", **where)

    def _check_strays(self, first: AuditSeal | None, last: AuditSeal | None) -> None:
        """Look for events whose turn to be sealed has passed, or never comes, and count those that wait."""
        loose = AuditEvent.objects.filter(~Exists(AuditLeaf.objects.filter(event_id=OuterRef("pk"))))
        if first is not None:
            loose = loose.filter(xact_id__gte=first.last_xact_id)
        end, ahead = _newest_order(), []
        rows = loose.order_by("xact_id", "id").values_list("pk", "xact_id")
        for event_id, xact_id in rows.iterator(chunk_size=1_000):
            if last is not None and (int(xact_id or 0), event_id) <= (last.last_xact_id, last.last_event_id):
                why = "its leaf is gone, or it was slipped in" if self._gaps else "it was slipped in"
                detail = f"event {event_id} stands among sealed ones without a leaf: {why}"
                self.report.add("event inserted", detail, event_id=event_id)
            elif end is not None and int(xact_id or 0) >= end:
                ahead.append((event_id, int(xact_id or 0)))
            else:
                self.report.waiting += 1
        # What began after we had looked has begun by now; what somebody made up has not.
        end = _newest_order() if ahead else end
        for event_id, xact_id in ahead:
            if end is not None and xact_id >= end:
                detail = f"event {event_id} names a transaction that has not begun yet"
                self.report.add("event inserted", detail, event_id=event_id)
            else:
                self.report.waiting += 1


def _rows(begin: int, end: int) -> list[_Row]:
    """Return the leaves [begin, end) that there are, with their events' hashes of today (two queries)."""
    columns = ("leaf_index", "event_id", "leaf_hash", "mac")
    leaves = readable_rows(AuditLeaf.objects.filter(leaf_index__gte=begin, leaf_index__lt=end), columns)
    today = dict(hashes_of([row[1] for row in leaves.values() if row]))
    rows = (row for _, row in sorted(leaves.items()) if row)
    return [_Row(index, pk, bytes(stored), bytes(mac), today.get(pk)) for index, pk, stored, mac in rows]


def _place_of(row: _Row, mac_key: bytes, moved: int) -> int | None:
    """Return the index for which a leaf was marked, looking first where its neighbour came from."""
    near = sorted(range(-_FARTHEST, _FARTHEST + 1), key=lambda step: (step != moved, abs(step)))
    for step in near:
        place = row.at + step
        if step and place >= 0 and row.mac == leaf_mac(mac_key, place, row.event_id, row.stored):
            return place
    return None


def _exchanged(row: _Row, other: _Row, mac_key: bytes) -> bool:
    """Return whether `row` belongs where `other` stands: by its own mark, or by the one that stayed behind there."""
    if other.at == row.at:
        return False
    return leaf_mac(mac_key, other.at, row.event_id, row.stored) in (row.mac, other.mac)


def _newest_order() -> int | None:
    """Return the first value of `xact_id` that no committed event can have yet (PostgreSQL)."""
    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint + audit_commit_offset()")
        value: int = cursor.fetchone()[0]
    return value
