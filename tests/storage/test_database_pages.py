"""Pages that a WAL checkpoint wrote and the disk lacks are written again."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from eventlog.storage import database_pages, wal_file
from eventlog.storage.paths import wal_path


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Path]:
    """A database whose WAL names pages that were copied into it, open in this process."""
    path = tmp_path / "events.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA page_size = 2048")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE t (x)")
        connection.execute("INSERT INTO t VALUES (zeroblob(9000))")
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        yield path


def locks(path: Path) -> int:
    """How many locks of this process there are on a file."""
    listed = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    inode = path.stat().st_ino
    return sum(f":{inode} " in line and f" {os.getpid()} " in line for line in listed)


def test_the_pages_of_a_wal_are_those_that_its_frames_name(database: Path) -> None:
    """Each page once, however often it was written."""
    page_size, numbers = wal_file.pages(wal_path(database))
    assert page_size == 2048
    assert numbers == set(range(1, database.stat().st_size // 2048 + 1))
    assert wal_file.pages(database.with_name("no such wal")) == (0, set())


def test_pages_that_are_on_the_disk_are_not_written(database: Path) -> None:
    """And SQLite's locks on the file stay."""
    before = locks(database)
    assert before > 0
    assert database_pages.write_missing(database, wal_path(database)) == 0
    assert locks(database) == before


def test_a_page_that_the_disk_lacks_is_written_again(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That page and no other, with what the cache shows."""
    read_disk = database_pages.read_disk

    def lacking(fd: int, direct: int | None, offset: int, size: int) -> bytes:
        return bytes(size) if offset == 2048 else read_disk(fd, direct, offset, size)

    written: list[int] = []
    pwrite = os.pwrite

    def spy(fd: int, data: bytes, offset: int) -> int:
        written.append(offset)
        return pwrite(fd, data, offset)

    content = database.read_bytes()
    monkeypatch.setattr(database_pages, "read_disk", lacking)
    monkeypatch.setattr(os, "pwrite", spy)
    assert database_pages.write_missing(database, wal_path(database)) == 1
    assert written == [2048]
    assert database.read_bytes() == content
