"""Opens SQLite connections to a log, and finds out which program a database belongs to.

All pragmas and all rules about opening are in this file. Knows tables by name only, and nothing of
threads or tasks.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, Literal, TypeAlias
from urllib.parse import quote

from eventlog.errors import (
    DatabaseError,
    DatabaseMissing,
    ForeignDatabase,
    NewerDatabase,
    NotADatabase,
    ReadOnly,
)
from eventlog.storage import wal_file
from eventlog.storage.error_translation import of_os_error, translated
from eventlog.storage.lock import FileLock
from eventlog.storage.paths import real_path, rollback_path, wal_path
from eventlog.storage.side_files import give_to_owner

APPLICATION_ID: Final = 0x65766C67  # "evlg", in the file's header
USER_VERSION: Final = 1
BUSY_TIMEOUT_MS: Final = 5000
WAL_KEPT_BYTES: Final = 16 * 1024 * 1024


# ── opening ────────────────────────────────────────────────────────────────────────────────


def connect_writer(path: Path, lock: FileLock) -> sqlite3.Connection:
    """A connection that may write, in autocommit mode, with every pragma set before any DDL.

    A missing file is made, readable by its owner only. What the disk lacks of the WAL is written.
    The caller holds `lock` around every write transaction, every WAL checkpoint and the close, and
    has called `look` before: even a close can change another program's database.
    """
    _make_private(path)
    with translated(path), lock:
        # Before SQLite opens it: how the last process ended is not known.
        wal_file.write_missing(wal_path(path))
        connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, cached_statements=512
        )
        try:
            origin(connection, path)
            set_pragmas(connection)
        except BaseException:
            connection.close()
            raise
    return connection


def look(path: Path, check: Callable[[sqlite3.Connection], None]) -> None:
    """Call `check` with a read-only connection to a database that exists.

    Raises what `origin` and `check` raise.
    """
    with translated(path):
        if not path.exists() or path.stat().st_size == 0:
            return
        try:
            with closing(sqlite3.connect(_read_only(path), uri=True)) as connection:
                connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
                # One state of the file for all that is asked: another process may be making a log.
                connection.execute("BEGIN")
                origin(connection, path)
                check(connection)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_READONLY_ROLLBACK and _was_empty(path):
                return
            # A WAL without its index can't be read in a folder where no index can be made.
            if not os.access(path.parent, os.W_OK):
                raise ReadOnly(f"{path.parent} can't be written to") from error
            raise


def _was_empty(path: Path) -> bool:
    """Whether the first transaction of a database was interrupted, so that it is still empty.

    Bytes 16 to 19 of the rollback journal are the number of pages before the transaction.
    """
    with rollback_path(path).open("rb") as journal:
        return journal.read(20)[16:] == bytes(4)


def _read_only(path: Path) -> str:
    return f"file:{quote(str(path))}?mode=ro"


def connect_reader(path: Path) -> sqlite3.Connection:
    """A read-only connection.

    Raises DatabaseMissing, NotADatabase, ForeignDatabase, NewerDatabase.
    """
    if not path.exists():
        raise DatabaseMissing(f"there is no database {path}")
    with translated(path):
        connection = sqlite3.connect(
            _read_only(path),
            uri=True,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = NORMAL")
            require_ours(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def _make_private(path: Path) -> None:
    # SQLite gives the WAL and its index the mode of the database file.
    try:
        made = real_path(path)  # a link may lead to a file that is not made yet
        fd = os.open(made, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            give_to_owner(fd, made.parent.stat())
        finally:
            os.close(fd)
    except FileExistsError:
        return
    except OSError as error:
        raise of_os_error(error, path) from error


def set_pragmas(connection: sqlite3.Connection) -> None:
    """Set the pragmas of a connection that may write, and check that they took effect."""
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        # An append and its projection write half as many bytes as with 4096, at the same speed.
        connection.execute("PRAGMA page_size = 2048")
        connection.execute("PRAGMA auto_vacuum = NONE")
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise DatabaseError(f"the database refuses WAL and stays in mode {mode}")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = NORMAL")
    # What is deleted is overwritten, or a name that was erased stays in freed cells and pages.
    (overwrites,) = connection.execute("PRAGMA secure_delete = ON").fetchone()
    # WAL checkpoints are made by us, inside the lock.
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    # A WAL that grew while a reader held it is cut to this size when it is written from its start.
    connection.execute(f"PRAGMA journal_size_limit = {WAL_KEPT_BYTES}")
    (level,) = connection.execute("PRAGMA synchronous").fetchone()
    if overwrites != 1:
        raise DatabaseError("the database refuses secure_delete=ON")
    if level != 1:
        raise DatabaseError(f"the database refuses synchronous=NORMAL and stays at {level}")


# ── which program's database ───────────────────────────────────────────────────────────────────


Origin: TypeAlias = Literal["empty", "ours", "plain"]
_LOG_TABLES: Final = frozenset({"journal", "log"})
_PLAIN_TABLES: Final = frozenset({"events", "detections", "persons"})


def origin(connection: sqlite3.Connection, path: Path) -> Origin:
    """What a database is: empty, a log of ours, or a plain store of the three read tables.

    Raises ForeignDatabase, NewerDatabase, NotADatabase. Nothing is written.
    """
    if is_ours(connection):
        return "ours"
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    names = {
        name
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
    }
    if application_id == 0 and not names:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        if pages == 0 and path.stat().st_size > 0:
            raise NotADatabase(f"{path} holds a few bytes, and no database")
        return "empty"
    if application_id == 0 and names >= _PLAIN_TABLES and "journal" not in names:
        return "plain"
    raise _foreign(connection, path)


def is_ours(connection: sqlite3.Connection) -> bool:
    """Whether the file's header says that it is a log. Raises NewerDatabase for a later version."""
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    if application_id != APPLICATION_ID:
        return False
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > USER_VERSION:
        raise NewerDatabase(
            f"the database has version {version}; this program knows up to {USER_VERSION}"
        )
    return True


def require_ours(connection: sqlite3.Connection, path: Path) -> None:
    """Raise ForeignDatabase unless the file is a log."""
    if not is_ours(connection):
        raise _foreign(connection, path)


def _foreign(connection: sqlite3.Connection, path: Path) -> ForeignDatabase:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
    if tables >= _LOG_TABLES:
        return ForeignDatabase(
            f"{path} holds the tables of an event log, but its header does not say so, as in a copy"
            " made by .dump or .clone; it stays untouched. `eventlog salvage NEW --db` with this"
            " file carries its records into a new log"
        )
    return ForeignDatabase(f"{path} is not an event log; it was not changed")


def has_table(connection: sqlite3.Connection, name: str, schema: str = "sqlite_schema") -> bool:
    """Whether a schema has a table. Raises SQLite's errors."""
    sql = f"SELECT 1 FROM {schema} WHERE type = 'table' AND name = ?"  # noqa: S608 - a name of ours
    return connection.execute(sql, (name,)).fetchone() is not None


# ── transactions ───────────────────────────────────────────────────────────────────────────


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """One immediate transaction: committed when the block ends, rolled back when it raises."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # After some I/O errors, SQLite has already rolled back.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
