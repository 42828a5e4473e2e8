"""The Merkle tree: published values, every size up to 64, and a wrong proof for each check of the verifiers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import merkle
from audit.merkle import CompactRange, InvalidProof, leaf_hash, node_hash

pytestmark = pytest.mark.pure

# The inputs and roots that implementations of Certificate Transparency publish as their common test vectors.
INPUTS = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
SIZES = range(1, 65)


def leaves(count: int) -> list[bytes]:
    return [leaf_hash(number.to_bytes(2, "big")) for number in range(count)]


def definition(hashes: Sequence[bytes]) -> bytes:
    """MTH as RFC 9162, section 2.1.1, writes it."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    half = 1
    while half * 2 < len(hashes):
        half *= 2
    return node_hash(definition(hashes[:half]), definition(hashes[half:]))


def node_at(hashes: Sequence[bytes]) -> merkle.NodeAt:
    return lambda level, position: definition(hashes[position << level : (position + 1) << level])


def test_published_roots() -> None:
    assert CompactRange().root().hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    tree = CompactRange()
    for text, root in zip(INPUTS, ROOTS, strict=True):
        tree.append(leaf_hash(bytes.fromhex(text)))
        assert tree.root().hex() == root


def test_published_proofs() -> None:
    """RFC 9162, section 2.1.5: the proofs of its example tree of seven leaves, by their names."""
    d = leaves(7)
    at = node_at(d)
    g, h, i = at(1, 0), at(1, 1), at(1, 2)
    k, j, last = at(2, 0), d[6], merkle.range_hash(4, 7, at)
    assert merkle.inclusion_proof(0, 7, at) == [d[1], h, last]
    assert merkle.inclusion_proof(3, 7, at) == [d[2], g, last]
    assert merkle.inclusion_proof(4, 7, at) == [d[5], j, k]
    assert merkle.inclusion_proof(6, 7, at) == [i, k]
    assert merkle.consistency_proof(3, 7, at) == [d[2], d[3], g, last]
    assert merkle.consistency_proof(4, 7, at) == [last]
    assert merkle.consistency_proof(6, 7, at) == [i, j, k]


@pytest.mark.parametrize("size", [0, *SIZES])
def test_an_incremental_tree_is_the_defined_one(size: int) -> None:
    assert merkle.root_of(leaves(size)) == definition(leaves(size))


def test_the_nodes_an_append_completes_are_all_the_complete_subtrees() -> None:
    hashes, tree, found = leaves(64), CompactRange(), {}
    for leaf in hashes:
        found.update({(level, position): value for level, position, value in tree.append(leaf)})
    at = node_at(hashes)
    assert found == {(level, p): at(level, p) for level in range(1, 7) for p in range(64 >> level)}


def test_a_tree_goes_on_from_its_peaks() -> None:
    hashes = leaves(64)
    for cut in range(65):
        tree = CompactRange()
        for leaf in hashes[:cut]:
            tree.append(leaf)
        again = CompactRange(tree.size, tree.peaks)
        for leaf in hashes[cut:]:
            again.append(leaf)
        assert again.root() == definition(hashes)


@pytest.mark.parametrize("size", SIZES)
def test_every_inclusion_proof_holds_for_its_leaf_alone(size: int) -> None:
    hashes = leaves(size)
    root = definition(hashes)
    for index in range(size):
        proof = merkle.inclusion_proof(index, size, node_at(hashes))
        merkle.verify_inclusion(index, size, hashes[index], proof, root)
        for other in {0, index - 1, index + 1, size - 1} & set(range(size)) - {index}:
            with pytest.raises(InvalidProof):
                merkle.verify_inclusion(other, size, hashes[index], proof, root)


@pytest.mark.parametrize("second", SIZES)
def test_every_consistency_proof_holds_for_its_trees_alone(second: int) -> None:
    hashes = leaves(second)
    roots = [definition(hashes[:size]) for size in range(second + 1)]
    for first in range(1, second + 1):
        proof = merkle.consistency_proof(first, second, node_at(hashes))
        merkle.verify_consistency(first, second, roots[first], roots[second], proof)
        if first < second:
            with pytest.raises(InvalidProof):
                merkle.verify_consistency(first, second, roots[first - 1], roots[second], proof)
            with pytest.raises(InvalidProof):
                merkle.verify_consistency(first, second, roots[first], roots[second - 1], proof)


D7 = leaves(7)
ROOT7 = definition(D7)
PATH4 = merkle.inclusion_proof(4, 7, node_at(D7))
BAD = b"\xff" * 32


@pytest.mark.parametrize(
    ("index", "size", "leaf", "proof", "root", "says"),
    [
        (4, 7, D7[4][:31], PATH4, ROOT7, "32 bytes"),
        (4, 7, b"", PATH4, ROOT7, "32 bytes"),
        (4, 7, D7[4], [*PATH4[:-1], PATH4[-1] + b"\0"], ROOT7, "32 bytes"),
        (4, 7, D7[4], PATH4, ROOT7[1:], "32 bytes"),
        (7, 7, D7[4], PATH4, ROOT7, "no leaf 7"),
        (-1, 7, D7[4], PATH4, ROOT7, "no leaf -1"),
        (0, 0, D7[0], [], ROOT7, "no leaf 0"),
        (4, 7, D7[4], [*PATH4, BAD], ROOT7, "too long"),
        (4, 7, D7[4], PATH4[:-1], ROOT7, "too short"),
        (4, 7, D7[4], [], ROOT7, "too short"),
        (4, 7, D7[4], [BAD, *PATH4[1:]], ROOT7, "another root"),
        (4, 7, D7[4], [PATH4[0], BAD, PATH4[2]], ROOT7, "another root"),
        (4, 7, D7[4], [*PATH4[:2], BAD], ROOT7, "another root"),
        (4, 7, D7[5], PATH4, ROOT7, "another root"),
        (4, 7, D7[4], PATH4, BAD, "another root"),
        (0, 1, D7[0], [BAD], D7[0], "too long"),
        (0, 1, D7[0], [], BAD, "another root"),
    ],
)
def test_wrong_inclusion_proofs(index: int, size: int, leaf: bytes, proof: list[bytes], root: bytes, says: str) -> None:
    with pytest.raises(InvalidProof, match=says):
        merkle.verify_inclusion(index, size, leaf, proof, root)


ROOT3, ROOT4, ROOT6 = (definition(D7[:size]) for size in (3, 4, 6))
FROM3, FROM4, FROM6 = (merkle.consistency_proof(size, 7, node_at(D7)) for size in (3, 4, 6))


@pytest.mark.parametrize(
    ("first", "second", "first_root", "second_root", "proof", "says"),
    [
        (3, 7, ROOT3[1:], ROOT7, FROM3, "32 bytes"),
        (3, 7, ROOT3, ROOT7, [*FROM3, b""], "32 bytes"),
        (0, 7, merkle.EMPTY_ROOT, ROOT7, [], "continues one of 0"),
        (0, 0, merkle.EMPTY_ROOT, merkle.EMPTY_ROOT, [], "continues one of 0"),
        (-1, 7, ROOT3, ROOT7, FROM3, "continues one of -1"),
        (7, 3, ROOT7, ROOT3, FROM3, "continues one of 7"),
        (7, 7, ROOT7, ROOT7, [BAD], "empty proof"),
        (7, 7, ROOT6, ROOT7, [], "different roots"),
        (3, 7, ROOT3, ROOT7, [], "is empty"),
        (4, 7, ROOT4, ROOT7, [], "is empty"),
        (3, 7, ROOT3, ROOT7, [*FROM3, BAD], "too long"),
        (4, 7, ROOT4, ROOT7, [*FROM4, BAD], "too long"),
        (3, 7, ROOT3, ROOT7, FROM3[:-1], "too short"),
        (6, 7, ROOT6, ROOT7, FROM6[:1], "too short"),
        (3, 7, BAD, ROOT7, FROM3, "first root"),
        (3, 7, ROOT3, ROOT7, [BAD, *FROM3[1:]], "first root"),
        (6, 7, ROOT6, ROOT7, [*FROM6[:2], BAD], "first root"),
        (4, 7, BAD, ROOT7, FROM4, "second root"),
        (4, 7, ROOT4, ROOT7, [BAD], "second root"),
        (3, 7, ROOT3, BAD, FROM3, "second root"),
        (3, 7, ROOT3, ROOT7, [FROM3[0], BAD, *FROM3[2:]], "second root"),
        (3, 7, ROOT3, ROOT7, [*FROM3[:3], BAD], "second root"),
    ],
)
def test_wrong_consistency_proofs(
    first: int, second: int, first_root: bytes, second_root: bytes, proof: list[bytes], says: str
) -> None:
    with pytest.raises(InvalidProof, match=says):
        merkle.verify_consistency(first, second, first_root, second_root, proof)


@given(st.integers(1, 2000), st.data())
def test_one_flipped_bit_of_a_proof_is_seen(size: int, data: st.DataObject) -> None:
    hashes = leaves(size)
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(index, size, node_at(hashes))
    root = merkle.root_of(hashes)
    merkle.verify_inclusion(index, size, hashes[index], proof, root)
    if proof:
        place, bit = data.draw(st.integers(0, len(proof) - 1)), data.draw(st.integers(0, 255))
        proof[place] = (int.from_bytes(proof[place], "big") ^ (1 << bit)).to_bytes(32, "big")
        with pytest.raises(InvalidProof):
            merkle.verify_inclusion(index, size, hashes[index], proof, root)


@pytest.mark.parametrize(("begin", "end"), [(0, 0), (3, 2), (-1, 2), (1, 3), (2, 7)])
def test_what_is_no_subtree_has_no_hash(begin: int, end: int) -> None:
    with pytest.raises(ValueError, match="no subtree"):
        merkle.range_hash(begin, end, node_at(D7))


@pytest.mark.parametrize(("size", "peaks"), [(-1, []), (1, []), (3, [D7[0]]), (1, [b"short"])])
def test_peaks_that_do_not_fit_the_size_are_refused(size: int, peaks: list[bytes]) -> None:
    with pytest.raises(ValueError, match="peaks"):
        CompactRange(size, peaks)


def test_a_leaf_hash_has_32_bytes() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        CompactRange().append(b"short")


@pytest.mark.parametrize(("first", "second"), [(0, 5), (6, 5), (-1, 5)])
def test_no_consistency_proof_where_none_can_be(first: int, second: int) -> None:
    with pytest.raises(ValueError, match="continues"):
        merkle.consistency_proof(first, second, node_at(D7))


@pytest.mark.parametrize(("index", "size"), [(5, 5), (-1, 5), (0, 0)])
def test_no_inclusion_proof_where_there_is_no_leaf(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="no leaf"):
        merkle.inclusion_proof(index, size, node_at(D7))
