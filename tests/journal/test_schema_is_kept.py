"""The journal's schema is kept: DDL on it is refused by our own connections.

No guard in a schema can refuse DDL, so each connection that this package opens for writing has
an authorizer. What another program's connection does to the schema is found by `verify`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from eventlog.storage import authorizer, connections
from eventlog.storage.lock import FileLock
from eventlog.storage.paths import lock_path
from eventlog.store.compat import caller_connection as callers
from tests.journal.guarded_log import contents, make_log


@pytest.fixture(params=["writer", "caller"])
def ours(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A connection as the package opens it: its writer's, and the one shown as store.db."""
    path = make_log(tmp_path / "log.db")
    lock = FileLock(lock_path(path))
    if request.param == "writer":
        connection = connections.connect_writer(path, lock)
        authorizer.keep_journal(connection)
    else:
        connection = callers.connect_caller(path)
    with closing(connection):
        yield connection
    lock.close()


def run(connection: sqlite3.Connection, *statements: str) -> None:
    """Run statements one after the other."""
    for sql in statements:
        connection.execute(sql).fetchall()


def refused(connection: sqlite3.Connection, *attack: str) -> None:
    """Run statements of which at least one must raise; journal, log and schema stay."""
    before = contents(connection)
    with pytest.raises(sqlite3.DatabaseError, match=r"not authorized|may not be modified"):
        run(connection, *attack)
    if connection.in_transaction:
        connection.rollback()
    assert contents(connection) == before


@pytest.mark.parametrize("table", ["journal", "main.journal", "JOURNAL", '"Journal"', "log", "LOG"])
def test_the_table_is_not_dropped(ours: sqlite3.Connection, table: str) -> None:
    """DROP TABLE, under every spelling of the name."""
    refused(ours, f"DROP TABLE {table}")
    refused(ours, f"DROP TABLE IF EXISTS {table}")


@pytest.mark.parametrize(
    "change",
    [
        "RENAME TO elsewhere",
        "ADD COLUMN more TEXT",
        "DROP COLUMN {column}",
        "RENAME COLUMN {column} TO other",
    ],
)
@pytest.mark.parametrize(
    ("table", "column"), [("journal", "meta"), ("Journal", "META"), ("log", "log_id")]
)
def test_the_table_is_not_altered(
    ours: sqlite3.Connection, table: str, column: str, change: str
) -> None:
    """ALTER TABLE in each of its four forms."""
    refused(ours, f"ALTER TABLE {table} {change.format(column=column)}")


def test_no_guard_and_no_index_of_it_is_dropped(ours: sqlite3.Connection) -> None:
    """Every trigger and index that the schema puts on the kept tables stays."""
    found = ours.execute(
        "SELECT type, name FROM sqlite_schema WHERE tbl_name IN ('journal', 'log')"
        " AND type IN ('trigger', 'index') AND sql IS NOT NULL"
    ).fetchall()
    assert len(found) >= 8
    for kind, name in map(tuple, found):
        refused(ours, f"DROP {kind} {name}")
        refused(ours, f"DROP {kind} IF EXISTS main.{name.upper()}")


@pytest.mark.parametrize(
    "attack",
    [
        "CREATE TRIGGER more AFTER INSERT ON journal BEGIN SELECT 1; END",
        "CREATE TRIGGER more BEFORE INSERT ON JOURNAL BEGIN SELECT raise(IGNORE); END",
        "CREATE TEMP TRIGGER more BEFORE INSERT ON journal BEGIN SELECT raise(IGNORE); END",
        "CREATE TEMP TRIGGER more BEFORE INSERT ON main.journal BEGIN SELECT raise(IGNORE); END",
        "CREATE TRIGGER more BEFORE INSERT ON log BEGIN SELECT raise(IGNORE); END",
        "CREATE UNIQUE INDEX more ON journal (event_id)",
        "CREATE INDEX IF NOT EXISTS main.more ON Journal (kind)",
    ],
)
def test_nothing_is_hung_on_the_table(ours: sqlite3.Connection, attack: str) -> None:
    """A trigger could swallow appends in silence, a unique index could refuse or replace them."""
    refused(ours, attack)


@pytest.mark.parametrize(
    "attack",
    [
        "CREATE TEMP TABLE journal (position INTEGER)",
        "CREATE TEMP TABLE Journal AS SELECT 1 AS position",
        "CREATE TABLE temp.journal (position INTEGER)",
        "CREATE TEMP VIEW journal AS SELECT 1 AS position",
        "CREATE TEMP VIEW log AS SELECT zeroblob(16) AS log_id",
    ],
)
def test_nothing_takes_the_tables_name(ours: sqlite3.Connection, attack: str) -> None:
    """Every later statement would use a temporary table of that name instead of the journal."""
    refused(ours, attack)


@pytest.mark.parametrize(
    "pragma",
    [
        "PRAGMA writable_schema = ON",
        "PRAGMA writable_schema = 1",
        "PRAGMA writable_schema (1)",
        "PRAGMA main.writable_schema = TRUE",
        "PRAGMA WRITABLE_SCHEMA = ON",
        'PRAGMA "Writable_Schema" = 1',
        "PRAGMA writable_schema = RESET",
    ],
)
@pytest.mark.parametrize(
    "write",
    [
        "DELETE FROM sqlite_schema WHERE name = 'journal_no_update'",
        "UPDATE sqlite_master SET sql = '' WHERE tbl_name = 'journal'",
        "INSERT INTO sqlite_schema SELECT * FROM sqlite_schema WHERE name = 'journal_no_update'",
    ],
)
def test_the_schema_is_not_written_as_a_table(
    ours: sqlite3.Connection, pragma: str, write: str
) -> None:
    """PRAGMA writable_schema stays off, however it is spelled, and so sqlite_schema stays shut."""
    refused(ours, pragma)
    refused(ours, write)
    refused(ours, pragma, write)


def test_the_same_file_attached_again_is_kept_too(ours: sqlite3.Connection, tmp_path: Path) -> None:
    """Another name for the database opens no other way to the journal."""
    ours.execute("ATTACH ? AS again", (str(tmp_path / "log.db"),))
    refused(ours, "DROP TABLE again.journal")
    refused(ours, "DROP TRIGGER again.journal_no_delete")
    refused(ours, "PRAGMA again.writable_schema = ON")
    ours.execute("DETACH again")


def test_other_tables_are_free(ours: sqlite3.Connection) -> None:
    """Read tables are made, altered and dropped as they were without the authorizer."""
    before = contents(ours)
    for sql in (
        "CREATE TABLE view_of_mine (journal INTEGER)",
        "CREATE INDEX mine ON view_of_mine (journal)",
        "CREATE TRIGGER mine_too AFTER INSERT ON view_of_mine BEGIN SELECT 1; END",
        "INSERT INTO view_of_mine VALUES (1)",
        "ALTER TABLE view_of_mine RENAME TO mine_again",
        "DROP TABLE mine_again",
        "CREATE TEMP TABLE scratch (x)",
    ):
        ours.execute(sql)
    ours.commit()
    assert contents(ours) == before


def test_the_swap_of_a_replay_opens_the_schema_and_shuts_it_again(
    ours: sqlite3.Connection,
) -> None:
    """schema_opened lifts the refusal for its block, and restores it when the block raises."""
    with authorizer.schema_opened(ours):
        ours.execute("PRAGMA writable_schema = ON")
        ours.execute("PRAGMA writable_schema = OFF")
    refused(ours, "PRAGMA writable_schema = ON")
    with pytest.raises(KeyError), authorizer.schema_opened(ours):
        raise KeyError
    refused(ours, "PRAGMA writable_schema = ON")
