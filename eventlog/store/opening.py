"""Creates a log in an empty file, and the views' tables that are missing.

One transaction inside the writer's lock, so that a start that dies leaves the file unchanged. A
view that is missing, or was filled by another version of its code, is created again and starts from
position 0; its content is computed from the journal.

Knows the views by name and schema. `adopt.py` knows the tables of a plain store.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from eventlog.errors import DatabaseMissing
from eventlog.followers import checkpoints
from eventlog.followers.view_tables import create_tables, drop_tables, missing_views, statements
from eventlog.journal import table as journal
from eventlog.journal.clock import MACHINE, Machine
from eventlog.journal.table import SCHEMA
from eventlog.projections import VIEWS
from eventlog.storage.connections import APPLICATION_ID, USER_VERSION, look, origin, transaction
from eventlog.storage.error_translation import translated


def prepare(
    connection: sqlite3.Connection,
    path: Path,
    machine: Machine = MACHINE,
    keys_dir: Path | None = None,
) -> bool:
    """Make the database at `path` a log with the tables of all views.

    Returns whether it is a new log, made in an empty file. Raises ForeignDatabase, NewerDatabase
    and SQLite's errors; then nothing was changed.
    """
    with transaction(connection):
        whose = origin(connection, path)
        if whose == "ours":
            missing = missing_views(connection, VIEWS)
        elif whose == "plain":
            _adopt(connection, machine, path, keys_dir)
            missing = list(VIEWS)
        else:
            _make_log(connection, machine)
            missing = list(VIEWS)
        for view in reversed(missing):  # children first, or dropping a parent would cascade
            drop_tables(connection, view)
        for view in missing:
            create_tables(connection, view)
            checkpoints.reset(connection, view.name, view.version)
    return whose == "empty"


def require_there(path: Path) -> None:
    """Raise DatabaseMissing if there is no database, or only an empty file."""
    with translated(path):
        size_bytes = path.stat().st_size if path.exists() else 0
    if size_bytes == 0:
        raise DatabaseMissing(
            f"there is no log at {path}, and must_exist forbids to make one: is its disk mounted?"
        )


def require_usable(path: Path) -> None:
    """Raise an error for an existing database that can't be opened, before anything is changed."""
    look(path, lambda connection: _require_adoptable(connection, path))


def _require_adoptable(connection: sqlite3.Connection, path: Path) -> None:
    if origin(connection, path) == "plain":
        from eventlog.store.compat import adopt  # noqa: PLC0415 - needed once in the life of a log

        adopt.take(connection)


def _make_log(connection: sqlite3.Connection, machine: Machine) -> None:
    for statement in statements(SCHEMA):
        connection.execute(statement)
    journal.make_log_id(connection, machine.random_bytes(16))
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {USER_VERSION}")


def _adopt(
    connection: sqlite3.Connection, machine: Machine, path: Path, keys_dir: Path | None
) -> None:
    from eventlog.store.compat import adopt  # noqa: PLC0415 - needed once in the life of a log

    plain = adopt.take(connection)
    _make_log(connection, machine)
    if keys_dir is None:
        adopt.adopt(connection, plain, machine.now_us())
        return
    from eventlog.store.compat.sealed_rows import sealing_rows  # noqa: PLC0415 - likewise

    with sealing_rows(connection, path, keys_dir, machine) as seal:
        adopt.adopt(connection, plain, machine.now_us(), seal)
