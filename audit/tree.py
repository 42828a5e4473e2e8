"""The sealed tree as it is stored: roots and proofs for any size, in two queries however large the log is.

Subtrees of 256 leaves and more come from `audit_nodes`; smaller ones are computed from at most a few hundred leaves.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q

from audit import merkle
from audit.merkle import HASH_BYTES, CompactRange
from audit.models import AuditLeaf, AuditNode, AuditSeal

_LOWEST = AuditNode.LOWEST_LEVEL


class StoredTree:
    """Reads what the ranges asked for need; `hashes` gives each range's hash (32 bytes).

    Raises:
        LookupError: leaves or nodes are missing; `manage.py audit verify` tells more.
    """

    def hashes(self, ranges: Iterable[tuple[int, int]]) -> list[bytes]:
        """Return the hash over the leaves [begin, end) of each range."""
        wanted = list(ranges)
        parts = {part for begin, end in wanted for part in merkle.aligned_parts(begin, end)}
        nodes = _nodes({part for part in parts if part[0] >= _LOWEST})
        leaves = _leaves({part for part in parts if part[0] < _LOWEST})

        def node_at(level: int, position: int) -> bytes:
            if level >= _LOWEST:
                return nodes[level, position]
            return merkle.root_of([leaves[i] for i in range(position << level, (position + 1) << level)])

        return [merkle.range_hash(begin, end, node_at) for begin, end in wanted]

    def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        """Return the audit path of a leaf in the tree of the first `size` leaves (RFC 9162, section 2.1.3.1).

        Raises:
            ValueError: there is no such leaf in such a tree.
        """
        return self.hashes(merkle.inclusion_ranges(index, size))

    def consistency_proof(self, first: int, second: int) -> list[bytes]:
        """Return the proof that the tree of `second` leaves continues that of `first` (RFC 9162, section 2.1.4.1).

        Raises:
            ValueError: not 0 < first ≤ second.
        """
        return self.hashes(merkle.consistency_ranges(first, second))

    def root(self, size: int) -> bytes:
        """Return the root of the first `size` leaves, 32 bytes."""
        return self.hashes([(0, size)])[0] if size else merkle.EMPTY_ROOT


def tree_of(seal: AuditSeal | None) -> CompactRange:
    """Return the tree as it stood at a seal, ready to go on.

    Raises:
        ValueError: the peaks stored with the seal do not lead to its root; `manage.py audit verify` tells more.
    """
    if seal is None:
        return CompactRange()
    peaks = [seal.peaks[i : i + HASH_BYTES] for i in range(0, len(seal.peaks), HASH_BYTES)]
    tree = CompactRange(seal.tree_size, peaks)
    if tree.root() != seal.root_hash:
        raise ValueError(f"the peaks of seal {seal.number} do not lead to its root: the log was tampered with")
    return tree


def _nodes(parts: set[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
    condition = Q()
    for level, position in parts:
        condition |= Q(level=level, position=position)
    rows = AuditNode.objects.filter(condition).values_list("level", "position", "node_hash") if parts else ()
    return {(level, position): bytes(value) for level, position, value in rows}


def _leaves(parts: set[tuple[int, int]]) -> dict[int, bytes]:
    condition = Q()
    for level, position in parts:
        condition |= Q(leaf_index__gte=position << level, leaf_index__lt=(position + 1) << level)
    rows = AuditLeaf.objects.filter(condition).values_list("leaf_index", "leaf_hash") if parts else ()
    return {index: bytes(value) for index, value in rows}
