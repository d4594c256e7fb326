"""The SQLite authorizer of our connections: refuses DDL on the journal.

The triggers of the schema refuse every change of a record, but a trigger can't refuse its own
removal. So the writer's connection and the caller's connection refuse to change the schema of the
journal.

Knows a few tables by name, and nothing of their content.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_KEPT: Final = frozenset({"journal", "log", "sealing", "tree"})
# SQLite would find a temporary table of the same name before the real one.
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
    """Refuse DDL on the journal, and direct writes to the schema.

    A connection for callers may not append either, and may not set the pragmas that are ours.
    """
    connection.set_authorizer(_authorize_callers if from_callers else _authorize)


@contextmanager
def schema_opened(connection: sqlite3.Connection) -> Iterator[None]:
    """Allow DDL for a block, for the swap of tables at the end of a replay."""
    connection.set_authorizer(None)
    try:
        yield
    finally:
        keep_journal(connection)


def _authorize(
    action: int, first: str | None, second: str | None, _db: str | None, _via: str | None
) -> int:
    # SQLite passes names as they were typed; it compares them without regard to case.
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
