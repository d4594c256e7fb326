"""A log can be read where nothing can be written, and what had to be done is said."""

from __future__ import annotations

import logging
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from eventlog.errors import (
    DatabaseMissing,
    DiskFailure,
    DiskFull,
    ForeignDatabase,
    NewerDatabase,
    NotADatabase,
)
from eventlog.journal import table as journal
from eventlog.maintenance.archive import copy_until
from eventlog.maintenance.backup import backup
from eventlog.maintenance.status import status
from eventlog.maintenance.verify.log import verify
from eventlog.storage.connections import APPLICATION_ID
from eventlog.storage.read_only import opened, read_only
from tests.support.logs import build_log, build_log_with_wal, rows
from tests.support.mounts import fill, make_read_only, tmpfs, writable_once


def test_a_log_that_can_be_opened_is_opened_as_it_is(tmp_path: Path) -> None:
    """Nothing is copied and nothing said where SQLite manages by itself."""
    path = build_log_with_wal(tmp_path / "door.db", spare=tmp_path / "spare.db")
    with opened(path) as log:
        assert log.how is None
        assert journal.last_position(log.connection) == len(rows(path))


def test_it_can_only_be_read(tmp_path: Path) -> None:
    """The connection refuses every write."""
    path = build_log(tmp_path / "door.db", 3)
    with (
        opened(path) as log,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        log.connection.execute("DELETE FROM parked")


def test_a_read_only_medium_without_a_wal_is_read_in_place(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A file that can't change needs no -shm; the result says how it was opened."""
    with writable_once(tmp_path / "stick") as folder:
        path = build_log(folder / "door.db", 20)
        whole = rows(path)
        for suffix in ("-shm", "-wal"):
            path.with_name(path.name + suffix).unlink()
        make_read_only(folder)
        with opened(path) as log, caplog.at_level(logging.WARNING):
            assert log.how is not None
            assert "never changes" in log.how
            assert journal.last_position(log.connection) == len(whole)
        report = verify(path)
        assert report.ok
        assert [note.where for note in report.notes] == ["file"]


def test_a_read_only_medium_with_a_wal_is_read_from_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy has the WAL's records too, and is removed afterwards."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    with writable_once(tmp_path / "stick") as folder:
        path = build_log_with_wal(folder / "door.db", spare=tmp_path / "spare.db")
        make_read_only(folder)
        with opened(path) as log:
            assert log.how is not None
            assert "copy in a temporary folder" in log.how
            assert len(list(temporary.iterdir())) == 1
            end = journal.last_position(log.connection)
        told = status(path)
        assert (told.records, told.read_only, told.opened_how) == (end, True, log.how)
        assert verify(path).ok
        assert backup(path, tmp_path / "backup.db").ok
        assert copy_until(path, tmp_path / "then.db", end).position == end
    assert rows(tmp_path / "backup.db") == rows(tmp_path / "then.db")
    assert len(rows(tmp_path / "backup.db")) == end
    assert list(temporary.iterdir()) == []


def test_a_log_on_a_full_disk_can_be_read(tmp_path: Path) -> None:
    """SQLite can't make its -shm there; the log is read from a copy elsewhere."""
    with tmpfs(tmp_path / "full", size_kb=8 * 1024) as folder:
        path = build_log_with_wal(folder / "door.db", spare=tmp_path / "spare.db")
        fill(folder)
        with opened(path) as log:
            assert log.how is not None
            assert "SHMSIZE" in log.how
            end = journal.last_position(log.connection)
        assert not status(path).read_only
    assert end == len(rows(tmp_path / "spare.db"))


def test_a_copy_that_has_no_room_is_a_named_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is read then, and nothing left behind."""
    with (
        tmpfs(tmp_path / "small", size_kb=64) as small,
        writable_once(tmp_path / "stick") as folder,
    ):
        path = build_log_with_wal(folder / "door.db", spare=tmp_path / "spare.db")
        make_read_only(folder)
        monkeypatch.setattr(tempfile, "tempdir", str(small))
        with pytest.raises(DiskFull), opened(path):
            pass
        assert list(small.iterdir()) == []


def test_whether_a_log_can_be_written_is_told(tmp_path: Path) -> None:
    """By the file system and by the modes."""
    with writable_once(tmp_path / "stick") as folder:
        path = build_log(folder / "door.db", 1)
        assert not read_only(path)
        make_read_only(folder)
        assert read_only(path)


def test_what_is_no_log_of_ours_is_a_named_error(tmp_path: Path) -> None:
    """Each case has its own, and the connection is closed."""
    with pytest.raises(DatabaseMissing), opened(tmp_path / "none.db"):
        pass
    (tmp_path / "text.db").write_bytes(b"This is no database. " * 100)
    with pytest.raises(NotADatabase), opened(tmp_path / "text.db"):
        pass
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE songs (name TEXT)")
    with pytest.raises(ForeignDatabase), opened(tmp_path / "other.db"):
        pass
    with closing(sqlite3.connect(tmp_path / "newer.db")) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(NewerDatabase), opened(tmp_path / "newer.db"):
        pass


def test_a_schema_whose_text_is_damaged_is_a_named_error(tmp_path: Path) -> None:
    """SQLite's complaint repeats the text, and Python can't read it."""
    path = build_log(tmp_path / "door.db", 1)
    data = path.read_bytes()
    at = data.index(b"CREATE TABLE journal (")
    path.write_bytes(data[:at] + b"CREATE TABLE \xf5ournal" + data[at + 20 :])
    with pytest.raises(DiskFailure), opened(path):
        pass
