"""The accounts file DB_PATH.users, of mode 0600: its tables and migrations.

Opens it, makes its tables and runs functions on its own thread. Each table has its owner:
`users.py`, `sessions.py`, `tokens.py`, `throttle.py`, `security_log.py`, `totp.py`, `household.py`.
Nothing of it is part of the log: it is not replayed and not exported. It holds hashes; the one
secret in it is what two-step codes are made of.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final, Self, TypeVar

from eventlog.dashboard.accounts import (
    household,
    security_log,
    sessions,
    throttle,
    tokens,
    totp,
    users,
)
from eventlog.errors import DatabaseError, ForeignDatabase
from eventlog.storage.connection_thread import ConnectionThread
from eventlog.storage.connections import transaction
from eventlog.storage.paths import check_sqlites_own, users_path
from eventlog.storage.side_files import open_side_file

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")

log: Final = logging.getLogger("eventlog")

APPLICATION_ID: Final = 0x65766C75  # "evlu", in the file's header
# Of the tables, in the header as well; a file of a lower one gets what it lacks.
#   1  users, devices, sessions, links, tokens, guesses
#   2  roles, two-step sign-in, the security log, limits of tokens, what the pages keep for users
#   3  up to which position an event was seen
#   4  by which key, session and browser a device takes notifications, and its last message
VERSION: Final = 4
BUSY_TIMEOUT_MS: Final = 5000
SCHEMAS: Final = (
    *(users.SCHEMA, sessions.SCHEMA, tokens.SCHEMA, throttle.SCHEMA),
    *(security_log.SCHEMA, totp.SCHEMA, household.SCHEMA),
)
# Columns that came with version 2: a new file is made as an old one is brought up to date.
COLUMNS: Final = {
    "users": users.COLUMNS,
    "sessions": sessions.COLUMNS,
    "tokens": tokens.COLUMNS,
    "guesses": throttle.COLUMNS,
    "seen_marks": household.COLUMNS,
    "push_subscriptions": household.PUSH_COLUMNS,
}


def accounts_path(db_path: Path) -> Path:
    """The path of the accounts of a log."""
    return users_path(db_path)


def connect(path: Path) -> sqlite3.Connection:
    """The file, made where it is missing.

    Raises ForeignDatabase, UnsafeFile, sqlite3.Error, OSError.
    """
    check_sqlites_own(path)
    fd = open_side_file(path, os.O_RDWR, make=True)
    try:
        if os.fstat(fd).st_uid == os.geteuid() or os.geteuid() == 0:
            os.fchmod(fd, 0o600)
    finally:
        os.close(fd)
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        # One small file without a WAL: several processes may write it, each in short transactions.
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")
        _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    if _is_ready(connection, path):
        return
    with transaction(connection):
        if _is_ready(connection, path):  # another process may have been faster
            return
        for schema in SCHEMAS:
            for statement in schema.split(";\n"):
                connection.execute(statement)
        _add_columns(connection)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")


def _add_columns(connection: sqlite3.Connection) -> None:
    for table, columns in COLUMNS.items():
        known = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
        for name, declared in columns.items():
            if name not in known:
                connection.execute(f"ALTER TABLE {table} ADD COLUMN {name} {declared}")
        if table == "users" and "role" not in known:
            # Before there were roles, every account could do everything.
            connection.execute("UPDATE users SET role = 'owner'")


def _is_ready(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the tables are there. Raises ForeignDatabase if others are."""
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    if application_id == APPLICATION_ID:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        return int(version) >= VERSION
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application_id or tables:
        raise ForeignDatabase(f"{path} is not an accounts file of a log; it is left as it is")
    return False


class Accounts:
    """The file, open. Use `Accounts.open`, and `async with` or `close`."""

    def __init__(self, worker: ConnectionThread) -> None:
        self._worker = worker
        self.writable = True  # whether the file took the last write

    @classmethod
    async def open(cls, db_path: Path) -> Self:
        """Open the accounts of a log. Raises DatabaseError."""
        path = accounts_path(db_path)
        return cls(await ConnectionThread(path, partial(connect, path)).start())

    async def close(self) -> None:
        """Close the file."""
        await self._worker.stop(sqlite3.Connection.close)

    async def __aenter__(self) -> Self:
        """Nothing more: it is open."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.close()

    async def run(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """The answer of a function of one of the tables' owners."""
        return await self._worker.run(function)

    async def written(self, function: Callable[[sqlite3.Connection], object]) -> bool:
        """Whether the file took a write; what it did not take is logged once."""
        try:
            await self.run(function)
        except DatabaseError as error:
            self.failed(error)
            return False
        self.writable = True
        return True

    def failed(self, error: DatabaseError) -> None:
        """Note that the file did not take a write."""
        if self.writable:
            log.error("the accounts can't be written, and are kept in memory: %s", error)
        self.writable = False


def forget_saved(noted: dict[K, V], saved: Mapping[K, V]) -> None:
    """Take out of memory what the file has now, and was not noted anew meanwhile."""
    for key, value in saved.items():
        if noted.get(key) == value:
            del noted[key]


def in_memory() -> sqlite3.Connection:
    """The same tables in memory, for what can't be written at the moment."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for schema in SCHEMAS:
        connection.executescript(schema)
    _add_columns(connection)
    return connection
