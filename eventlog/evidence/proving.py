"""Makes proofs from a log: of single records, and that one head continues another.

Every proof is checked against its head before it is given away, so that a damaged or changed log
gives none. Reads rows, the tree file and the heads next to a log; signs nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from eventlog.errors import BadArgument, HeadContradicted, KeysMissing
from eventlog.evidence import log_tree, proofs, tree, tree_secret
from eventlog.evidence.log_tree import RowNodes, digest_of
from eventlog.evidence.note import PublicKey
from eventlog.evidence.proofs import Proof
from eventlog.evidence.signed_heads import SignedHead
from eventlog.evidence.tree import BLOCK
from eventlog.evidence.tree_file import read_blocks
from eventlog.journal import table as journal
from eventlog.record import ID_MAX

_COSIGNATURE_SIZE = 8 + 64  # a time and an Ed25519 signature


def prove(connection: sqlite3.Connection, db_path: Path, head: SignedHead, position: int) -> Proof:
    """The proof that the record at a position is in a head's tree.

    Raises BadArgument if the journal or the head does not reach it, HeadContradicted if the
    log no longer has the record that was signed, KeysMissing where the log has no tree.
    """
    row = journal.read_one(connection, position) if 0 < position <= ID_MAX else None
    if row is None:
        raise BadArgument(f"there is no record {position}")
    if position > head.size:
        raise BadArgument(f"record {position} came after the head of {head.size} records")
    secret = require_secret(connection)
    blind = tree.blind(secret, position)
    leaf = tree.leaf_hash(tree.leaf_data(blind, digest_of(row)))
    for blocks in _blocks(connection, db_path, head.size):
        nodes = RowNodes(connection, secret, blocks)
        path = tree.inclusion_path(nodes, position - 1, head.size)
        if tree.root_from_inclusion(leaf, position - 1, head.size, path) == head.root:
            return proofs.make(row, blind, path, head)
    raise HeadContradicted(
        f"record {position} is not in the signed head of {head.size} records: the log is another"
        " than what was signed"
    )


def prove_between(
    connection: sqlite3.Connection, db_path: Path, old: SignedHead, new: SignedHead
) -> list[bytes]:
    """The proof that the newer head continues the older one. Raises as `prove`."""
    if old.size > new.size:
        raise BadArgument(f"a head of {new.size} records can't continue one of {old.size}")
    secret = require_secret(connection)
    if journal.last_position(connection) < new.size:
        raise HeadContradicted(f"the log has no {new.size} records any more")
    for blocks in _blocks(connection, db_path, new.size):
        path = tree.consistency_path(RowNodes(connection, secret, blocks), old.size, new.size)
        if tree.is_consistent(old.size, old.root, new.size, new.root, path):
            return path
    raise HeadContradicted(
        f"the heads of {old.size} and {new.size} records are not both in this log"
    )


def heads_over(
    heads: Iterable[SignedHead], position: int, origin: str, key: PublicKey | None = None
) -> Iterator[SignedHead]:
    """The heads of a name to prove a record with, the best first: cosigned, then the newest.

    With a `key`, only heads that it has signed: other programs may write the file next to
    the log, and after a rotation the older heads have another key.
    """
    reaching = [head for head in heads if head.size >= position and head.origin == origin]
    reaching.sort(key=lambda head: (is_cosigned(head), head.size), reverse=True)
    return (head for head in reaching if key is None or key.signs(head.note))


def is_cosigned(head: SignedHead) -> bool:
    """Whether the head has a line that looks like a witness's."""
    return any(
        one.name != head.origin and len(one.blob) == _COSIGNATURE_SIZE
        for one in head.note.signatures
    )


def require_secret(connection: sqlite3.Connection) -> bytes:
    """The tree's secret. Raises KeysMissing if the log was never signed."""
    secret = tree_secret.read(connection)
    if secret is None:
        raise KeysMissing("no head of this log was ever signed: eventlog keys init makes the key")
    return secret


def path_between(connection: sqlite3.Connection, db_path: Path, old: int, size: int) -> list[bytes]:
    """The proof that the tree of `size` records continues that of `old`; nothing is checked.

    Raises JournalHole, BadRecord, KeysMissing.
    """
    blocks = read_blocks(db_path, journal.log_id(connection), size // BLOCK)
    nodes = RowNodes(connection, require_secret(connection), blocks)
    return tree.consistency_path(nodes, old, size)


def hold(connection: sqlite3.Connection, db_path: Path, head: SignedHead) -> None:
    """Raise HeadContradicted where a head that is known outside is not of this log as it is."""
    end = journal.last_position(connection)
    if head.size > end:
        raise HeadContradicted(
            f"{head.size} records are known outside, here are {end}: restored or copied?"
        )
    secret = require_secret(connection)
    if all(
        log_tree.root_at(connection, secret, head.size, blocks) != head.root
        for blocks in _blocks(connection, db_path, head.size)
    ):
        raise HeadContradicted(
            f"another log of {head.size} records is known outside under this name"
        )


def _blocks(connection: sqlite3.Connection, db_path: Path, size: int) -> Iterable[Sequence[bytes]]:
    """The tree file's blocks, and none: where the file is stale, the rows decide."""
    known = read_blocks(db_path, journal.log_id(connection), size // BLOCK)
    return (known, ()) if known else ((),)
