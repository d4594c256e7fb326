"""A log of three records, made with nothing but the schema, and how an attack on it is run."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from eventlog.facts import Detection, Ding, Fact, Motion
from eventlog.journal import table as journal
from eventlog.journal.append import place, prepare
from eventlog.journal.table import SCHEMA
from eventlog.storage import connections

LOG_ID: Final = bytes(range(16))
NOON: Final = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)
HEAD: Final = 3

# What a new row is made of. `{position}` and `{key}` are put in where the attack wants them.
ROW: Final = "({position}, 1, 'ding', 1, 1, 0, 0, 1, {key}, NULL, x'80', zeroblob(32))"


def row(position: object = HEAD + 1, key: object = "NULL") -> str:
    """The VALUES of a row."""
    return ROW.format(position=position, key=key)


def append(connection: sqlite3.Connection, *facts: Fact, key: str | None = None) -> None:
    """Append facts as the appender would."""
    event_id = journal.last_event(connection) + 1
    rows, _ = place(
        prepare(facts, key=key),
        journal.head(connection),
        event_id=event_id,
        at_us=1_772_015_400_000_000,
        meta=None,
    )
    journal.insert(connection, rows)


def contents(connection: sqlite3.Connection) -> list[list[Any]]:
    """Every row of the two kept tables, and the schema that guards them."""
    return [
        connection.execute(sql).fetchall()
        for sql in (
            "SELECT * FROM main.journal ORDER BY position",
            "SELECT * FROM main.log",
            "SELECT type, name, tbl_name, sql FROM main.sqlite_schema ORDER BY name",
        )
    ]


def make_log(path: Path) -> Path:
    """A log of three records: a ding with a key and its detection, and a motion with a key."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.executescript(SCHEMA)
        connection.execute(f"PRAGMA application_id = {connections.APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {connections.USER_VERSION}")
        journal.make_log_id(connection, LOG_ID)
        ding = Ding(camera_id="front_door", recorded_at=NOON)
        append(connection, ding, Detection(label="person", confidence=0.9), key="ding 1")
        append(connection, Motion(camera_id="front_door", recorded_at=NOON), key="motion 1")
    return path


def refuse(connection: sqlite3.Connection, sql: str, match: str | None = None) -> None:
    """Run an attack: it must raise, alone and inside a transaction, and change nothing."""
    before = contents(connection)
    with pytest.raises(sqlite3.Error, match=match):
        connection.execute(sql).fetchall()
    assert contents(connection) == before
    connection.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.Error, match=match):
        connection.execute(sql).fetchall()
    if connection.in_transaction:  # OR ROLLBACK ends it
        connection.execute("COMMIT")
    assert contents(connection) == before
