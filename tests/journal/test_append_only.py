"""The journal is append-only: the promise, and every form of statement that was tried against it.

All are spoken to a plain connection, as any program with SQLite could, with recursive_triggers
off and on: the guards of schema.sql hold alone. `test_journal_schema_is_kept.py` tries DDL.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from eventlog.facts import Motion
from eventlog.journal import table as journal
from eventlog.journal.table import SCHEMA
from tests.journal.guarded_log import HEAD, LOG_ID, NOON, append, contents, make_log, refuse, row

SETS: Final = "kind = 'forged', hash = zeroblob(32)"


@pytest.fixture(params=["OFF", "ON"], ids=["recursive triggers off", "recursive triggers on"])
def plain(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A connection of any program: no authorizer, foreign keys off, in autocommit."""
    with closing(
        sqlite3.connect(make_log(tmp_path / "log.db"), isolation_level=None)
    ) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(f"PRAGMA recursive_triggers = {request.param}")
        yield connection


# ── changing and deleting ──────────────────────────────────────────────────────────────────

ORS: Final = ["", "OR ROLLBACK", "OR ABORT", "OR REPLACE", "OR FAIL", "OR IGNORE"]


@pytest.mark.parametrize("how", ORS)
@pytest.mark.parametrize(
    "change",
    [
        SETS,
        "kind = kind",
        "position = position + 10",
        "position = 1",
        "rowid = 9",
        "_rowid_ = -1",
        "key = 'ding 1'",
        "key = NULL",
        "body = x''",
        "meta = x'80' WHERE position = 2",
        "hash = zeroblob(32) WHERE key = 'motion 1' RETURNING position",
        "kind = other.kind FROM (SELECT 'forged' AS kind) AS other",
    ],
)
def test_no_update_changes_a_record(plain: sqlite3.Connection, how: str, change: str) -> None:
    """UPDATE is refused with every conflict clause, on every column, and even without effect."""
    refuse(plain, f"UPDATE {how} journal SET {change}", "a record is never changed")


@pytest.mark.parametrize(
    "delete",
    [
        "DELETE FROM journal",
        "DELETE FROM journal WHERE position = 3",
        "DELETE FROM journal WHERE key = 'ding 1' RETURNING body",
        "DELETE FROM journal WHERE rowid IN (SELECT max(rowid) FROM journal)",
        "DELETE FROM journal INDEXED BY journal_key WHERE key IS NOT NULL",
        "WITH old AS (SELECT 1 AS at) DELETE FROM journal WHERE position IN (SELECT at FROM old)",
    ],
)
def test_no_delete_removes_a_record(plain: sqlite3.Connection, delete: str) -> None:
    """DELETE is refused with and without WHERE, so that no truncating short cut is taken."""
    refuse(plain, delete, "a record is never deleted")


# ── inserting where a record stands ────────────────────────────────────────────────────────

TWICE: Final = f"ON CONFLICT (key) WHERE key IS NOT NULL DO UPDATE SET {SETS}"
MOVES: Final = "position = excluded.position + 100 RETURNING position"
INSERTS: Final = [
    "INSERT INTO journal VALUES {}",
    "INSERT OR REPLACE INTO journal VALUES {}",
    "REPLACE INTO journal VALUES {}",
    "INSERT OR IGNORE INTO journal VALUES {}",
    "INSERT OR FAIL INTO journal VALUES {}",
    "INSERT OR ABORT INTO journal VALUES {}",
    "INSERT OR ROLLBACK INTO journal VALUES {}",
    "INSERT OR REPLACE INTO journal SELECT * FROM (VALUES {})",
    "INSERT INTO journal VALUES {} ON CONFLICT DO NOTHING",
    f"INSERT INTO journal VALUES {{}} ON CONFLICT DO UPDATE SET {SETS}",
    f"INSERT INTO journal VALUES {{}} ON CONFLICT (position) DO UPDATE SET {SETS}",
    f"INSERT INTO journal VALUES {{}} {TWICE}",
    f"INSERT INTO journal VALUES {{}} ON CONFLICT (position) DO NOTHING {TWICE}",
    f"INSERT INTO journal VALUES {{}} ON CONFLICT (position) DO UPDATE SET {MOVES}",
]


@pytest.mark.parametrize("insert", INSERTS)
@pytest.mark.parametrize(
    "position",
    [0, 1, HEAD, HEAD + 2, -1, "NULL", "'3'", 3.0, 2**63 - 1, -(2**63), "(SELECT 3)"],
)
def test_no_insert_takes_another_place_than_the_next(
    plain: sqlite3.Connection, insert: str, position: object
) -> None:
    """Before the journal, on a record, past the next place or at none: refused in every form."""
    refuse(plain, insert.format(row(position)), "takes the position after the last one")


@pytest.mark.parametrize("insert", INSERTS)
@pytest.mark.parametrize("key", ["'ding 1'", "'motion 1'", "'ding' || ' 1'"])
def test_no_insert_brings_a_key_that_stands_there(
    plain: sqlite3.Connection, insert: str, key: str
) -> None:
    """The right place does not help: OR REPLACE would delete through the key's index."""
    refuse(plain, insert.format(row(key=key)), "the key stands in the journal already")


@pytest.mark.parametrize("key", ["7", "7.0", "'7'"])
def test_a_key_of_another_type_is_compared_as_the_text_it_becomes(
    plain: sqlite3.Connection, key: str
) -> None:
    """A number would be stored as text: it is looked for as text."""
    text = key.strip("'")
    plain.execute(f"INSERT INTO journal VALUES {row(key=repr(text))}")
    attack = f"INSERT OR REPLACE INTO journal VALUES {row(HEAD + 2, key)}"
    refuse(plain, attack, "the key stands in the journal already")


@pytest.mark.parametrize("insert", ["INSERT", "INSERT OR REPLACE", "INSERT OR IGNORE", "REPLACE"])
@pytest.mark.parametrize(
    "rows",
    [
        [row(HEAD + 1), row(HEAD + 1)],
        [row(HEAD + 1), row(HEAD + 3)],
        [row(HEAD + 2), row(HEAD + 1)],
        [row(HEAD + 1), row(1)],
        [row(HEAD + 1, "'new'"), row(HEAD + 2, "'new'")],
        [row(HEAD + 1, "'new'"), row(HEAD + 2, "'ding 1'")],
    ],
)
def test_no_insert_of_many_rows_slips_one_in(
    plain: sqlite3.Connection, insert: str, rows: list[str]
) -> None:
    """Each row of a statement is compared with those before it; all of them go, or none."""
    refuse(plain, f"{insert} INTO journal VALUES {', '.join(rows)}", "journal: ")


def test_no_insert_without_a_position_gets_one(plain: sqlite3.Connection) -> None:
    """SQLite's own choice of a rowid is refused: the writer says where a record goes."""
    columns = "event_id, kind, version, format, appended_at, append_index, append_size, body, hash"
    refuse(
        plain,
        f"INSERT INTO journal ({columns}) VALUES (1, 'ding', 1, 1, 0, 0, 1, x'80', zeroblob(32))",
        "takes the position after the last one",
    )


@pytest.mark.parametrize("position", [0, -1, 2, "NULL"])
@pytest.mark.parametrize("insert", INSERTS[:4])
def test_an_empty_journal_begins_at_one(tmp_path: Path, insert: str, position: object) -> None:
    """The first record takes position 1 and no other."""
    with closing(sqlite3.connect(tmp_path / "empty.db", isolation_level=None)) as connection:
        connection.executescript(SCHEMA)
        refuse(connection, insert.format(row(position)), "takes the position after the last one")
        connection.execute(insert.format(row(1)))
        assert journal.last_position(connection) == 1


@pytest.mark.parametrize(
    "attack",
    [
        "DELETE FROM journal",
        f"UPDATE OR REPLACE journal SET {SETS}",
        f"INSERT OR REPLACE INTO journal VALUES {row(2)}",
        f"INSERT OR REPLACE INTO journal VALUES {row(key=repr('ding 1'))}",
    ],
)
def test_no_trigger_of_another_table_reaches_a_record(
    plain: sqlite3.Connection, attack: str
) -> None:
    """A trigger that writes meets the guards as any statement does, and OR REPLACE outside too."""
    plain.execute("CREATE TABLE bait (x)")
    plain.execute(f"CREATE TRIGGER bite AFTER INSERT ON bait BEGIN {attack}; END")
    refuse(plain, "INSERT OR REPLACE INTO bait VALUES (1)", "journal: ")


def test_no_cascade_deletes_a_record(plain: sqlite3.Connection) -> None:
    """A table that points at the journal, or is pointed at by a copy of it, moves no record."""
    plain.execute("PRAGMA foreign_keys = ON")
    plain.execute(
        "CREATE TABLE child (at INTEGER REFERENCES journal (position)"
        " ON DELETE CASCADE ON UPDATE CASCADE)"
    )
    plain.execute("INSERT INTO child VALUES (2)")
    refuse(plain, "DELETE FROM journal WHERE position = 2", "a record is never deleted")
    before = contents(plain)
    plain.execute("DELETE FROM child")
    assert contents(plain) == before


@pytest.mark.parametrize(
    ("table", "column"), [("journal", "body"), ("journal", "hash"), ("log", "log_id")]
)
def test_no_blob_handle_writes_into_a_record(
    plain: sqlite3.Connection, table: str, column: str
) -> None:
    """Incremental blob I/O runs no trigger; an index over an expression makes SQLite refuse it."""
    before = contents(plain)
    with (
        pytest.raises(sqlite3.OperationalError, match="cannot open indexed column for writing"),
        plain.blobopen(table, column, 1) as blob,
    ):
        blob.write(b"\xff")
    assert contents(plain) == before


# ── what the guards let pass ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("insert", INSERTS)
def test_the_next_place_with_a_new_key_is_open(plain: sqlite3.Connection, insert: str) -> None:
    """The guards refuse what they must and nothing else."""
    plain.execute(insert.format(row(key="'a new key'"))).fetchall()
    assert journal.last_position(plain) == HEAD + 1


def test_a_refused_insert_burns_no_position(plain: sqlite3.Connection) -> None:
    """After a refusal the next position is the same as before, so there is no hole."""
    refuse(plain, f"INSERT INTO journal VALUES {row(key=repr('ding 1'))}")
    plain.execute(f"INSERT INTO journal VALUES {row()}")
    assert journal.last_position(plain) == HEAD + 1


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("position", "'four'"),
        ("event_id", "0"),
        ("event_id", "'x'"),
        ("kind", "NULL"),
        ("kind", "x'00'"),
        ("version", "0"),
        ("version", "1.5"),
        ("format", "0"),
        ("appended_at", "'now'"),
        ("append_index", "-1"),
        ("append_size", "0"),
        ("key", "x'64696e672031'"),
        ("meta", "'text'"),
        ("body", "NULL"),
        ("body", "'text'"),
        ("hash", "zeroblob(31)"),
        ("hash", "NULL"),
    ],
)
def test_a_column_takes_its_own_type_and_range_only(
    plain: sqlite3.Connection, column: str, value: str
) -> None:
    """STRICT and the checks refuse a row that no reader could trust, OR REPLACE or not."""
    names = [name for _, name, *_ in plain.execute("PRAGMA table_info (journal)")]
    values = row().strip("()").split(", ")
    values[names.index(column)] = value
    refuse(plain, f"INSERT INTO journal VALUES ({', '.join(values)})")
    refuse(plain, f"INSERT OR REPLACE INTO journal VALUES ({', '.join(values)})")


# ── the log's id ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE log SET log_id = zeroblob(16)",
        "UPDATE OR REPLACE log SET log_id = zeroblob(16) WHERE one = 1",
        "UPDATE OR IGNORE log SET one = one",
        "DELETE FROM log",
        "DELETE FROM log WHERE one = 1 RETURNING log_id",
        "INSERT INTO log VALUES (1, zeroblob(16))",
        "INSERT INTO log VALUES (2, zeroblob(16))",
        "INSERT INTO log VALUES (NULL, zeroblob(16))",
        "INSERT OR REPLACE INTO log VALUES (1, zeroblob(16))",
        "REPLACE INTO log VALUES (1, zeroblob(16))",
        "INSERT OR IGNORE INTO log VALUES (1, zeroblob(16))",
        "INSERT INTO log VALUES (1, zeroblob(16)) ON CONFLICT DO NOTHING",
        "INSERT INTO log VALUES (1, zeroblob(16)) ON CONFLICT (one) DO UPDATE SET one = one",
    ],
)
def test_no_statement_changes_the_id_of_a_log_with_records(
    plain: sqlite3.Connection, attack: str
) -> None:
    """The id is hashed before position 1, so another id would break every hash."""
    refuse(plain, attack, "log: ")


def test_an_empty_log_may_take_another_logs_id(tmp_path: Path) -> None:
    """A restore begins with the id of the log that it restores; the first record closes that."""
    with closing(sqlite3.connect(tmp_path / "empty.db", isolation_level=None)) as connection:
        connection.executescript(SCHEMA)
        journal.make_log_id(connection, bytes(16))
        journal.make_log_id(connection, LOG_ID)
        assert journal.log_id(connection) == LOG_ID
        refuse(connection, "DELETE FROM log", "log: ")
        append(connection, Motion(camera_id="front_door", recorded_at=NOON))
        with pytest.raises(sqlite3.IntegrityError, match="never changed"):
            journal.make_log_id(connection, bytes(16))
