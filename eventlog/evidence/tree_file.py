r"""`DB_PATH.tree`: the roots of all full blocks of 256 records, so that a tree is loaded fast.

    16 bytes  b"eventlog/tree/1\0"
    16 bytes  the log's id
    32 bytes  for each full block, its root: the level-1 entries of C2SP's tlog-tiles

A cache, never synced: where it is torn, missing or of another log, it is made again from the
rows. It is next to the database and not in it, so that neither the writers' lock nor the WAL
sees it. Knows no rows.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, Self

from eventlog.evidence.tree import HASH_SIZE
from eventlog.storage.paths import tree_path
from eventlog.storage.side_files import open_side_file, read_side_file

_MAGIC: Final = b"eventlog/tree/1\0"
_HEADER_SIZE: Final = 32


class TreeFile:
    """The tree file, open for reading and writing. Use as a context manager."""

    def __init__(self, db_path: Path, log_id: bytes) -> None:
        """Open or make the file (0600); one of another log or format is emptied. Raises OSError."""
        self._fd = open_side_file(tree_path(db_path), os.O_RDWR, make=True)
        header = _MAGIC + log_id
        if os.pread(self._fd, _HEADER_SIZE, 0) != header:
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, header, 0)

    @property
    def blocks(self) -> int:
        """The number of complete roots in the file."""
        return max(0, os.fstat(self._fd).st_size - _HEADER_SIZE) // HASH_SIZE

    def write(self, block: int, root: bytes) -> None:
        """Put a block's root in its place. Raises OSError."""
        os.pwrite(self._fd, root, _HEADER_SIZE + block * HASH_SIZE)

    def cut(self, blocks: int) -> None:
        """Keep the first blocks only."""
        os.ftruncate(self._fd, _HEADER_SIZE + blocks * HASH_SIZE)

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        """Nothing more: it is open."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()


def read_blocks(db_path: Path, log_id: bytes, most: int) -> list[bytes]:
    """The first roots of the file, at most so many, unchanged; none where it is not this log's."""
    try:
        data = read_side_file(tree_path(db_path), _HEADER_SIZE + most * HASH_SIZE)
    except OSError:
        return []  # a cache: the rows say the same
    if data[:_HEADER_SIZE] != _MAGIC + log_id:
        return []
    roots = data[_HEADER_SIZE:]
    return [roots[at : at + HASH_SIZE] for at in range(0, len(roots) - HASH_SIZE + 1, HASH_SIZE)]
