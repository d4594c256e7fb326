"""A backup is the complete log at one moment, checked, and only its owner can read it."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from eventlog.cli import view_state
from eventlog.errors import BadArgument, DatabaseMissing, DiskFailure, DiskFull, MissingFolder
from eventlog.evidence import tree_secret
from eventlog.facts import PersonNamed
from eventlog.journal import table as journal
from eventlog.journal.append import prepare
from eventlog.journal.head_file import HeadMark, pack, read_head
from eventlog.maintenance import new_log as new_file
from eventlog.maintenance.backup import backup
from eventlog.maintenance.verify.log import verify
from eventlog.projections import VIEWS
from eventlog.storage.paths import head_path
from tests.support.logs import (
    build_log,
    build_log_with_wal,
    contents,
    guards_down,
    put,
    rows,
    writing,
)
from tests.support.mounts import tmpfs

pytestmark = pytest.mark.anyio

VIEW_TABLES = [table for view in VIEWS for table in view.tables]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A sound log of some sixty records."""
    return build_log(tmp_path / "door.db", 20)


async def test_a_backup_holds_what_the_log_holds(path: Path, tmp_path: Path) -> None:
    """It has every record as stored; the views are rebuilt, and the copy verifies."""
    target = tmp_path / "backup.db"
    report = backup(path, target)
    assert rows(target) == rows(path)
    assert report.ok
    assert report.records == len(rows(path))
    assert verify(target) == report
    assert read_head(target) == read_head(path)
    await view_state.fill(target)
    copied, original = contents(target), contents(path)
    assert copied is not None
    assert original is not None
    assert [copied[table] for table in VIEW_TABLES] == [original[table] for table in VIEW_TABLES]


def test_a_backup_holds_no_view_and_no_page_that_was_freed(path: Path, tmp_path: Path) -> None:
    """A name that only a view or a deleted row held is in no byte of the copy."""
    left_over, in_a_view = b"canary-of-a-free-page", b"canary-of-a-view"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete = OFF")
        insert = "INSERT INTO persons (name) VALUES (?)"
        connection.executemany(insert, [(f"{left_over.decode()}{n}",) for n in range(500)])
        connection.execute("DELETE FROM persons WHERE name LIKE 'canary%'")
        connection.execute(insert, (in_a_view.decode(),))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert left_over in path.read_bytes()
    assert backup(path, tmp_path / "backup.db").ok
    copied = (tmp_path / "backup.db").read_bytes()
    assert left_over not in copied
    assert in_a_view not in copied


def test_a_backup_says_which_tables_are_not_in_it(path: Path, tmp_path: Path) -> None:
    """What an adoption kept, or another program made, is not the journal's."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE legacy_persons AS SELECT * FROM persons")
        (count,) = connection.execute("SELECT count(*) FROM persons").fetchone()
    report = backup(path, tmp_path / "backup.db")
    assert report.ok
    assert [(note.where, note.what) for note in report.notes] == [
        ("table legacy_persons", f"its {count} rows are not in the copy: only the journal is")
    ]


def test_a_backup_carries_the_secret_of_the_tree(path: Path, tmp_path: Path) -> None:
    """Without it no proof could be made again."""
    secret = tree_secret.ensure(path)
    assert backup(path, tmp_path / "backup.db").ok
    with closing(sqlite3.connect(tmp_path / "backup.db")) as connection:
        assert tree_secret.read(connection) == secret


def test_a_log_with_a_hole_is_copied_page_by_page(path: Path, tmp_path: Path) -> None:
    """No row of what is left is lost, and it says how it was copied."""
    with guards_down(path) as connection:
        connection.execute("DELETE FROM journal WHERE position = 30")
    report = backup(path, tmp_path / "backup.db")
    assert not report.ok
    assert "page by page" in report.notes[-1].what
    assert contents(tmp_path / "backup.db") == contents(path)


def test_a_backup_is_its_owners_alone_and_leaves_nothing_beside_it(
    path: Path, tmp_path: Path
) -> None:
    """Database and head file are 0600; the temporary folder is removed."""
    folder = tmp_path / "backups"
    folder.mkdir()
    backup(path, folder / "backup.db")
    assert {entry.name for entry in folder.iterdir()} == {"backup.db", "backup.db.head"}
    assert {entry.stat().st_mode & 0o777 for entry in folder.iterdir()} == {0o600}


def test_what_lies_in_the_wal_is_in_the_backup(tmp_path: Path) -> None:
    """A copy of the database file alone would lack it."""
    path = build_log_with_wal(tmp_path / "door.db", spare=tmp_path / "spare.db")
    report = backup(path, tmp_path / "backup.db")
    assert report.ok
    assert rows(tmp_path / "backup.db") == rows(path)


def test_a_backup_is_one_moment_while_others_write(tmp_path: Path) -> None:
    """Appends continue during the copy, and the copy ends with a complete one."""
    path = build_log(tmp_path / "door.db", 3000, project=False)
    stop, started = threading.Event(), threading.Event()

    def write() -> None:
        with writing(path) as connection:
            while not stop.is_set():
                put(connection, [prepare([PersonNamed(name=name) for name in "abc"])])
                started.set()

    writer = threading.Thread(target=write)
    writer.start()
    started.wait()
    try:
        reports = [backup(path, tmp_path / f"backup{n}.db") for n in range(3)]
    finally:
        stop.set()
        writer.join()
    stored = rows(path)
    for number, report in enumerate(reports):
        assert report.ok
        assert rows(tmp_path / f"backup{number}.db") == stored[: report.records]


def test_a_backup_never_writes_over_a_file(path: Path, tmp_path: Path) -> None:
    """An older backup, a link and the log itself stay as they are."""
    target = tmp_path / "backup.db"
    backup(path, target)
    before = target.read_bytes()
    (tmp_path / "link.db").symlink_to(tmp_path / "nowhere")
    for taken in (target, path, tmp_path / "link.db"):
        with pytest.raises(BadArgument, match="exists already"):
            backup(path, taken)
    assert target.read_bytes() == before
    assert not (tmp_path / "nowhere").exists()


def test_a_file_that_appears_meanwhile_is_not_written_over(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is taken in one step that fails where it is taken already."""
    target = tmp_path / "backup.db"
    monkeypatch.setattr(new_file, "require_free", lambda _: target.write_bytes(b"other"))
    with pytest.raises(BadArgument, match="exists already"):
        backup(path, target)
    assert target.read_bytes() == b"other"


def test_a_stick_without_hard_links_takes_a_backup(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the file system has no links the file is renamed."""

    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    assert backup(path, tmp_path / "backup.db").ok
    assert verify(tmp_path / "backup.db").ok


def test_missing_log_and_missing_folder_are_named(path: Path, tmp_path: Path) -> None:
    """Nothing is made where there is nothing to copy, or nowhere to put it."""
    with pytest.raises(DatabaseMissing):
        backup(tmp_path / "none.db", tmp_path / "backup.db")
    with pytest.raises(MissingFolder):
        backup(path, tmp_path / "none" / "backup.db")


def test_a_backup_of_a_damaged_log_is_made_and_says_so(path: Path, tmp_path: Path) -> None:
    """Waiting loses more; the findings are those of the log."""
    with guards_down(path) as connection:
        connection.execute("UPDATE journal SET body = x'80' WHERE position = 30")
    report = backup(path, tmp_path / "backup.db")
    assert [finding.position for finding in report.findings] == [30]
    assert rows(tmp_path / "backup.db") == rows(path)


def test_a_backup_of_a_log_that_lost_its_tail_says_so(path: Path, tmp_path: Path) -> None:
    """The log's own head file shows it; the copy alone could not."""
    mark = read_head(path)
    assert mark is not None
    further = HeadMark(mark.log_id, mark.position + 5, mark.position + 5, bytes(32))
    head_path(path).write_bytes(pack(further))
    report = backup(path, tmp_path / "backup.db")
    assert [finding.position for finding in report.findings] == [mark.position + 1]
    assert verify(tmp_path / "backup.db").ok


def test_a_log_that_sqlite_cannot_read_is_a_named_error(path: Path, tmp_path: Path) -> None:
    """No file takes the backup's name."""
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'log'"
        ).fetchone()
    data = bytearray(path.read_bytes())
    data[(page - 1) * 4096 : page * 4096] = bytes(4096)
    path.write_bytes(data)
    with pytest.raises(DiskFailure):
        backup(path, tmp_path / "backup.db")
    assert not (tmp_path / "backup.db").exists()
    assert not list(tmp_path.glob(".backup.db*"))


@pytest.mark.faults
def test_a_full_disk_leaves_no_half_backup(path: Path, tmp_path: Path) -> None:
    """Where there is no room, that is said and nothing stays behind."""
    with tmpfs(tmp_path / "full", size_kb=64) as folder:
        with pytest.raises(DiskFull):
            backup(path, folder / "backup.db")
        assert list(folder.iterdir()) == []


def test_the_copy_is_appended_to_like_any_log(path: Path, tmp_path: Path) -> None:
    """A backup that replaces the log continues its chain."""
    target = tmp_path / "backup.db"
    backup(path, target)
    with writing(target) as connection:
        head = put(connection, [prepare([PersonNamed(name="later")])])
        assert journal.head(connection) == head
    assert verify(target).ok
