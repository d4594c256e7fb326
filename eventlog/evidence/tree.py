r"""The Merkle tree of RFC 6962 over the journal's records, with blinded leaves.

Leaf i (from 0) is the record at position i + 1. Its data is not the record's digest but a hash of
the digest and a blind, so that the proof of one record gives no neighbour away: a short record
could be guessed from its digest, and without the blind it can't.

    blind     = SHA-256("eventlog/blind/1\0" + tree secret + position, 8 bytes big-endian)
    leaf data = SHA-256("eventlog/leaf/1\0" + blind + digest)
    leaf      = SHA-256(00 + leaf data)
    node      = SHA-256(01 + left + right)

Pure: hashes come in through a function, and nothing is known of files or rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Final, TypeAlias

HASH_SIZE: Final = 32
SECRET_SIZE: Final = 32
# A block is a full subtree of this many leaves: a tile of C2SP's tlog-tiles.
BLOCK_LEVEL: Final = 8
BLOCK: Final = 1 << BLOCK_LEVEL
EMPTY_ROOT: Final = sha256(b"").digest()

_BLIND: Final = b"eventlog/blind/1\0"
_LEAF: Final = b"eventlog/leaf/1\0"

# The hash of the full subtree at (level, index): its leaves are index << level and on.
Node: TypeAlias = Callable[[int, int], bytes]

# ── hashes ─────────────────────────────────────────────────────────────────────────────────


def blind(secret: bytes, position: int) -> bytes:
    """What hides the record at a position: 32 bytes that only the tree's secret gives."""
    return sha256(_BLIND + secret + position.to_bytes(8)).digest()


def leaf_data(blind: bytes, digest: bytes) -> bytes:
    """The data of a record's leaf, from its blind and its digest."""
    return sha256(_LEAF + blind + digest).digest()


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf."""
    return sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node over two others."""
    return sha256(b"\1" + left + right).digest()


def record_leaf(secret: bytes, position: int, digest: bytes) -> bytes:
    """The leaf's hash of the record at a position."""
    # Written out, as it runs for every record: three calls fewer.
    hidden = sha256(_BLIND + secret + position.to_bytes(8)).digest()
    return sha256(b"\0" + sha256(_LEAF + hidden + digest).digest()).digest()


def full_root(hashes: Sequence[bytes]) -> bytes:
    """The root of a full subtree over hashes whose number is a power of two."""
    while len(hashes) > 1:
        hashes = [
            sha256(b"\1" + left + right).digest()
            for left, right in zip(hashes[::2], hashes[1::2], strict=True)
        ]
    return hashes[0]


# ── a tree that grows ──────────────────────────────────────────────────────────────────────


class Frontier:
    """The right edge of a growing tree: all that it must remember.

    Holds the leaves of the last block, which is not full yet, and the roots of the full subtrees
    before it. `size` is the number of leaves.
    """

    def __init__(self) -> None:
        self.size = 0
        self._leaves: list[bytes] = []
        self._edge: list[bytes] = []  # the largest subtree first

    def push(self, leaf: bytes) -> bytes | None:
        """Add one leaf. Answers the root of the block that it fills, if it does."""
        self._leaves.append(leaf)
        self.size += 1
        if len(self._leaves) < BLOCK:
            return None
        root = full_root(self._leaves)
        self._leaves = []
        self._merge(root)
        return root

    def push_block(self, root: bytes) -> None:
        """Add a full block of leaves by its root. Raises ValueError inside a block."""
        if self._leaves:
            raise ValueError("a block begins where another one ended")
        self.size += BLOCK
        self._merge(root)

    def _merge(self, root: bytes) -> None:
        rest = self.size >> BLOCK_LEVEL
        while rest & 1 == 0:
            root = node_hash(self._edge.pop(), root)
            rest >>= 1
        self._edge.append(root)

    def root(self) -> bytes:
        """The root over all leaves."""
        edge = list(self._edge)
        if self._leaves:
            edge.append(range_root(self._leaf_node, 0, len(self._leaves)))
        if not edge:
            return EMPTY_ROOT
        root = edge.pop()
        while edge:
            root = node_hash(edge.pop(), root)
        return root

    def _leaf_node(self, level: int, index: int) -> bytes:
        return full_root(self._leaves[index << level : (index + 1) << level])


# ── proofs ─────────────────────────────────────────────────────────────────────────────────


def range_root(node: Node, first: int, end: int) -> bytes:
    """The root over the leaves first … end - 1, as RFC 6962 splits them. `first` fits the split."""
    size = end - first
    if size == 0:
        return EMPTY_ROOT
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return node(level, first >> level)
    middle = first + _split(size)
    return node_hash(range_root(node, first, middle), range_root(node, middle, end))


def inclusion_path(node: Node, index: int, size: int) -> list[bytes]:
    """The proof that leaf `index` is in the tree of `size` leaves, the leaf's sibling first."""
    path: list[bytes] = []
    first, end = 0, size
    while end - first > 1:
        middle = first + _split(end - first)
        if index < middle:
            path.append(range_root(node, middle, end))
            end = middle
        else:
            path.append(range_root(node, first, middle))
            first = middle
    path.reverse()
    return path


def consistency_path(node: Node, old: int, new: int) -> list[bytes]:
    """The proof that the tree of `old` leaves is the beginning of that of `new` leaves.

    It is empty where either is empty or both are the same.
    """
    if old in {0, new}:
        return []
    path: list[bytes] = []
    first, end = 0, new
    while end != old:
        middle = first + _split(end - first)
        if old <= middle:
            path.append(range_root(node, middle, end))
            end = middle
        else:
            path.append(range_root(node, first, middle))
            first = middle
    if first > 0:  # a verifier knows the old root itself, but no part of it
        path.append(range_root(node, first, end))
    path.reverse()
    return path


def root_from_inclusion(leaf: bytes, index: int, size: int, path: Iterable[bytes]) -> bytes | None:
    """The root that an inclusion proof leads to; None if it has too few or too many hashes."""
    if not 0 <= index < size:
        return None
    climbed = _climb(path, index, size - 1, leaf, leaf)
    return None if climbed is None else climbed[1]


def is_consistent(
    old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]
) -> bool:
    """Whether the proof shows that the new tree continues the old one."""
    if not 0 <= old <= new:
        return False
    if old == new:
        return not path and old_root == new_root
    if old == 0:
        return not path and old_root == EMPTY_ROOT
    hashes = list(path)
    if old & (old - 1) == 0:
        hashes.insert(0, old_root)
    if not hashes:
        return False
    rest, last = old - 1, new - 1
    while rest & 1:
        rest >>= 1
        last >>= 1
    return _climb(hashes[1:], rest, last, hashes[0], hashes[0]) == (old_root, new_root)


def _climb(
    path: Iterable[bytes], rest: int, last: int, old: bytes, new: bytes
) -> tuple[bytes, bytes] | None:
    """Where a path leads in the old tree and in the new: RFC 9162, 2.1.3.2 and 2.1.4.2.

    None if it has too few or too many hashes.
    """
    for hash_ in path:
        if last == 0:
            return None
        if rest & 1 or rest == last:
            old, new = node_hash(hash_, old), node_hash(hash_, new)
            while not rest & 1 and rest:
                rest >>= 1
                last >>= 1
        else:
            new = node_hash(new, hash_)
        rest >>= 1
        last >>= 1
    return (old, new) if last == 0 else None


def _split(size: int) -> int:
    """The largest power of two below a size of two or more."""
    return 1 << (size - 1).bit_length() - 1
