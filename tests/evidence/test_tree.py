"""The tree against the RFC's own words, against known roots, and against its own proofs."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.evidence import tree
from eventlog.evidence.tree import Frontier, Node
from tests.evidence import plain_tree

# The test vectors of certificate-transparency: these leaves, and the root over the first n.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


def data(size: int) -> list[bytes]:
    """The data of so many leaves."""
    return [number.to_bytes(4) for number in range(size)]


def nodes(leaves: list[bytes]) -> Node:
    """The full subtrees over these leaves."""
    hashes = list(map(tree.leaf_hash, leaves))
    return lambda level, index: tree.full_root(hashes[index << level : (index + 1) << level])


def grown(leaves: list[bytes]) -> Frontier:
    """A frontier that took these leaves."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.push(tree.leaf_hash(leaf))
    return frontier


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_that_others_compute(size: int) -> None:
    """The known leaves of certificate-transparency have their known roots."""
    assert grown(LEAVES[:size]).root().hex() == ROOTS[size]
    assert tree.range_root(nodes(LEAVES[:size]), 0, size).hex() == ROOTS[size]


@pytest.mark.parametrize("size", [1, 2, 3, 255, 256, 257, 511, 512, 513, 1024, 1500])
def test_a_frontier_has_the_root_of_the_rfc(size: int) -> None:
    """However many leaves, the growing tree has the root that RFC 6962 defines."""
    assert grown(data(size)).root() == plain_tree.mth(data(size))


@pytest.mark.parametrize("size", [0, 1, 256, 300, 1024, 1300])
def test_blocks_stand_for_their_leaves(size: int) -> None:
    """A frontier made of block roots and the leaves behind them has the same root."""
    leaves = data(size)
    whole, blocks = Frontier(), []
    for leaf in leaves:
        block = whole.push(tree.leaf_hash(leaf))
        blocks += [] if block is None else [block]
    assert len(blocks) == size // tree.BLOCK
    again = Frontier()
    for block in blocks:
        again.push_block(block)
    for leaf in leaves[again.size :]:
        again.push(tree.leaf_hash(leaf))
    assert (again.size, again.root()) == (size, whole.root())


def test_a_block_is_not_taken_inside_another() -> None:
    """Between two leaves of a block there is no place for a block."""
    frontier = grown(data(3))
    with pytest.raises(ValueError, match="block"):
        frontier.push_block(bytes(32))


def test_all_inclusion_proofs_up_to_70_leaves() -> None:
    """Each leaf of each tree up to 70 has the RFC's path, and the path leads to the root."""
    for size in range(1, 71):
        leaves = data(size)
        root = plain_tree.mth(leaves)
        for index in range(size):
            path = tree.inclusion_path(nodes(leaves), index, size)
            assert path == plain_tree.path(index, leaves)
            leaf = tree.leaf_hash(leaves[index])
            assert tree.root_from_inclusion(leaf, index, size, path) == root


def test_all_consistency_proofs_up_to_70_leaves() -> None:
    """All pairs m <= n up to 70 have the RFC's proof, and it verifies."""
    roots = [plain_tree.mth(data(size)) for size in range(71)]
    for new in range(71):
        node = nodes(data(new))
        for old in range(new + 1):
            path = tree.consistency_path(node, old, new)
            if 0 < old < new:
                assert path == plain_tree.proof(old, data(new))
            assert tree.is_consistent(old, roots[old], new, roots[new], path)


def test_a_proof_for_another_place_or_tree_is_refused() -> None:
    """Another index, size, root, old root, or a path longer, shorter or changed proves nothing."""
    for size in range(2, 40):
        leaves = data(size)
        node, root = nodes(leaves), plain_tree.mth(leaves)
        index = size // 3
        leaf = tree.leaf_hash(leaves[index])
        path = tree.inclusion_path(node, index, size)
        others = [(index + 1, size, path), (index, size, path[:-1]), (index, size, [*path, root])]
        others += [(index - 1, size, path), (index, index, path), (-1, size, path)]
        for other, of, by in others:
            assert tree.root_from_inclusion(leaf, other, of, by) != root
        old = size // 2
        old_root = plain_tree.mth(leaves[:old])
        proof = tree.consistency_path(node, old, size)
        wrong = sha256(b"wrong").digest()
        assert not tree.is_consistent(old, wrong, size, root, proof)
        assert not tree.is_consistent(old, old_root, size, wrong, proof)
        assert not tree.is_consistent(old, old_root, size, root, proof[:-1])
        assert not tree.is_consistent(old, old_root, size, root, [*proof, wrong])
        assert not tree.is_consistent(old, old_root, size, root, [wrong, *proof[1:]])
        assert not tree.is_consistent(size, root, old, old_root, proof)


def test_nothing_is_proved_between_a_tree_and_itself_but_equality() -> None:
    """For one size an empty proof says that both roots are the same, and nothing else."""
    root, other = plain_tree.mth(data(5)), plain_tree.mth(data(6))
    assert tree.is_consistent(5, root, 5, root, [])
    assert not tree.is_consistent(5, root, 5, other, [])
    assert not tree.is_consistent(5, root, 5, root, [root])
    assert tree.is_consistent(0, tree.EMPTY_ROOT, 5, root, [])
    assert not tree.is_consistent(0, other, 5, root, [])
    assert not tree.is_consistent(0, tree.EMPTY_ROOT, 5, root, [root])


@given(size=st.integers(1, 3000), fraction=st.floats(0, 1, exclude_max=True), old=st.integers(0))
def test_proofs_of_larger_trees_verify(size: int, fraction: float, old: int) -> None:
    """Proofs of trees of some blocks verify against the frontier's root."""
    leaves = data(size)
    node, root = nodes(leaves), grown(leaves).root()
    index = int(size * fraction)
    path = tree.inclusion_path(node, index, size)
    assert tree.root_from_inclusion(tree.leaf_hash(leaves[index]), index, size, path) == root
    old %= size + 1
    proof = tree.consistency_path(node, old, size)
    assert tree.is_consistent(old, grown(leaves[:old]).root(), size, root, proof)


def test_a_leaf_is_blinded() -> None:
    """A record's leaf is made of its blind and digest, to the byte, and differs by secret."""
    secret, digest = bytes(range(32)), sha256(b"digest").digest()
    blind = sha256(b"eventlog/blind/1\0" + secret + (7).to_bytes(8)).digest()
    leaf_data = sha256(b"eventlog/leaf/1\0" + blind + digest).digest()
    assert tree.blind(secret, 7) == blind
    assert tree.leaf_data(blind, digest) == leaf_data
    assert tree.record_leaf(secret, 7, digest) == sha256(b"\0" + leaf_data).digest()
    assert tree.record_leaf(bytes(32), 7, digest) != tree.record_leaf(secret, 7, digest)
