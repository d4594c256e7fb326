"""Exchanges the content of tables in one transaction, by their root pages in `sqlite_schema`.

SQLite can't rename an index, and building one would hold the lock for a long time. So two tables
with the same columns, and their indexes, exchange their root pages; names, triggers and SQL text
stay. Knows no table.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Final

from eventlog.errors import DatabaseError

_ROOTS: Final = (
    "SELECT name, rootpage FROM main.sqlite_schema"
    " WHERE type IN ('table', 'index') AND rootpage > 0"
)
_BEGINS_AT: Final = "UPDATE main.sqlite_schema SET rootpage = ? WHERE name = ? AND rootpage = ?"
_HAS_SEQUENCES: Final = "SELECT 1 FROM main.sqlite_schema WHERE name = 'sqlite_sequence'"
_EXCHANGE_SEQUENCES: Final = (
    "UPDATE main.sqlite_sequence SET name = CASE name WHEN :one THEN :other ELSE :one END"
    " WHERE name IN (:one, :other)"
)


def exchange(connection: sqlite3.Connection, twins: Mapping[str, str]) -> None:
    """Exchange the content of tables and indexes with that of their twins.

    The caller holds the write lock and a transaction. If the transaction fails, the caller resets
    the schema (`PRAGMA writable_schema = RESET`), as this connection may have the new one cached.

    Args:
        connection: A connection that may write the schema.
        twins: The name of each table or index, and that of its twin, which has the same columns.

    Raises:
        DatabaseError: One of them does not exist; nothing was changed.
    """
    roots: dict[str, int] = dict(connection.execute(_ROOTS).fetchall())
    gone = sorted({*twins, *twins.values()} - roots.keys())
    if gone:
        raise DatabaseError(f"{', '.join(gone)} is missing from the schema; nothing is exchanged")
    connection.execute("PRAGMA writable_schema = ON")
    for name, twin in twins.items():
        connection.execute(_BEGINS_AT, (roots[twin], name, roots[name]))
        connection.execute(_BEGINS_AT, (roots[name], twin, roots[twin]))
    if connection.execute(_HAS_SEQUENCES).fetchone() is not None:
        for name, twin in twins.items():
            connection.execute(_EXCHANGE_SEQUENCES, {"one": name, "other": twin})
    (version,) = connection.execute("PRAGMA main.schema_version").fetchone()
    # Makes every other connection and prepared statement read the schema again.
    connection.execute(f"PRAGMA main.schema_version = {version + 1}")
    # Read the schema before the commit: a broken one would make the database unreadable.
    connection.execute("PRAGMA writable_schema = RESET")
