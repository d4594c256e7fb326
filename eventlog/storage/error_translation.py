"""Translates errors of SQLite and of the system into those of `errors.py`.

Knows only errors: no connection, no statement.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from eventlog.errors import (
    DatabaseError,
    DiskFailure,
    DiskFull,
    Guarded,
    LockTimeout,
    NotADatabase,
    ReadOnly,
    UnsafeFile,
)
from eventlog.storage import lock_holder
from eventlog.storage.side_files import NotOurs, why_denied

_MEANING: Final[dict[int, type[DatabaseError]]] = {
    sqlite3.SQLITE_FULL: DiskFull,
    sqlite3.SQLITE_BUSY: LockTimeout,
    sqlite3.SQLITE_LOCKED: LockTimeout,
    sqlite3.SQLITE_READONLY: ReadOnly,
    sqlite3.SQLITE_NOTADB: NotADatabase,
    sqlite3.SQLITE_CONSTRAINT: Guarded,
    sqlite3.SQLITE_AUTH: Guarded,
    sqlite3.SQLITE_IOERR: DiskFailure,
    sqlite3.SQLITE_CORRUPT: DiskFailure,
    sqlite3.SQLITE_CANTOPEN: DiskFailure,
}


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise errors of SQLite and the system as ours, with the path and SQLite's name for them."""
    try:
        yield
    except sqlite3.Error as error:
        raise of_sqlite_error(error, path) from error
    except OSError as error:
        raise of_os_error(error, path) from error
    except UnicodeDecodeError as error:  # raised by Python for a text in the file
        raise DiskFailure(f"{path}: a text in it is damaged") from error


def of_sqlite_error(error: sqlite3.Error, path: Path) -> DatabaseError:
    """The error of ours for an error of SQLite."""
    code = getattr(error, "sqlite_errorcode", None)
    meaning = DatabaseError if code is None else _MEANING.get(code & 0xFF, DatabaseError)
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    if meaning is ReadOnly or code == sqlite3.SQLITE_CANTOPEN:
        for name_end in ("", "-wal", "-shm", "-journal"):
            file = Path(f"{os.path.realpath(path)}{name_end}")
            if (denied := why_denied(file)) is not None:
                return ReadOnly(f"{file}: {denied}")
    if meaning is LockTimeout and (holder := lock_holder.of_wal(path)):
        return LockTimeout(f"{path}: {error} ({name}): {holder} is writing to it")
    return meaning(f"{path}: {error} ({name})")


def of_os_error(error: OSError, path: Path) -> DatabaseError:
    """The error of ours for an error of the system.

    The file at fault is the one that the error names, or else `path`.
    """
    path = Path(os.fsdecode(error.filename)) if error.filename else path
    if isinstance(error, NotOurs):
        return UnsafeFile(f"{path}: {error.strerror}")
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return DiskFull(f"{path}: {error.strerror}")
    if error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
        return ReadOnly(f"{path}: {error.strerror}")
    return DiskFailure(f"{path}: {error.strerror}")
