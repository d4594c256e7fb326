"""When the disk is full: unlock records have a reserve, and all comes back with the room.

SQLite's own page limit stands in for a full disk: the same error from the same place, without
a file system of its own. The real ones are filled in tests/faults.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from eventlog import Author, EventStore, Fact, Motion, Receipt, UnlockAction
from eventlog.errors import DiskFull
from eventlog.journal.append import prepare
from eventlog.record import LIBRARY
from eventlog.storage import reserve
from eventlog.storage.reserve import Reserve
from tests.support.dumps import journal_of

pytestmark = pytest.mark.anyio

MOTION = Motion(camera_id="front_door", recorded_at=datetime(2026, 2, 25, tzinfo=UTC))
UNLOCK = UnlockAction(granted=True, door_action="unlocked", actor="key", rule="r" * 256)
NO_ROOM = "PRAGMA max_page_count = 1"  # SQLite makes it the pages that there are
ROOM = "PRAGMA max_page_count = 1000000"


@pytest.fixture
async def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[EventStore]:
    """A store with a small reserve, which gives pages when it is given up."""
    monkeypatch.setattr(reserve, "SIZE_BYTES", 4096)
    monkeypatch.setattr(reserve, "RETRY_S", 0.0)
    async with EventStore(str(tmp_path / "events.db"), str(tmp_path / "t")) as opened:
        yield opened
        await _set(opened, ROOM)


async def _set(store: EventStore, pragma: str) -> None:
    def run(connection: sqlite3.Connection) -> None:
        connection.execute(pragma).fetchall()

    await store._engine.writer.run(run)


async def _until_full(store: EventStore) -> list[Receipt]:
    receipts = []
    for _ in range(10_000):
        try:
            receipts.append(await store.append(MOTION))
        except DiskFull:
            return receipts
    raise AssertionError("the disk never filled")


async def test_a_full_disk_acknowledges_nothing_that_it_has_not_and_comes_back_by_itself(
    store: EventStore, tmp_path: Path
) -> None:
    """No acknowledgement without a record; when room is made, appends go on without a restart."""
    await _set(store, NO_ROOM)
    receipts = await _until_full(store)
    kept = [row[0] for row in journal_of(tmp_path / "events.db")]
    await _set(store, ROOM)
    after = await store.append(MOTION)

    assert kept == [position for receipt in receipts for position in receipt.positions]
    assert after.positions == (len(kept) + 1,)
    await store.caught_up(after.positions[0])


async def test_unlock_records_have_a_reserve(
    store: EventStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the disk is full, the file of nothing goes, and only unlock records take its place."""
    file = tmp_path / "events.db.reserve"
    size_before = file.stat().st_size
    given_up = Reserve.give_up

    def give_up(self: Reserve) -> bool:
        # On the writer's thread, where the page limit can be lifted as a real disk's would be.
        store._engine.writer.worker.connection.execute(ROOM).fetchall()
        monkeypatch.setattr(Reserve, "_fill", _no_room)
        return given_up(self)

    monkeypatch.setattr(Reserve, "give_up", give_up)
    await _set(store, NO_ROOM)
    await _until_full(store)
    unlocked = [await store.append(UNLOCK) for _ in range(20)]
    size_given_up = file.stat().st_size
    with pytest.raises(DiskFull):
        await store.append(MOTION)

    assert size_before == 4096
    assert size_given_up == 0
    assert len({receipt.positions for receipt in unlocked}) == 20

    monkeypatch.undo()
    monkeypatch.setattr(reserve, "RETRY_S", 0.0)
    await store.append(MOTION)
    assert file.stat().st_size == 4096


def test_a_disk_that_gives_no_room_for_the_reserve_takes_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For example where a quota is smaller than the disk: the log works without the reserve."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    kept = Reserve(tmp_path / "events.db", size_bytes=4096)
    kept.keep()
    assert list(tmp_path.iterdir()) == []
    assert kept.restored()


def _no_room(_: Reserve) -> None:
    raise OSError(28, "No space left on device")


TOKEN: Final = Author("part", "api", token=3)
ACCOUNT: Final = Author("part", "dashboard", user=1)
MACHINE: Final = Author("part", "run")


@pytest.mark.parametrize(
    ("facts", "author", "may"),
    [
        ([UNLOCK], LIBRARY, True),
        ([UNLOCK], MACHINE, True),
        ([MOTION, UNLOCK], LIBRARY, True),
        ([UNLOCK], TOKEN, False),
        ([UNLOCK], ACCOUNT, False),
        ([MOTION], LIBRARY, False),
        ([UNLOCK] * 1000, LIBRARY, False),
    ],
)
def test_the_reserve_is_for_small_unlock_records_of_this_machine(
    facts: list[Fact],
    author: Author,
    may: bool,
) -> None:
    """No API token, no account and no large append uses up what the bolt needs."""
    assert prepare(facts, author=author).may_use_reserve is may


async def test_bulk_and_tokens_do_not_use_the_reserve_up(
    store: EventStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk they are refused, the room stays, and a single unlock record finds it."""
    file = tmp_path / "events.db.reserve"
    given_up = Reserve.give_up

    def give_up(self: Reserve) -> bool:
        store._engine.writer.worker.connection.execute(ROOM).fetchall()
        monkeypatch.setattr(Reserve, "_fill", _no_room)
        return given_up(self)

    await _set(store, NO_ROOM)
    await _until_full(store)
    monkeypatch.setattr(Reserve, "give_up", give_up)
    with pytest.raises(DiskFull):
        await store.append(UNLOCK, writer=TOKEN)
    with pytest.raises(DiskFull):
        await store.append_many([[UNLOCK]] * 3)
    assert file.stat().st_size == 4096
    await store.append(UNLOCK)
    assert file.stat().st_size == 0
    for refused in (store.append(UNLOCK, writer=TOKEN), store.append_many([[UNLOCK]] * 3)):
        with pytest.raises(DiskFull, match="only single unlock records of this machine"):
            await refused
    await store.append(UNLOCK)
