"""A log's tree as files for any web server: C2SP's tlog-tiles.

    checkpoint                  the newest signed head
    tile/LEVEL/N                256 hashes; tile/LEVEL/N.p/W has the first W of an unfinished one
    tile/entries/N              the data of 256 leaves, each led by its length in two bytes

Leaf data is blinded: what is served here gives no record away. N is written in groups of three
digits, all but the last led by an x: 1234067 is x001/x234/067.

https://c2sp.org/tlog-tiles
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from eventlog.errors import HeadContradicted
from eventlog.evidence import tree
from eventlog.evidence.log_tree import digest_of
from eventlog.evidence.proving import require_secret
from eventlog.evidence.signed_heads import SignedHead
from eventlog.evidence.tree import BLOCK
from eventlog.journal import table as journal
from eventlog.storage.durable_files import make_folder, replace
from eventlog.storage.error_translation import translated

CHECKPOINT: Final = "checkpoint"


def write(connection: sqlite3.Connection, folder: Path, head: SignedHead) -> int:
    """Write the tiles of a head's tree and then the head; answers how many files were written.

    Full tiles that are there already are left alone: they never change. Raises HeadContradicted
    where the rows are not those that were signed, DatabaseError.
    """
    secret = require_secret(connection)
    written = 0
    blocks: list[bytes] = []
    last: list[bytes] = []
    for number, data in enumerate(_leaf_data(connection, secret, head.size)):
        entries = b"".join(len(one).to_bytes(2) + one for one in data)
        written += _put(folder, "entries", number, len(data), entries)
        leaves = [tree.leaf_hash(one) for one in data]
        written += _put(folder, "0", number, len(data), b"".join(leaves))
        if len(leaves) == BLOCK:
            blocks.append(tree.full_root(leaves))
        else:
            last = leaves
    _require_root(head, blocks, last)
    hashes = blocks
    level = 1
    while hashes:
        above: list[bytes] = []
        for number in range((len(hashes) + BLOCK - 1) // BLOCK):
            tile = hashes[number * BLOCK : (number + 1) * BLOCK]
            written += _put(folder, str(level), number, len(tile), b"".join(tile))
            if len(tile) == BLOCK:
                above.append(tree.full_root(tile))
        hashes, level = above, level + 1
    with translated(folder):
        make_folder(folder)
        replace(folder / CHECKPOINT, head.note.encode())
        (folder / CHECKPOINT).chmod(0o644)
    return written + 1


def tile_path(level: str, number: int, width: int) -> str:
    """The path of a tile, relative to the folder."""
    groups = [f"{number % 1000:03d}"]
    while number >= 1000:  # noqa: PLR2004 - groups of three digits
        number //= 1000
        groups.insert(0, f"x{number % 1000:03d}")
    path = f"tile/{level}/{'/'.join(groups)}"
    return path if width == BLOCK else f"{path}.p/{width}"


def _leaf_data(
    connection: sqlite3.Connection, secret: bytes, size: int
) -> Iterator[Sequence[bytes]]:
    for after in range(0, size, BLOCK):
        rows = journal.read_after(connection, after, min(BLOCK, size - after))
        yield [tree.leaf_data(tree.blind(secret, row.position), digest_of(row)) for row in rows]


def _require_root(head: SignedHead, blocks: Sequence[bytes], last: Sequence[bytes]) -> None:
    frontier = tree.Frontier()
    for block in blocks:
        frontier.push_block(block)
    for leaf in last:
        frontier.push(leaf)
    if (frontier.size, frontier.root()) != (head.size, head.root):
        raise HeadContradicted("the records are not those that were signed: verify says more")


def _put(folder: Path, level: str, number: int, width: int, content: bytes) -> int:
    path = folder / tile_path(level, number, width)
    if width == BLOCK and path.exists():
        return 0
    with translated(folder):
        make_folder(path.parent)
        replace(path, content)
        path.chmod(0o644)
    return 1
