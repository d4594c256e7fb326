"""Creates and drops a view's tables, and finds those that are missing."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator, Sequence

from eventlog.errors import NewerDatabase
from eventlog.followers import checkpoints
from eventlog.projections.projection import Projection

log = logging.getLogger("eventlog")


def statements(script: str) -> Iterator[str]:
    """The statements of a script; unlike executescript, running them commits nothing."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement


def missing_views(connection: sqlite3.Connection, views: Sequence[Projection]) -> list[Projection]:
    """The views that must be created again, and those that reference them, parents first."""
    present = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
    at = checkpoints.read(connection)
    missing: set[str] = set()
    for view in views:
        complete = present.issuperset(view.tables) and present.issuperset(view.indexes)
        state = checkpoints.version_state(at, view.name, view.version)
        if state == "newer":
            raise NewerDatabase(
                f"the view {view.name} was filled by a newer version of this program"
            )
        if not (complete and state == "same") or missing.intersection(view.parents):
            missing.add(view.name)
    if missing and at:
        log.warning("the views %s are rebuilt from the journal", ", ".join(sorted(missing)))
    return [view for view in views if view.name in missing]


def create_tables(connection: sqlite3.Connection, view: Projection, prefix: str = "") -> None:
    """Make a view's tables and indexes, their names led by `prefix`."""
    for statement in statements(view.schema.format(p=prefix)):
        connection.execute(statement)


def drop_tables(connection: sqlite3.Connection, view: Projection, prefix: str = "") -> None:
    """Drop a view's tables, where they are."""
    for table in reversed(view.tables):
        connection.execute(f"DROP TABLE IF EXISTS {prefix}{table}")
