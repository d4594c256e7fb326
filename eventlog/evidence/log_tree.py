"""Builds the tree over a log's rows while they are read, and makes proofs from it.

`LogTree` reads on from row to row, holds each hash against the chain, and keeps the right edge;
full blocks go into the tree file. `RowNodes` answers any subtree, from that file and from the
rows of one block. Knows rows and hashes, and neither keys nor heads.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from msgspec import Struct

from eventlog.errors import BadRecord, JournalHole
from eventlog.evidence import tree
from eventlog.evidence.tree import BLOCK, BLOCK_LEVEL, Frontier
from eventlog.evidence.tree_file import TreeFile, read_blocks
from eventlog.journal import chain
from eventlog.journal import table as journal
from eventlog.record import StoredRecord
from eventlog.storage.connections import connect_reader
from eventlog.storage.error_translation import translated

BATCH: Final = 1000
# A walk over all rows takes this many times as long as its work, as no caller waits for it.
WALK_REST: Final = 20

_DAMAGE: Final = (ValueError, TypeError, AttributeError)


class Read(Struct, frozen=True):
    """What was read on: how many rows, and the kinds among them."""

    rows: int
    kinds: frozenset[str]


class LogTree:
    """The tree over a log's first `size` rows, and the hash that the chain has there."""

    def __init__(self, db_path: Path, log_id: bytes, secret: bytes) -> None:
        """Begin with no rows. The tree file is opened for writing. Raises OSError."""
        self._log_id = log_id
        self._secret = secret
        self._file = TreeFile(db_path, log_id)
        self._db_path = db_path
        self._frontier = Frontier()
        self.hash = chain.genesis(log_id)

    @property
    def size(self) -> int:
        """How many rows are in the tree."""
        return self._frontier.size

    def root(self) -> bytes:
        """The root over them."""
        return self._frontier.root()

    def close(self) -> None:
        """Close the tree file."""
        self._file.close()

    def restore(self, connection: sqlite3.Connection, size: int) -> None:
        """Go to a size by the tree file's blocks and the rows behind the last of them.

        Blocks are believed: the caller holds the root against one that was signed. Where the file
        has too few, the rest comes from the rows. Raises BadRecord, JournalHole.
        """
        self._frontier = Frontier()
        blocks = read_blocks(self._db_path, self._log_id, size // BLOCK)
        for root in blocks:
            self._frontier.push_block(root)
        self._file.cut(len(blocks))  # the rest may be of rows that a power cut removed
        self.hash = self._hash_at(connection, self.size)
        self._read_to(connection, size)

    def rebuild(self, connection: sqlite3.Connection, size: int) -> None:
        """Build the tree from the rows alone, and write its file again. Raises as `restore`."""
        self._file.cut(0)
        self._frontier = Frontier()
        self.hash = chain.genesis(self._log_id)
        self._read_to(connection, size)

    def read_on(self, connection: sqlite3.Connection, *, limit: int = BATCH) -> Read:
        """Take up to `limit` rows that came after.

        Raises BadRecord if a hash does not follow, JournalHole if a row is missing or the
        rows end before the tree does: then nothing of them is in the tree.
        """
        rows = journal.read_after(connection, self.size, limit)
        self._take(rows)
        return Read(len(rows), frozenset(row.kind for row in rows))

    def still_there(self, connection: sqlite3.Connection) -> bool:
        """Whether the last row in the tree is still what it was."""
        row = journal.read_one(connection, self.size)
        return self.size == 0 or (row is not None and row.hash == self.hash)

    def _read_to(self, connection: sqlite3.Connection, size: int) -> None:
        while self.size < size:
            rows = journal.read_after(connection, self.size, min(BATCH, size - self.size))
            if not rows:
                raise JournalHole(self.size + 1, size)
            self._take(rows)

    def _take(self, rows: Sequence[StoredRecord]) -> None:
        secret, previous, push = self._secret, self.hash, self._frontier.push
        position = self.size
        leaves = []
        for row in rows:
            position += 1
            if row.position != position:
                raise JournalHole(position, row.position)
            try:
                digest = chain.digest(row)
            except _DAMAGE as error:
                raise BadRecord(position, "", "its columns hold what no record can") from error
            previous = chain.link(previous, digest)
            if previous != row.hash:
                raise BadRecord(position, "", "its hash does not follow: verify says more")
            leaves.append(tree.record_leaf(secret, position, digest))
        for leaf in leaves:
            block = push(leaf)
            if block is not None:
                self._file.write(self.size // BLOCK - 1, block)
        self.hash = previous

    def _hash_at(self, connection: sqlite3.Connection, position: int) -> bytes:
        if position == 0:
            return chain.genesis(self._log_id)
        row = journal.read_one(connection, position)
        if row is None:
            raise JournalHole(position, journal.last_position(connection))
        return row.hash


class RowNodes:
    """The full subtrees over a log's rows, for proofs. `blocks` are roots that may be believed.

    Blocks beyond those are made from the rows. Memory holds the leaves of one block.
    """

    def __init__(
        self, connection: sqlite3.Connection, secret: bytes, blocks: Sequence[bytes] = ()
    ) -> None:
        self._connection = connection
        self._secret = secret
        self._blocks = list(blocks)
        self._leaves: tuple[int, list[bytes]] = (-1, [])

    def __call__(self, level: int, index: int) -> bytes:
        """The hash of the subtree at (level, index). Raises JournalHole, BadRecord."""
        if level >= BLOCK_LEVEL:
            first = index << (level - BLOCK_LEVEL)
            end = (index + 1) << (level - BLOCK_LEVEL)
            return tree.full_root([self._block(number) for number in range(first, end)])
        first = index << level
        block = first // BLOCK
        start = first - block * BLOCK
        return tree.full_root(self._leaves_of(block)[start : start + (1 << level)])

    def _block(self, number: int) -> bytes:
        while len(self._blocks) <= number:
            self._blocks.append(tree.full_root(self._leaves_of(len(self._blocks))))
        return self._blocks[number]

    def _leaves_of(self, block: int) -> list[bytes]:
        if self._leaves[0] != block:
            self._leaves = block, row_leaves(self._connection, self._secret, block * BLOCK, BLOCK)
        return self._leaves[1]


def row_leaves(
    connection: sqlite3.Connection, secret: bytes, after: int, limit: int
) -> list[bytes]:
    """The leaves of up to `limit` rows after a position. Raises JournalHole, BadRecord."""
    leaves = []
    for position, row in enumerate(journal.read_after(connection, after, limit), start=after + 1):
        if row.position != position:
            raise JournalHole(position, row.position)
        leaves.append(tree.record_leaf(secret, position, digest_of(row)))
    return leaves


def digest_of(row: StoredRecord) -> bytes:
    """A row's digest. Raises BadRecord if its columns hold what no record can."""
    try:
        return chain.digest(row)
    except _DAMAGE as error:
        raise BadRecord(row.position, "", "its columns hold what no record can") from error


def root_at(
    connection: sqlite3.Connection, secret: bytes, size: int, blocks: Sequence[bytes] = ()
) -> bytes:
    """The root over a log's first rows. Raises JournalHole if there are fewer, BadRecord."""
    if journal.last_position(connection) < size:
        raise JournalHole(journal.last_position(connection) + 1, size)
    return tree.range_root(RowNodes(connection, secret, blocks), 0, size)


def walked_root(connection: sqlite3.Connection, secret: bytes, size: int) -> bytes:
    """The same from the rows alone, in one pass and flat memory; a rest after each batch.

    Raises as `root_at`.
    """
    frontier = Frontier()
    while frontier.size < size:
        started = time.monotonic()
        leaves = row_leaves(connection, secret, frontier.size, min(BATCH, size - frontier.size))
        if not leaves:
            raise JournalHole(frontier.size + 1, size)
        for leaf in leaves:
            frontier.push(leaf)
        time.sleep((time.monotonic() - started) * WALK_REST)
    return frontier.root()


@contextmanager
def reading(db_path: Path) -> Iterator[sqlite3.Connection]:
    """A connection for reading, closed afterwards. Raises DatabaseError."""
    connection = connect_reader(db_path)
    try:
        with translated(db_path):
            yield connection
    finally:
        connection.close()
