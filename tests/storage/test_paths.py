"""A log that is opened by a link: one lock, one head file, and nothing next to the link."""

from __future__ import annotations

import asyncio
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from eventlog import EventStore, Motion
from eventlog.errors import LockTimeout, ReplayRunning
from eventlog.journal import table as journal
from eventlog.maintenance.backup import backup
from eventlog.maintenance.salvage.salvage import salvage
from eventlog.maintenance.status import status
from eventlog.maintenance.verify.log import verify
from eventlog.storage.connections import connect_reader
from eventlog.storage.lock import FileLock
from eventlog.storage.paths import beside, lock_path
from tests.support.logs import build_log_with_wal, rows

MOTION = Motion(camera_id="front_door", recorded_at=datetime(2026, 2, 25, tzinfo=UTC))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The path for the database, in its own folder."""
    (tmp_path / "disk").mkdir()
    return tmp_path / "disk" / "events.db"


@pytest.fixture
def link(tmp_path: Path, file: Path) -> Path:
    """A link to it, relative and over a second link, as an admin might leave it."""
    (tmp_path / "again").symlink_to(file)
    (tmp_path / "door.db").symlink_to("again")
    return tmp_path / "door.db"


def store_at(path: Path) -> EventStore:
    """A store of that log."""
    return EventStore(str(path), str(path.parent / "thumbnails"))


@pytest.mark.anyio
async def test_what_belongs_to_a_log_lies_beside_the_file(file: Path, link: Path) -> None:
    """Opened first through a link that leads nowhere yet: all is where the file comes to be."""
    async with store_at(link) as store:
        await store.append(MOTION)
        beside_file = {path.name for path in file.parent.iterdir()}
        assert {"events.db", "events.db-wal", "events.db.head", "events.db.lock"} <= beside_file
        assert any(name.startswith("events.db.open-") for name in beside_file)
        assert not [path for path in link.parent.iterdir() if path.name.startswith("door.db.")]
    assert {path.stat().st_mode & 0o777 for path in file.parent.iterdir()} == {0o600}
    assert beside(link, ".head") == beside(file, ".head")


@pytest.mark.anyio
async def test_two_names_of_a_log_have_one_lock(file: Path, link: Path) -> None:
    """Who writes by one name waits for who writes by the other, and a replay for a replay."""
    async with store_at(file) as one, store_at(link) as other:
        held, wanted = FileLock(lock_path(file)), FileLock(lock_path(link), timeout_s=0)
        with held, pytest.raises(LockTimeout):
            wanted.acquire()
        held.close()
        wanted.close()
        replays = [asyncio.create_task(store.replay()) for store in (one, other)]
        with pytest.raises(ReplayRunning):
            await asyncio.gather(*replays)
        await asyncio.wait(replays)


@pytest.mark.anyio
async def test_what_was_written_by_both_names_is_one_log(file: Path, link: Path) -> None:
    """Positions grow in turn, a receipt by the link is on the disk, and no check finds anything."""
    async with store_at(file) as one, store_at(link) as other:
        for number in range(20):
            store = (one, other)[number % 2]
            receipt = await store.append(MOTION, key=f"k{number}", durability="relaxed")
            assert receipt.positions == (number + 1,)
            assert await (other, one)[number % 2].receipt(f"k{number}") == receipt
    assert verify(link).findings == verify(file).findings == ()
    assert verify(link).notes == verify(file).notes == ()
    assert status(link).head_file == status(file).head_file


def test_a_link_can_be_backed_up_and_salvaged(file: Path, link: Path, tmp_path: Path) -> None:
    """With what is in the WAL."""
    build_log_with_wal(file, spare=tmp_path / "spare.db")
    assert backup(link, tmp_path / "backup.db").ok
    assert salvage(link, tmp_path / "salvaged.db").missing == ()
    assert verify(link).findings == ()
    for copy in ("backup.db", "salvaged.db"):
        with closing(connect_reader(tmp_path / copy)) as connection:
            assert journal.last_position(connection) == len(rows(file))
