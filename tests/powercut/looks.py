"""What is looked at in a database that a fault or a cut has left.

Knows nothing of what was promised.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from eventlog.facts import Motion
from eventlog.journal import append as appends
from eventlog.journal import chain
from eventlog.journal import table as journal
from eventlog.projections import VIEWS
from eventlog.record import StoredRecord
from eventlog.storage.connections import transaction

Rows: TypeAlias = list[tuple[Any, ...]]


def view_rows(connection: sqlite3.Connection) -> list[Rows]:
    """All rows of all views."""
    tables = [table for view in VIEWS for table in view.tables]
    return [connection.execute(f"SELECT * FROM {table} ORDER BY id").fetchall() for table in tables]


def chain_error(log_id: bytes, rows: Sequence[StoredRecord]) -> int | None:
    """The first position whose hash is not what its row and the one before it come to."""
    before = chain.genesis(log_id)
    for row in rows:
        before = chain.link(before, chain.digest(row))
        if row.hash != before:
            return row.position
    return None


def integrity(connection: sqlite3.Connection) -> list[str]:
    """What SQLite itself finds wrong with a file."""
    found = connection.execute("PRAGMA integrity_check").fetchall()
    found += connection.execute("PRAGMA foreign_key_check").fetchall()
    return [] if found == [("ok",)] else [f"SQLite finds it damaged: {found[:2]}"]


_AT: Final = datetime(2026, 2, 26, tzinfo=UTC)


def next_fact() -> Motion:
    """What is appended after a cut."""
    return Motion(camera_id="front_door", recorded_at=_AT)


def check_next_append(connection: sqlite3.Connection) -> list[str]:
    """Append after what is there, make a WAL checkpoint, and check that the record is stored."""
    append = appends.prepare([next_fact()])
    event_id = journal.last_event(connection) + 1
    rows, head = appends.place(
        append, journal.head(connection), event_id=event_id, at_us=0, meta=None
    )
    with transaction(connection):
        journal.insert(connection, rows)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return [] if journal.head(connection) == head else ["the next append is not there"]
