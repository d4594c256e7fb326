"""The swap at a replay's end: live and rebuilt tables exchange their content.

Knows the views by schema and prefix only; `storage/schema_roots.py` exchanges.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Final

from eventlog.followers import view_tables
from eventlog.projections.projection import Projection
from eventlog.storage.schema_roots import exchange

# The tables that a replay fills; after the swap they hold what the live ones held.
NEW: Final = "replay_"
# Tables that a replay of an earlier version of this program has left.
OLD: Final = "replaced_"

_LOOK: Final = "SELECT 1 FROM {table} LIMIT 0"
_OBJECTS: Final = (
    "SELECT name, tbl_name, sql FROM sqlite_schema"
    " WHERE type IN ('table', 'index') AND name != 'sqlite_sequence'"
)
_FURTHER: Final = (
    "SELECT type, name, sql FROM sqlite_schema"
    " WHERE tbl_name = ? AND type IN ('index', 'trigger') AND sql IS NOT NULL"
)


def take_off_further(connection: sqlite3.Connection, views: Sequence[Projection]) -> list[str]:
    """Drop the indexes and triggers that the owner put on the live tables; return their SQL."""
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
    """Exchange the content of the live tables and indexes with that of those with the prefix NEW.

    Inside a transaction, with the schema opened and foreign keys off. A live view whose schema is
    different, because another version of the program made it, is created again first.

    Raises:
        DatabaseError: A rebuilt table or index is missing; the live views are to stay.
    """
    stored = {row[0]: row for row in connection.execute(_OBJECTS)}
    expected = {view.name: _expected(view) for view in views}
    other = [
        view
        for view in views
        if any(stored.get(name) != row for name, row in expected[view.name].items())
    ]
    for view in reversed(other):
        view_tables.drop_tables(connection, view)
    for view in other:
        view_tables.create_tables(connection, view)
    exchange(connection, {name: _rebuilt(name) for view in views for name in expected[view.name]})
    for view in views:
        for table in view.tables:
            connection.execute(_LOOK.format(table=table))


def _expected(view: Projection) -> dict[str, tuple[str, str, str | None]]:
    """The rows of sqlite_schema that SQLite writes for a view."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as scratch:
        view_tables.create_tables(scratch, view)
        return {row[0]: row for row in scratch.execute(_OBJECTS)}


def _rebuilt(name: str) -> str:
    """The name of an object's twin."""
    automatic = "sqlite_autoindex_"
    if name.startswith(automatic):
        return automatic + NEW + name.removeprefix(automatic)
    return NEW + name
