"""Stores rows that may be the journal's, by position, in a temporary database until graded.

The file is private and deleted at the end. So a log of any length is salvaged in constant memory.
Knows rows and levels; what a level is worth, `grading.py` decides.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Final, NamedTuple, Self

from eventlog.journal import chain
from eventlog.record import StoredRecord

# Where a row was found. CURRENT: on a current page, in order with its neighbours. STRAY: on
# such a page, by its looks only. STALE: in a frame of the WAL that SQLite would not read.
CURRENT: Final = 0
STRAY: Final = 1
STALE: Final = 2

_SCHEMA: Final = f"""
CREATE TABLE staged (
    {", ".join(StoredRecord._fields)}, level, digest,
    PRIMARY KEY (position, level, digest, hash)
) WITHOUT ROWID"""
_INSERT: Final = "INSERT OR IGNORE INTO staged VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_ALL: Final = "SELECT * FROM staged ORDER BY position, level"
_HAS: Final = "SELECT 1 FROM staged WHERE position = ? AND hash = ?"
_LAST_OF_TWO: Final = (
    "SELECT ifnull(max(position), 0) FROM staged AS this WHERE EXISTS"
    " (SELECT 1 FROM staged WHERE position = this.position - 1)"
)


class Candidate(NamedTuple):
    """A row that may be the journal's at its position, its digest, and where it was found."""

    row: StoredRecord
    level: int
    digest: bytes


class Staging:
    """Candidates on the disk. Use as a context manager."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute(_SCHEMA)
        self._connection.execute("BEGIN")

    def __enter__(self) -> Self:
        """Nothing more: it is open."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close; the file is the caller's to remove."""
        self._connection.close()

    def put(self, rows: Iterable[tuple[StoredRecord, int]]) -> None:
        """Keep rows, each with the level at which it was found; copies of one are kept once."""
        self._connection.executemany(
            _INSERT, ((*row, level, chain.digest(row)) for row, level in rows)
        )

    def by_position(self) -> Iterator[tuple[int, list[Candidate]]]:
        """Positions in their order, each with its candidates, best levels first."""
        rows = self._connection.execute(_ALL)
        candidates = (Candidate(StoredRecord._make(row[:12]), row[12], row[13]) for row in rows)
        for position, group in groupby(candidates, key=attrgetter("row.position")):
            yield position, list(group)

    def holds(self, position: int, record_hash: bytes) -> bool:
        """Whether a row with that hash was found at that position."""
        return self._connection.execute(_HAS, (position, record_hash)).fetchone() is not None

    def last_of_two(self) -> int:
        """The highest position that was found together with the one before it; 0 for none."""
        row: tuple[int] = self._connection.execute(_LAST_OF_TWO).fetchone()
        return row[0]
