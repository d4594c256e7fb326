"""The yardstick `bare`: the standard library's sqlite3 in one thread, and nothing else.

Ready-made rows go into the journal's table, blobs and hashes and all; the table has our columns,
checks and two indexes and none of our triggers. Nothing is encoded, hashed, locked, queued or
waited for, and the commits are the append's own. `BareViews` fills the read tables and their
indexes beside it from rows that are ready as well. SQLite's defaults stand, as in `plain`.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.plain import Synchronous
from eventlog.facts import Fact
from eventlog.followers import fold, view_tables
from eventlog.journal import append as appends
from eventlog.journal import table as journal
from eventlog.journal.table import SCHEMA
from eventlog.projections import VIEWS
from eventlog.record import Head, Position, StoredRecord

Rows = list[tuple[Any, ...]]
# A view's statement and the rows it is run with.
Ready = list[tuple[str, Rows]]

_AT_US: Final = 1_772_015_400_000_000
_META: Final = b"\x82\xa4boot\xc4\x10" + bytes(16) + b"\xa8clock_ns\xcf" + bytes(8)


class Bare:
    """A connection that inserts and commits."""

    def __init__(
        self, path: Path, *, synchronous: Synchronous = "NORMAL", views: bool = False
    ) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None, cached_statements=512)
        for pragma in ("journal_mode = WAL", "foreign_keys = ON", f"synchronous = {synchronous}"):
            self.connection.execute(f"PRAGMA {pragma}")
        for statement in view_tables.statements(SCHEMA):
            if _JOURNAL.search(statement):
                self.connection.execute(statement)
        if views:
            for view in VIEWS:
                view_tables.create_tables(self.connection, view)

    def append(self, rows: Rows, ready: Ready = []) -> None:  # noqa: B006 - never changed
        """Insert rows of the journal, and ready rows of views, and commit."""
        if not ready and len(rows) <= journal.ROWS_PER_STATEMENT:
            journal.insert(self.connection, rows)  # one statement commits by itself
            return
        self.connection.execute("BEGIN IMMEDIATE")
        journal.insert(self.connection, rows)
        for sql, some in ready:
            self.connection.executemany(sql, some)
        self.connection.execute("COMMIT")

    def close(self) -> None:
        """Close."""
        self.connection.close()


_JOURNAL: Final = re.compile(r"CREATE (TABLE journal|(UNIQUE )?INDEX journal_)")


class RowsMaker:
    """Makes ready rows of one journal, append after append."""

    def __init__(self) -> None:
        self._head = Head(Position(0), bytes(32))
        self._event = 0

    def rows(self, facts: Sequence[Fact]) -> Rows:
        """The rows of one append that opens an event."""
        self._event += 1
        append = appends.prepare(facts)
        placed, self._head = appends.place(
            append, self._head, event_id=self._event, at_us=_AT_US, meta=_META
        )
        return placed


def ready_views(rows: Rows) -> Ready:
    """What the views say about these rows, folded as a batch, ready to be run."""
    stored = [StoredRecord._make(row) for row in rows]
    batch = fold.decode(stored, stored[0].position - 1)
    ready: Ready = []
    for view in VIEWS:
        found = fold.statements(view, batch, 0)
        assert found is not None
        ready += [(statement.sql.format(p=""), statement.rows) for statement in found]
    return ready


def joined(groups: Iterable[Rows], size: int) -> list[Rows]:
    """Appends taken together, so many at a time."""
    taken = list(groups)
    return [
        [row for rows in taken[start : start + size] for row in rows]
        for start in range(0, len(taken), size)
    ]
