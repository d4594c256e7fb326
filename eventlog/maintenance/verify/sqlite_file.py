"""Checks that SQLite finds the database file undamaged, and that the schema has its guards.

Each check adds its findings; `run` turns SQLite's errors about damage into findings too. Knows the
schema of the journal and of the views. A replay checks what the views hold.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from typing import Any, Final

from eventlog.evidence import tree_secret
from eventlog.followers.view_tables import create_tables
from eventlog.journal import sealing
from eventlog.journal.table import SCHEMA
from eventlog.maintenance.verify.findings import Findings
from eventlog.maintenance.verify.walk import ERRORS, damage
from eventlog.projections import VIEWS
from eventlog.storage.connections import APPLICATION_ID, USER_VERSION

Check = Callable[[sqlite3.Connection, Findings], None]

_SCHEMA_ROWS: Final = "SELECT type, name, tbl_name, sql FROM sqlite_schema"
_OF_INDEX: Final = re.compile(r"\bindex (\w+)$")
_MESSAGES_MAX: Final = 100


def run(connection: sqlite3.Connection, found: Findings, check: Check, where: str) -> None:
    """Run a check; an error that speaks of damage is a finding on `where`."""
    try:
        check(connection, found)
    except ERRORS as error:
        found.on(where, f"SQLite can't read it: {damage(error)}")


def check_header(connection: sqlite3.Connection, found: Findings) -> None:
    """What the header says of the file: whose it is, its version, its text encoding.

    A copy by `.dump` or `.clone` says nothing of the first two. That is a difference and no damage:
    a flipped bit never clears both.
    """
    if _is_unmarked(connection):
        found.on(
            "file header",
            "it does not say that this is an event log, as in a copy made by .dump or .clone: no"
            " other command opens it, but `eventlog salvage` carries its records into a new log",
            "note",
        )
        return
    expected: dict[str, object] = {
        "application_id": APPLICATION_ID,
        "user_version": USER_VERSION,
        "encoding": "UTF-8",
    }
    for pragma, wanted in expected.items():
        (value,) = connection.execute(f"PRAGMA {pragma}").fetchone()
        if value != wanted:
            found.on("file header", f"its {pragma} is {value}, not {wanted}")


def check_wal_mode(connection: sqlite3.Connection, found: Findings, *, is_copy: bool) -> None:
    """With a header that does not say WAL, SQLite leaves out everything in the WAL.

    In a copy, which has neither a WAL nor a head file, it is a difference and no damage: VACUUM
    INTO makes such copies.
    """
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    if mode == "wal":
        return
    if is_copy:
        what = f"its journal mode is {mode}, as in a copy made by VACUUM INTO"
        found.on("file header", f"{what}; the first program that writes to it sets wal", "note")
    else:
        found.on("file header", f"its journal mode is {mode}, not wal")


def check_schema(connection: sqlite3.Connection, found: Findings) -> None:
    """Tables, indexes and guards against those that this program makes.

    What the owner has put on a read table is only noted: a replay keeps it, and no record can be
    changed by it.
    """
    read_tables = {table for view in VIEWS for table in view.tables}
    actual = {row[:2]: row for row in connection.execute(_SCHEMA_ROWS)}
    is_signed = ("table", tree_secret.TABLE) in actual
    is_sealed = ("table", sealing.TABLE) in actual
    expected = _expected_schema(is_signed=is_signed, is_sealed=is_sealed)
    tables = {row[2] for row in expected.values()}
    for (kind, name), row in expected.items():
        stored = actual.pop((kind, name), None)
        if stored is None:
            found.on(f"{kind} {name}", "it is missing from the schema")
        elif stored != row:
            found.on(
                f"{kind} {name}", "its schema is different from the one that this program makes"
            )
    for (kind, name), row in actual.items():
        if row[2] in read_tables:
            found.on(f"{kind} {name}", f"it was added to the read table {row[2]}", "note")
        elif row[2] in tables:
            found.on(
                f"{kind} {name}", f"it was added to {row[2]}; this program makes no such {kind}"
            )


def check_integrity(connection: sqlite3.Connection, found: Findings) -> None:
    """SQLite's own check of the file, which does not notice changed values."""
    messages = _integrity(connection, None)
    if not messages:
        return
    named: set[str] = set()
    tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    for (table,) in tables:
        for message in _integrity(connection, table):
            named.add(message)
            index = _OF_INDEX.search(message)
            found.on(f"index {index[1]}" if index else f"table {table}", message)
    for message in messages:
        if message not in named:
            found.on("file", message)


def check_foreign_keys(connection: sqlite3.Connection, found: Findings) -> None:
    """Rows that belong to a row that is not there; in a table of the owner's own it is a note."""
    ours = {row[2] for row in _expected_schema(is_signed=True, is_sealed=True).values()}
    for table, rowid, parent, _ in connection.execute("PRAGMA foreign_key_check"):
        what = f"row {rowid} belongs to a row of {parent} that is not there"
        found.on(f"table {table}", what, "damage" if table in ours else "note")


def _is_unmarked(connection: sqlite3.Connection) -> bool:
    pragmas = ("PRAGMA application_id", "PRAGMA user_version")
    return [connection.execute(sql).fetchone() for sql in pragmas] == [(0,), (0,)]


def _expected_schema(*, is_signed: bool, is_sealed: bool) -> dict[tuple[str, str], tuple[Any, ...]]:
    connection = sqlite3.connect(":memory:")
    try:
        connection.executescript(SCHEMA)
        for view in VIEWS:
            create_tables(connection, view)
        if is_signed:
            for statement in tree_secret.STATEMENTS:
                connection.execute(statement)
        if is_sealed:
            sealing.make_table(connection)
        return {row[:2]: row for row in connection.execute(_SCHEMA_ROWS)}
    finally:
        connection.close()


def _integrity(connection: sqlite3.Connection, table: str | None) -> list[str]:
    argument = _MESSAGES_MAX if table is None else f'"{table.replace(chr(34), chr(34) * 2)}"'
    try:
        messages = [text for (text,) in connection.execute(f"PRAGMA integrity_check({argument})")]
    except ERRORS as error:
        messages = [f"SQLite can't check it: {damage(error)}"]
    return [] if messages == ["ok"] else messages
