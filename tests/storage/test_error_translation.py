"""What SQLite's and the system's errors become: one of ours, with the path and SQLite's word."""

from __future__ import annotations

import errno
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from eventlog.errors import (
    DatabaseError,
    DiskFailure,
    DiskFull,
    Guarded,
    LockTimeout,
    NotADatabase,
    ReadOnly,
)
from eventlog.storage.error_translation import of_os_error, of_sqlite_error, translated
from tests.journal.guarded_log import make_log

PATH: Final = Path("/somewhere/log.db")


def sqlite_error(code: int) -> sqlite3.Error:
    """An error as sqlite3 raises it for a result code."""
    error = sqlite3.OperationalError("SQLite's own sentence")
    error.sqlite_errorcode = code
    error.sqlite_errorname = f"SQLITE_{code}"
    return error


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (sqlite3.SQLITE_FULL, DiskFull),
        (sqlite3.SQLITE_BUSY, LockTimeout),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, LockTimeout),
        (sqlite3.SQLITE_LOCKED, LockTimeout),
        (sqlite3.SQLITE_READONLY, ReadOnly),
        (sqlite3.SQLITE_READONLY_DBMOVED, ReadOnly),
        (sqlite3.SQLITE_NOTADB, NotADatabase),
        (sqlite3.SQLITE_CONSTRAINT_TRIGGER, Guarded),
        (sqlite3.SQLITE_CONSTRAINT_UNIQUE, Guarded),
        (sqlite3.SQLITE_AUTH, Guarded),
        (sqlite3.SQLITE_IOERR_FSYNC, DiskFailure),
        (sqlite3.SQLITE_IOERR_WRITE, DiskFailure),
        (sqlite3.SQLITE_CORRUPT, DiskFailure),
        (sqlite3.SQLITE_CANTOPEN, DiskFailure),
        (sqlite3.SQLITE_ERROR, DatabaseError),
        (sqlite3.SQLITE_SCHEMA, DatabaseError),
    ],
)
def test_a_result_code_has_its_meaning(code: int, meaning: type[DatabaseError]) -> None:
    """Extended codes mean what their primary code means; a code without a name of ours the root."""
    ours = of_sqlite_error(sqlite_error(code), PATH)
    assert type(ours) is meaning
    for part in (str(PATH), "SQLite's own sentence", f"SQLITE_{code}"):
        assert part in str(ours)


def test_an_error_without_a_code_is_still_ours() -> None:
    """What Python's sqlite3 raises by itself has no result code."""
    connection = sqlite3.connect(":memory:")
    connection.close()
    with pytest.raises(DatabaseError, match=r"closed.*ProgrammingError"), translated(PATH):
        connection.execute("SELECT 1")


@pytest.mark.parametrize(
    ("number", "meaning"),
    [
        (errno.ENOSPC, DiskFull),
        (errno.EDQUOT, DiskFull),
        (errno.EROFS, ReadOnly),
        (errno.EACCES, ReadOnly),
        (errno.EPERM, ReadOnly),
        (errno.EIO, DiskFailure),
        (errno.EMFILE, DiskFailure),
        (errno.ENAMETOOLONG, DiskFailure),
    ],
)
def test_an_error_of_the_system_has_its_meaning(number: int, meaning: type[DatabaseError]) -> None:
    """No room, no right, or a disk that did not do what it was asked."""
    ours = of_os_error(OSError(number, "the system's sentence"), PATH)
    assert type(ours) is meaning
    assert str(ours) == f"{PATH}: the system's sentence"


def test_the_first_error_stays_behind_the_second() -> None:
    """Who looks for the cause finds SQLite's own error; other errors pass as they are."""
    first = sqlite_error(sqlite3.SQLITE_FULL)
    with pytest.raises(DiskFull) as caught, translated(PATH):
        raise first
    assert caught.value.__cause__ is first
    with pytest.raises(KeyError), translated(PATH):
        raise KeyError


def test_a_full_disk_a_busy_log_and_a_guard_are_told_apart(tmp_path: Path) -> None:
    """The three that a caller meets, raised by SQLite itself."""
    path = make_log(tmp_path / "log.db")
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as connection:
        with pytest.raises(Guarded, match="a record is never deleted"), translated(path):
            connection.execute("DELETE FROM journal")
        connection.execute("PRAGMA max_page_count = 1")
        with pytest.raises(DiskFull), translated(path):
            connection.execute("CREATE TABLE big AS SELECT zeroblob(1000000)")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(LockTimeout), translated(path):
                connection.execute("BEGIN IMMEDIATE")
