"""The Merkle tree of RFC 6962 (section 2.1) and RFC 9162 (section 2.1): hashes, roots, proofs and their verifiers.

Pure functions on bytes. A tree of n leaves is cut into complete subtrees, named (level, position): level 0 holds the
leaf hashes, the subtree (l, p) covers the leaves p·2^l up to, not including, (p+1)·2^l.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()

NodeAt = Callable[[int, int], bytes]
"""(level, position) of a complete subtree → its hash, 32 bytes."""


class InvalidProof(ValueError):
    """A proof does not prove what it is said to prove; the message says which check failed."""


def leaf_hash(data: bytes) -> bytes:
    """Return SHA-256(0x00 ‖ data), 32 bytes (RFC 9162, section 2.1.1)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 ‖ left ‖ right), 32 bytes (RFC 9162, section 2.1.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class CompactRange:
    """A growing tree of which only the complete subtrees' roots are kept: at most one for each bit of its size.

    `peaks` are those roots, the largest (leftmost) first. Appending n leaves hashes fewer than n inner nodes.
    """

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        if size < 0 or len(peaks) != size.bit_count() or any(len(peak) != HASH_BYTES for peak in peaks):
            raise ValueError(f"a tree of {size} leaves has {max(size, 0).bit_count()} peaks of {HASH_BYTES} bytes")
        self.size = size
        self._peaks = list(peaks)

    @property
    def peaks(self) -> tuple[bytes, ...]:
        """Return the complete subtrees' roots, leftmost first."""
        return tuple(self._peaks)

    def append(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Add a leaf hash (32 bytes); return the inner nodes that it completed as (level ≥ 1, position, hash)."""
        if len(leaf) != HASH_BYTES:
            raise ValueError(f"a leaf hash has {HASH_BYTES} bytes")
        completed, size, level = [], self.size, 0
        while size & 1:
            leaf = node_hash(self._peaks.pop(), leaf)
            size >>= 1
            level += 1
            completed.append((level, self.size >> level, leaf))
        self._peaks.append(leaf)
        self.size += 1
        return completed

    def root(self) -> bytes:
        """Return the root of the whole tree, 32 bytes; of no leaves, SHA-256 of nothing."""
        return _folded(self._peaks) if self._peaks else EMPTY_ROOT


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes (n × 32 bytes)."""
    tree = CompactRange()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root()


def range_hash(begin: int, end: int, node_at: NodeAt) -> bytes:
    """Return the hash over the leaves [begin, end) of a subtree as RFC 9162 splits them, from complete subtrees.

    Raises:
        ValueError: the range is empty, or does not begin where such a subtree can.
    """
    return _folded([node_at(level, position) for level, position in aligned_parts(begin, end)])


def aligned_parts(begin: int, end: int) -> list[tuple[int, int]]:
    """Return the complete subtrees (level, position) that make up the leaves [begin, end), leftmost first.

    Raises:
        ValueError: the range is empty, or does not begin at a multiple of its largest complete subtree.
    """
    size = end - begin
    if begin < 0 or size < 1 or begin % (1 << (size.bit_length() - 1)):
        raise ValueError(f"[{begin}, {end}) is no subtree")
    parts = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        parts.append((level, begin >> level))
        begin += 1 << level
    return parts


def inclusion_proof(index: int, size: int, node_at: NodeAt) -> list[bytes]:
    """Return the audit path of leaf `index` in the tree of its first `size` leaves (RFC 9162, section 2.1.3.1).

    Raises:
        ValueError: there is no such leaf in such a tree.
    """
    return [range_hash(begin, end, node_at) for begin, end in inclusion_ranges(index, size)]


def inclusion_ranges(index: int, size: int) -> list[tuple[int, int]]:
    """Return the ranges of leaves whose hashes make up the audit path, from the leaf upwards."""
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    ranges, begin, end = [], 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((begin, middle))
            begin = middle
    return ranges[::-1]


def consistency_proof(first: int, second: int, node_at: NodeAt) -> list[bytes]:
    """Return the proof that the tree of `second` leaves continues that of `first` (RFC 9162, section 2.1.4.1).

    Empty for equal sizes.

    Raises:
        ValueError: not 0 < first ≤ second.
    """
    return [range_hash(begin, end, node_at) for begin, end in consistency_ranges(first, second)]


def consistency_ranges(first: int, second: int) -> list[tuple[int, int]]:
    """Return the ranges of leaves whose hashes make up the consistency proof, in its order."""
    if not 0 < first <= second:
        raise ValueError(f"no tree of {second} leaves continues one of {first}")
    ranges, begin, end = [], 0, second
    while end != first:
        middle = begin + _split(end - begin)
        if first <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((begin, middle))
            begin = middle
    # The old tree's own root is known to who asks; a part of it is not.
    return ([(begin, end)] if begin else []) + ranges[::-1]


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Check that a leaf hash stands at `index` in the tree of `size` leaves with this root (RFC 9162, 2.1.3.2).

    Raises:
        InvalidProof: it is not proven.
    """
    _check_hashes([leaf, root, *proof])
    if not 0 <= index < size:
        raise InvalidProof(f"a tree of {size} leaves has no leaf {index}")
    number, last, result = index, size - 1, leaf
    for element in proof:
        if last == 0:
            raise InvalidProof("the proof is too long")
        if number & 1 or number == last:
            result = node_hash(element, result)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            result = node_hash(result, element)
        number, last = number >> 1, last >> 1
    if last:
        raise InvalidProof("the proof is too short")
    if result != root:
        raise InvalidProof("the proof leads to another root")


def verify_consistency(first: int, second: int, first_root: bytes, second_root: bytes, proof: Sequence[bytes]) -> None:
    """Check that the tree of `second` leaves continues the tree of `first` leaves (RFC 9162, section 2.1.4.2).

    The empty tree proves nothing about what follows: first = 0 is invalid. Equal sizes want no proof and equal roots.

    Raises:
        InvalidProof: it is not proven.
    """
    _check_hashes([first_root, second_root, *proof])
    if not 0 < first <= second:
        raise InvalidProof(f"no tree of {second} leaves continues one of {first}")
    if first == second:
        if proof:
            raise InvalidProof("trees of equal size want an empty proof")
        if first_root != second_root:
            raise InvalidProof("trees of equal size have different roots")
        return
    if not proof:
        raise InvalidProof("the proof is empty")
    path = list(proof) if first & (first - 1) else [first_root, *proof]
    _check_path(first - 1, second - 1, path, first_root, second_root)


def _check_path(number: int, last: int, path: list[bytes], first_root: bytes, second_root: bytes) -> None:
    """Walk from the last leaf of the old tree up to both roots."""
    while number & 1:
        number, last = number >> 1, last >> 1
    old = new = path[0]
    for element in path[1:]:
        if last == 0:
            raise InvalidProof("the proof is too long")
        if number & 1 or number == last:
            old, new = node_hash(element, old), node_hash(element, new)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            new = node_hash(new, element)
        number, last = number >> 1, last >> 1
    if last:
        raise InvalidProof("the proof is too short")
    if old != first_root:
        raise InvalidProof("the proof leads to another first root")
    if new != second_root:
        raise InvalidProof("the proof leads to another second root")


def _folded(peaks: Sequence[bytes]) -> bytes:
    """Return the root over complete subtrees, leftmost (largest) first."""
    result = peaks[-1]
    for peak in reversed(peaks[:-1]):
        result = node_hash(peak, result)
    return result


def _split(size: int) -> int:
    """Return the largest power of two smaller than `size` (≥ 2)."""
    return 1 << ((size - 1).bit_length() - 1)


def _check_hashes(hashes: Sequence[bytes]) -> None:
    if any(len(value) != HASH_BYTES for value in hashes):
        raise InvalidProof(f"every hash has {HASH_BYTES} bytes")
