"""The swap of a replay: tables and indexes change their names in one transaction.

SQLite can't rename an index, and building one in the swap would hold the lock for as long as that
takes; so both are renamed in `sqlite_schema`, and the text that stands there afterwards is what
SQLite itself would have written. Knows the views by schema and prefix only.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Final, NamedTuple

from eventlog.errors import DatabaseError
from eventlog.followers import view_tables
from eventlog.projections.projection import Projection

NEW: Final = "replay_"
OLD: Final = "replaced_"

_RENAME: Final = (
    "UPDATE sqlite_schema SET name = ?, tbl_name = ?, sql = ? WHERE name = ? AND sql IS ?"
)
_RENAME_SEQUENCE: Final = "UPDATE sqlite_sequence SET name = ? WHERE name = ?"


_LOOK: Final = "SELECT 1 FROM {table} LIMIT 0"
_FURTHER: Final = (
    "SELECT type, name, sql FROM sqlite_schema"
    " WHERE tbl_name = ? AND type IN ('index', 'trigger') AND sql IS NOT NULL"
)


def take_off_further(connection: sqlite3.Connection, views: Sequence[Projection]) -> list[str]:
    """Drop the indexes and triggers that others put on the live tables; answers their SQL."""
    own = {name for view in views for name in view.indexes}
    further = [
        row
        for view in views
        for table in view.tables
        for row in connection.execute(_FURTHER, (table,)).fetchall()
        if row[1] not in own
    ]
    for kind, name, _ in further:
        connection.execute(f'DROP {kind} "{name.replace(chr(34), chr(34) * 2)}"')
    return [sql for _, _, sql in further]


def swap_tables(connection: sqlite3.Connection, views: Sequence[Projection]) -> None:
    """Give live tables and indexes the prefix OLD, and those with the prefix NEW the live names.

    Inside a transaction, with the schema opened. A live table that another version of its view
    made is dropped instead, with its indexes.
    """
    live, new, old = (_objects(views, prefix) for prefix in ("", NEW, OLD))
    for view in reversed(views):
        for table in reversed(view.tables):
            if not _stands(connection, live[table]):
                connection.execute(f"DROP TABLE IF EXISTS {table}")
    connection.execute("PRAGMA writable_schema = ON")
    for name, stored in live.items():
        _rename(connection, stored, old[_prefixed(name, OLD)])
    for name, stored in live.items():
        if not _rename(connection, new[_prefixed(name, NEW)], stored):
            raise DatabaseError(f"{_prefixed(name, NEW)} is gone; the live views stay")
    (version,) = connection.execute("PRAGMA schema_version").fetchone()
    # Every other connection, and every prepared statement, reads the schema again.
    connection.execute(f"PRAGMA schema_version = {version + 1}")
    # A schema that can't be read would lock everybody out: read it before it is committed.
    connection.execute("PRAGMA writable_schema = RESET")
    for view in views:
        for table in view.tables:
            connection.execute(_LOOK.format(table=table))


class _Object(NamedTuple):
    """A row of sqlite_schema."""

    name: str
    table: str
    sql: str | None


def _objects(views: Sequence[Projection], prefix: str) -> dict[str, _Object]:
    """The rows of sqlite_schema that SQLite writes for these views under a prefix."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as scratch:
        for view in views:
            view_tables.create_tables(scratch, view, prefix)
        rows = scratch.execute(
            "SELECT name, tbl_name, sql FROM sqlite_schema WHERE name != 'sqlite_sequence'"
        )
        return {row[0]: _Object(*row) for row in rows}


def _prefixed(name: str, prefix: str) -> str:
    automatic = "sqlite_autoindex_"
    if name.startswith(automatic):
        return automatic + prefix + name.removeprefix(automatic)
    return prefix + name


def _stands(connection: sqlite3.Connection, stored: _Object) -> bool:
    row = connection.execute(
        "SELECT name, tbl_name, sql FROM sqlite_schema WHERE name = ?", (stored.name,)
    ).fetchone()
    return row is not None and tuple(row) == stored


def _rename(connection: sqlite3.Connection, stored: _Object, to: _Object) -> bool:
    """Whether there was such an object."""
    changed = connection.execute(
        _RENAME, (to.name, to.table, to.sql, stored.name, stored.sql)
    ).rowcount
    if changed and stored.name == stored.table:
        connection.execute(_RENAME_SEQUENCE, (to.name, stored.name))
    return changed == 1
