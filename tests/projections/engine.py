"""A small engine for the tests of views: runs statements on SQLite in memory, and dumps tables.

It replaces the projector, so that each view is tested alone. Knows no journal and no checkpoint.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from eventlog.facts import Fact, Motion
from eventlog.projections import VIEWS
from eventlog.projections.projection import Projection, Statement, positional
from eventlog.record import EPOCH, EventId, Position, Record

T0 = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)
T0_US = int((T0 - EPOCH).total_seconds()) * 1_000_000


class NotApplied(Exception):
    """A row of parameters did not change exactly one row."""


class Closing(sqlite3.Connection):
    """A connection that its last reference closes: many short tests leave it to that."""

    def __del__(self) -> None:
        """Close the connection: from Python 3.13 on, sqlite3 warns of one that is open."""
        self.close()


def database(views: Sequence[Projection] = VIEWS, p: str = "") -> sqlite3.Connection:
    """An empty database in memory with the tables of the views."""
    # The garbage collector may run on any thread, and closes the connection there.
    connection = sqlite3.connect(
        ":memory:", isolation_level=None, factory=Closing, check_same_thread=False
    )
    connection.execute("PRAGMA foreign_keys = ON")
    make(connection, views, p)
    return connection


def make(connection: sqlite3.Connection, views: Sequence[Projection], p: str) -> None:
    """Make the tables and indexes of the views."""
    for view in views:
        for statement in view.schema.format(p=p).split(";\n"):
            connection.execute(statement)


def run(connection: sqlite3.Connection, statements: Iterable[Statement], p: str = "") -> int:
    """Run statements; the answer is how many rows they wrote. Raises NotApplied."""
    written = 0
    for statement in statements:
        sql, ordered = positional(statement.sql.format(p=p))
        for row in statement.rows:
            changed = connection.execute(sql, row if ordered is None else ordered(row)).rowcount
            if statement.changes_each and changed != 1:
                raise NotApplied(f"{changed} rows changed by {row}")
            written += changed
    return written


def project(
    connection: sqlite3.Connection,
    records: Sequence[Record],
    views: Sequence[Projection] = VIEWS,
    p: str = "",
) -> int:
    """Apply one batch to the views; the answer is how many rows were written."""
    return sum(
        run(connection, view.apply([r for r in records if type(r.fact) in view.handles]), p)
        for view in views
    )


def projected(
    records: Sequence[Record], cuts: Iterable[int] = (), views: Sequence[Projection] = VIEWS
) -> sqlite3.Connection:
    """A database with the records in it, applied in batches that end at the cuts."""
    connection = database(views)
    edges = sorted({0, len(records), *cuts})
    for start, end in pairwise(edges):
        project(connection, records[start:end], views)
    return connection


def dump(connection: sqlite3.Connection) -> list[str]:
    """Everything that the database holds, sqlite_sequence included, floats by their bits."""
    lines = []
    for (table,) in connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"
    ).fetchall():
        rows = connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
        lines += [f"{table} {tuple(map(_exact, row))}" for row in rows]
    return lines


def _exact(value: object) -> str:
    return value.hex() if isinstance(value, float) else repr(value)


def rows(connection: sqlite3.Connection, table: str) -> list[dict[str, Any]]:
    """All rows of a table, in the order of their ids."""
    cursor = connection.execute(f"SELECT * FROM {table} ORDER BY id")
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def visit(*facts: Fact, event_id: int = 1, first: int = 1) -> list[Record]:
    """Records of one event, positions from `first` on, each appended a second after the last."""
    return [
        record(fact, position=first + index, event_id=event_id) for index, fact in enumerate(facts)
    ]


def record(fact: Fact, *, position: int, event_id: int | None = 1) -> Record:
    """A record whose time of append follows from its position."""
    return Record(
        Position(position),
        None if event_id is None else EventId(event_id),
        T0_US + position * 1_000_000,
        None,
        fact,
    )


def motion(seconds: float = 0.0, camera_id: str = "front_door") -> Motion:
    """A motion so many seconds after T0."""
    return Motion(camera_id=camera_id, recorded_at=T0 + timedelta(seconds=seconds))
