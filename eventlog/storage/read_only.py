"""Opens a log for reading on a read-only medium and on a full disk too.

SQLite reads a WAL database through an index file, -shm, which it must be able to make. If it can't,
a log without a WAL is opened as a file that never changes. Any other log is copied with its WAL
into a temporary folder and read there. The result says what was done, so that a reader knows that
it sees a copy.

Knows how SQLite opens files. Does not know what a log contains.
"""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Final
from urllib.parse import quote

from msgspec import Struct

from eventlog.errors import DatabaseMissing, DiskFailure, ReadOnly
from eventlog.storage.connections import BUSY_TIMEOUT_MS, require_ours
from eventlog.storage.error_translation import of_os_error, translated
from eventlog.storage.lock import FileLock
from eventlog.storage.paths import lock_path, wal_path

log = logging.getLogger("eventlog")

# SQLite's codes when it can't make or use the -shm file. All but the first are extended codes.
_NO_INDEX: Final = frozenset(
    {
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY_DIRECTORY,
        sqlite3.SQLITE_READONLY_CANTINIT,
        sqlite3.SQLITE_READONLY_RECOVERY,
        sqlite3.SQLITE_IOERR_SHMOPEN,
        sqlite3.SQLITE_IOERR_SHMSIZE,
        sqlite3.SQLITE_IOERR_SHMMAP,
        sqlite3.SQLITE_IOERR_SHMLOCK,
    }
)
_PROBE: Final = "SELECT count(*) FROM sqlite_schema"


class Opened(Struct, frozen=True):
    """A read-only connection. `how` says what had to be done to get it; None means nothing.

    `immutable` is SQLite's mode for a file that never changes. It ignores the WAL.
    """

    connection: sqlite3.Connection
    how: str | None
    immutable: bool = False


@contextmanager
def opened(db_path: Path, *, ours: bool = True) -> Iterator[Opened]:
    """Open a log for reading for a block; then close it and remove what was made for it.

    With `ours`, its header must say that it is a log. Raises DatabaseMissing, NotADatabase,
    ForeignDatabase, NewerDatabase, and DiskFull if there is no room for a copy.
    """
    if not db_path.exists():
        raise DatabaseMissing(f"there is no database {db_path}")
    with _opened_anyhow(db_path) as log:
        if ours:
            require_ours(log.connection, db_path)
        yield log


@contextmanager
def _opened_anyhow(db_path: Path) -> Iterator[Opened]:
    try:
        connection = _connect(db_path, "mode=ro")
    except _NoIndex as error:
        reason = f"no -shm can be made here ({error})"
    else:
        with closing(connection):
            yield Opened(connection, None)
        return
    if read_only(db_path) and not _has_wal(db_path):
        how = f"opened as a file that never changes: {reason}"
        log.warning("%s: %s", db_path, how)
        with closing(_connect_last(db_path, "mode=ro&immutable=1")) as connection:
            yield Opened(connection, how, immutable=True)
        return
    how = f"read from a copy in a temporary folder: {reason}"
    log.warning("%s: %s", db_path, how)
    with tempfile.TemporaryDirectory(prefix="eventlog-") as folder:
        copy = _copy(db_path, Path(folder))
        with closing(_connect_last(copy, "mode=ro")) as connection:
            yield Opened(connection, how)


def read_only(db_path: Path) -> bool:
    """Whether this process can't write to the log or its folder."""
    writable = os.access(db_path, os.W_OK) and os.access(db_path.parent, os.W_OK)
    return not writable or bool(os.statvfs(db_path.parent).f_flag & os.ST_RDONLY)


class _NoIndex(Exception):
    """SQLite can't make or use the -shm file."""


def _connect(path: Path, query: str) -> sqlite3.Connection:
    uri = f"file:{quote(str(path))}?{query}"
    with translated(path):
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        try:
            connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
            connection.execute(_PROBE).fetchone()  # SQLite opens the WAL at the first read
        except BaseException as error:
            connection.close()
            if isinstance(error, UnicodeDecodeError):  # in SQLite's message about the schema
                raise DiskFailure(f"{path}: its schema is damaged (no UTF-8)") from error
            code = getattr(error, "sqlite_errorcode", 0)
            if {code, code & 0xFF} & _NO_INDEX:
                raise _NoIndex(getattr(error, "sqlite_errorname", "")) from error
            raise
    return connection


def _connect_last(path: Path, query: str) -> sqlite3.Connection:
    """Connect, where no other way is left."""
    try:
        return _connect(path, query)
    except _NoIndex as error:
        raise DiskFailure(f"{path}: no -shm can be made ({error})") from error


def _has_wal(db_path: Path) -> bool:
    try:
        return wal_path(db_path).stat().st_size > 0
    except FileNotFoundError:
        return False


def _copy(db_path: Path, folder: Path) -> Path:
    # Without -shm no process has the log open. The lock, if it can be made, keeps writers out.
    try:
        lock = FileLock(lock_path(db_path))
    except (ReadOnly, OSError):
        lock = None
    copy = folder / db_path.name
    try:
        with lock or nullcontext():
            for source, target in ((db_path, copy), (wal_path(db_path), wal_path(copy))):
                if source.exists():
                    shutil.copyfile(source, target)
    except OSError as error:
        raise of_os_error(error, folder) from error
    finally:
        if lock is not None:
            lock.close()
    return copy
