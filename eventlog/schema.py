"""Makes a log of an empty file, and sees to it that its views' tables are there.

One transaction inside the writer's lock, so that a start that dies leaves the file as it was.
A view that is missing, or was filled by another version of itself, is made anew and starts
again from position 0; whatever it held follows from the journal.

Knows the views by name and schema; `adopt.py` knows what a plain store holds.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from eventlog import checkpoints, clock, journal
from eventlog.database import APPLICATION_ID, SCHEMA, USER_VERSION, look, origin, transaction
from eventlog.errors import NewerDatabase
from eventlog.projections import VIEWS
from eventlog.projections.projection import Projection

log = logging.getLogger("eventlog")


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Make the database at `path` a log of ours, with all its views' tables.

    Raises ForeignDatabase, NewerDatabase, and SQLite's errors; nothing is changed then.
    """
    with transaction(connection):
        whose = origin(connection, path)
        if whose == "ours":
            missing = missing_views(connection, VIEWS)
        elif whose == "plain":
            _adopt(connection)
            missing = list(VIEWS)
        else:
            _make_log(connection)
            missing = list(VIEWS)
        for view in reversed(missing):  # children first, or dropping a parent would cascade
            drop_tables(connection, view)
        for view in missing:
            create_tables(connection, view)
            checkpoints.reset(connection, view.name, view.version)


def insist_usable(path: Path) -> None:
    """Raise what a database that exists is refused for, before anything of it is touched."""
    look(path, lambda connection: _insist_adoptable(connection, path))


def _insist_adoptable(connection: sqlite3.Connection, path: Path) -> None:
    if origin(connection, path) == "plain":
        from eventlog import adopt  # noqa: PLC0415 - needed once in the life of a log

        adopt.take(connection)


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
    """The views that must be made anew, and those that hang on them, parents first."""
    present = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
    at = checkpoints.read(connection)
    missing: set[str] = set()
    for view in views:
        whole = present.issuperset(view.tables) and present.issuperset(view.indexes)
        current = view.name in at and at[view.name].version == view.version
        if view.name in at and at[view.name].version > view.version:
            raise NewerDatabase(
                f"the view {view.name} was filled by a newer version of this program"
            )
        if not (whole and current) or missing.intersection(view.parents):
            missing.add(view.name)
    if missing and at:
        log.warning("the views %s are made anew from the journal", ", ".join(sorted(missing)))
    return [view for view in views if view.name in missing]


def create_tables(connection: sqlite3.Connection, view: Projection, prefix: str = "") -> None:
    """Make a view's tables and indexes, their names led by `prefix`."""
    for statement in statements(view.schema.format(p=prefix)):
        connection.execute(statement)


def drop_tables(connection: sqlite3.Connection, view: Projection, prefix: str = "") -> None:
    """Drop a view's tables, where they are."""
    for table in reversed(view.tables):
        connection.execute(f"DROP TABLE IF EXISTS {prefix}{table}")


def _make_log(connection: sqlite3.Connection) -> None:
    for statement in statements(SCHEMA):
        connection.execute(statement)
    journal.make_log_id(connection, os.urandom(16))
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {USER_VERSION}")


def _adopt(connection: sqlite3.Connection) -> None:
    from eventlog import adopt  # noqa: PLC0415 - needed once in the life of a log

    plain = adopt.take(connection)
    _make_log(connection)
    adopt.adopt(connection, plain, clock.now_us())
