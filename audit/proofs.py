"""Proofs that an event is in the log, and that one log continues another."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from audit.canonical import COLUMNS, pack
from audit.dropped import archived_bytes, dropped_events
from audit.errors import NotSealedYet
from audit.heads import TreeHead
from audit.models import AuditEvent, AuditLeaf, AuditSeal
from audit.tree import StoredTree
from common.errors import InvalidInput, NotVisible


@dataclass(frozen=True)
class InclusionProof:
    """canonical: the event's bytes; leaf_hash, root_hash, path: 32 bytes each; head: the signed head of this size."""

    event_id: UUID
    canonical: bytes
    leaf_index: int
    tree_size: int
    leaf_hash: bytes
    root_hash: bytes
    path: list[bytes]
    head: TreeHead | None


@dataclass(frozen=True)
class ConsistencyProof:
    """Roots of 32 bytes and the path between them; heads where these sizes were signed."""

    first_size: int
    second_size: int
    first_root: bytes
    second_root: bytes
    path: list[bytes]
    first_head: TreeHead | None
    second_head: TreeHead | None


def inclusion_proof(event_id: UUID, size: int | None = None) -> InclusionProof:
    """Prove that an event is in the log of the first `size` events (by default, of the newest head).

    Raises:
        NotSealedYet: its leaf does not exist yet.
        InvalidInput: the log was never of this size, or the event came later.
        EventDropped: its time was over, and the archive cannot give it.
        NotVisible: it is gone, and nobody dropped it: `manage.py audit verify` tells more.
    """
    leaf = AuditLeaf.objects.filter(event_id=event_id).first()
    newest = _sealed_size()
    if leaf is None or leaf.leaf_index >= newest:
        raise NotSealedYet("The event is written, and is sealed within seconds.")
    size = newest if size is None else size
    if not leaf.leaf_index < size <= newest:
        raise InvalidInput(f"size is from {leaf.leaf_index + 1} to {newest} for this event.", pointer="/size")
    tree = StoredTree()
    return InclusionProof(
        event_id=event_id,
        canonical=_canonical(leaf),
        leaf_index=leaf.leaf_index,
        tree_size=size,
        leaf_hash=bytes(leaf.leaf_hash),
        root_hash=tree.root(size),
        path=tree.inclusion_proof(leaf.leaf_index, size),
        head=_head_of(size),
    )


def consistency_proof(first: int, second: int | None = None) -> ConsistencyProof:
    """Prove that the log of `second` events (by default, of the newest head) continues that of `first`.

    Raises:
        InvalidInput: not 0 < first ≤ second ≤ the newest head's size.
    """
    newest = _sealed_size()
    second = newest if second is None else second
    if not 0 < second <= newest:
        raise InvalidInput(f"second is from 1 to {newest}.", pointer="/second")
    if not 0 < first <= second:
        raise InvalidInput(f"first is from 1 to {second}.", pointer="/first")
    tree = StoredTree()
    return ConsistencyProof(
        first_size=first,
        second_size=second,
        first_root=tree.root(first),
        second_root=tree.root(second),
        path=tree.consistency_proof(first, second),
        first_head=_head_of(first),
        second_head=_head_of(second),
    )


def _canonical(leaf: AuditLeaf) -> bytes:
    columns = AuditEvent.objects.filter(pk=leaf.event_id).values_list(*COLUMNS).first()
    if columns is not None:
        return pack(*columns)
    if leaf.leaf_index in dropped_events():
        return archived_bytes(leaf)
    raise NotVisible("The event is gone from the log.")


def _sealed_size() -> int:
    return AuditSeal.objects.order_by("-number").values_list("tree_size", flat=True).first() or 0


def _head_of(size: int) -> TreeHead | None:
    seal = AuditSeal.objects.filter(tree_size=size).first()
    return seal.head if seal else None
