"""What a connection of ours may not do: SQLite asks an authorizer before it prepares a statement.

The guards in the schema refuse every change of a record, but no guard can refuse its own removal.
So the connections that write for us, and the one that callers are shown, refuse DDL on the journal.

Knows a few tables by name, and nothing of what they hold.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_KEPT: Final = frozenset({"journal", "log", "tree"})
# A temporary table of the same name would stand before the real one.
_DDL_OF_TABLE: Final = frozenset(
    {
        sqlite3.SQLITE_DROP_TABLE,
        sqlite3.SQLITE_CREATE_TABLE,
        sqlite3.SQLITE_CREATE_VIEW,
        sqlite3.SQLITE_CREATE_TEMP_TABLE,
        sqlite3.SQLITE_CREATE_TEMP_VIEW,
    }
)
_DDL_ON_TABLE: Final = frozenset(
    {
        sqlite3.SQLITE_DROP_TRIGGER,
        sqlite3.SQLITE_DROP_INDEX,
        sqlite3.SQLITE_CREATE_TRIGGER,
        sqlite3.SQLITE_CREATE_TEMP_TRIGGER,
        sqlite3.SQLITE_CREATE_INDEX,
        sqlite3.SQLITE_ALTER_TABLE,
    }
)


def keep_journal(connection: sqlite3.Connection, *, from_callers: bool = False) -> None:
    """Refuse DDL on the journal, which no guard in a schema can, and writes to the schema.

    A connection for callers may not append either, nor set what the rest relies on.
    """
    connection.set_authorizer(_authorize_callers if from_callers else _authorize)


@contextmanager
def schema_opened(connection: sqlite3.Connection) -> Iterator[None]:
    """Lift that refusal, for the swap of a replay."""
    connection.set_authorizer(None)
    try:
        yield
    finally:
        keep_journal(connection)


def _authorize(
    action: int, first: str | None, second: str | None, _db: str | None, _via: str | None
) -> int:
    # SQLite hands names on as they were typed, and knows no case in them.
    name, of = (first or "").lower(), (second or "").lower()
    if (
        (action in _DDL_OF_TABLE and name in _KEPT)
        or (action in _DDL_ON_TABLE and of in _KEPT)
        or (action == sqlite3.SQLITE_PRAGMA and name == "writable_schema" and second is not None)
    ):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


_SET_BY_US: Final = frozenset(
    {
        "application_id",
        "journal_mode",
        "journal_size_limit",
        "locking_mode",
        "schema_version",
        "synchronous",
        "user_version",
        "wal_autocheckpoint",
    }
)


def _authorize_callers(
    action: int, first: str | None, second: str | None, db: str | None, via: str | None
) -> int:
    name = (first or "").lower()
    if (action == sqlite3.SQLITE_INSERT and name in _KEPT) or (
        action == sqlite3.SQLITE_PRAGMA and name in _SET_BY_US and second is not None
    ):
        return sqlite3.SQLITE_DENY
    return _authorize(action, first, second, db, via)
