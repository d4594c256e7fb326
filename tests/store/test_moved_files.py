"""Files moved, deleted or replaced under an open store: never a receipt without a record."""

from __future__ import annotations

import shutil
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from eventlog import EventStore, Motion
from eventlog.errors import DiskFailure
from eventlog.journal import table as journal
from eventlog.maintenance.verify.log import verify
from eventlog.storage.connections import connect_reader
from eventlog.storage.paths import wal_path
from tests.support.logs import build_log

pytestmark = pytest.mark.anyio

MOTION = Motion(camera_id="front_door", recorded_at=datetime(2026, 2, 25, tzinfo=UTC))


async def require_refused(store: EventStore) -> None:
    """No append is answered, and the error says what is wrong."""
    for _ in range(3):
        with pytest.raises(DiskFailure, match="moved, deleted or replaced"):
            await store.append(MOTION)


def move_all(folder: Path, to: Path) -> None:
    """Move a log with all that belongs to it."""
    for file in list(folder.glob("events.db*")):
        file.rename(to / file.name)


def end_of(path: Path) -> int:
    """Where the journal of a log ends."""
    with closing(connect_reader(path)) as connection:
        return journal.last_position(connection)


async def test_nothing_is_answered_once_the_wal_is_deleted(tmp_path: Path) -> None:
    """What was answered before goes into the database at the close."""
    path = tmp_path / "events.db"
    async with EventStore(str(path), str(tmp_path / "t")) as store:
        await store.append(MOTION)
        wal_path(path).unlink()
        await require_refused(store)
    assert end_of(path) == 1
    assert verify(path).findings == ()


async def test_nothing_is_answered_once_the_database_is_moved(tmp_path: Path) -> None:
    """Moved with all that belongs to it, it holds what was answered; the old name stays free."""
    path, moved = tmp_path / "events.db", tmp_path / "moved"
    moved.mkdir()
    async with EventStore(str(path), str(tmp_path / "t")) as store:
        await store.append(MOTION)
        move_all(tmp_path, moved)
        await require_refused(store)
    assert not path.exists()
    assert end_of(moved / "events.db") == 1
    assert verify(moved / "events.db").findings == ()


async def test_nothing_is_answered_once_another_log_lies_there(tmp_path: Path) -> None:
    """A backup that was restored under an open store is not changed until the store is closed."""
    path, other = tmp_path / "events.db", build_log(tmp_path / "other.db", 5)
    before = other.read_bytes()
    async with EventStore(str(path), str(tmp_path / "t")) as store:
        await store.append(MOTION)
        shutil.copy(path, tmp_path / "copy.db")
        other.replace(path)
        await require_refused(store)
    assert path.read_bytes() == before
