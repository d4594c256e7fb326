"""Who writes what waits, the loop or the thread, and how the WAL is kept ready for it."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest

from eventlog import Detection, EventStore, Motion
from eventlog.errors import DatabaseError, DiskFull
from eventlog.facts import Fact
from eventlog.journal import group_commit as appender
from eventlog.journal import table as journal
from eventlog.journal.group_commit import GroupCommit
from eventlog.storage import wal_file as wal
from eventlog.storage.lock import FileLock
from eventlog.storage.paths import lock_path, wal_path
from tests.store.test_statements import T0, Hops, quiet_store

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EventStore]:
    """A quiet store with one event, which has been written and settled."""
    async with quiet_store(tmp_path / "events.db") as (store, _):
        await store.append(*visit())
        await settled(store)
        yield store


def visit(number: int = 0) -> list[Fact]:
    """A motion and what was seen."""
    return [
        Motion(camera_id="front_door", recorded_at=T0, recording_id=str(number)),
        Detection(label="person", confidence=0.9, model="yolov8n"),
    ]


async def settled(store: EventStore) -> None:
    """Everything that is queued for the writer's thread has been done, to its end."""
    await store._engine.writer.run(lambda _: None)
    with store._engine.writer.worker._in_use:
        return


async def until(is_so: Callable[[], bool]) -> None:
    """Let the loop and the thread go on until something is so."""
    while not is_so():  # noqa: ASYNC110 - a thread sets no event of the loop's
        await asyncio.sleep(0)


def appender_of(store: EventStore) -> GroupCommit:
    """The machine inside."""
    return store._engine._group_commit


# ── on the loop ────────────────────────────────────────────────────────────────────────────


async def test_a_few_relaxed_appends_need_no_other_thread(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They wait for no disk: written where they are asked for, together, each with its answer."""
    hops = Hops(monkeypatch)
    receipts = await asyncio.gather(
        *(store.append(*visit(number), durability="relaxed") for number in range(5))
    )

    assert hops.count == 0
    assert [receipt.event_id for receipt in receipts] == [2, 3, 4, 5, 6]


@pytest.mark.parametrize("crowd", [appender.LIGHT_CALLERS + 1, 100])
async def test_many_relaxed_appends_are_left_to_the_thread(
    store: EventStore, monkeypatch: pytest.MonkeyPatch, crowd: int
) -> None:
    """What takes long would keep the loop from everything else."""
    hops = Hops(monkeypatch)
    await asyncio.gather(*(store.append(*visit(n), durability="relaxed") for n in range(crowd)))

    assert hops.count >= 1


async def test_a_large_relaxed_append_is_left_to_the_thread(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts by its facts, not by its callers."""
    hops = Hops(monkeypatch)
    await store.append(*visit(), *visit()[1:] * journal.ROWS_PER_STATEMENT, durability="relaxed")

    assert hops.count == 1


async def test_after_a_slow_write_the_loop_leaves_the_next_to_the_thread(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that holds up one write would hold up the loop again; after a while it is tried."""
    hops = Hops(monkeypatch)
    monkeypatch.setattr(appender, "SLOW_S", -1.0)  # as if every write were slow
    await store.append(*visit(), durability="relaxed")
    assert hops.count == 0
    await store.append(*visit(), durability="relaxed")
    assert hops.count == 1
    await settled(store)
    before = hops.count
    monkeypatch.setattr(appender_of(store), "_not_here_until", 0.0)  # the while is over
    await store.append(*visit(), durability="relaxed")
    assert hops.count == before


async def test_the_loop_waits_for_no_other_process(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where another holds the lock, the thread waits for it; nothing is lost or doubled."""
    hops = Hops(monkeypatch)
    with FileLock(lock_path(Path(store.db_path))):
        waiting = asyncio.create_task(store.append(*visit(), durability="relaxed"))
        await until(lambda: hops.count > 0)
        assert not waiting.done()
    receipt = await waiting

    assert receipt.event_id == 2
    assert await store.reader.last_position() == 4


async def test_the_loop_waits_for_no_stranger_to_our_lock(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell that writes without our lock holds SQLite's own: that, too, the thread waits for."""
    hops = Hops(monkeypatch)
    with closing(sqlite3.connect(store.db_path, isolation_level=None)) as stranger:
        stranger.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(store.append(*visit(), durability="relaxed"))
        await until(lambda: hops.count > 0)
        assert not waiting.done()
        stranger.execute("ROLLBACK")

    assert (await waiting).event_id == 2


async def test_the_loop_stays_away_from_a_connection_at_work(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the thread does something else, the append is queued behind it."""
    hops = Hops(monkeypatch)
    order: list[str] = []
    other = asyncio.create_task(store._engine.writer.run(lambda _: order.append("other")))
    await asyncio.sleep(0)
    await store.append(*visit(), durability="relaxed")
    order.append("append")
    await other

    assert order == ["other", "append"]
    assert hops.count <= 2


# ── room in the WAL ────────────────────────────────────────────────────────────────────────


async def test_durable_commits_write_where_the_wal_has_room(
    store: EventStore, tmp_path: Path
) -> None:
    """A commit that makes the WAL longer makes room for the next ones, and zeros are no record."""
    path = wal_path(Path(store.db_path))
    size = path.stat().st_size
    used = wal.bytes_in_use(path)
    for number in range(20):
        await store.append(*visit(number))
    await settled(store)

    assert path.stat().st_size == size
    assert used < wal.bytes_in_use(path) < size
    # As after a power cut: the database and its WAL, and nobody who closed them.
    await store._engine.writer.run(lambda _: copy_files(path, tmp_path / "cut"))
    with closing(sqlite3.connect(tmp_path / "cut" / "events.db")) as connection:
        assert connection.execute("SELECT max(position) FROM journal").fetchone() == (42,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_a_stranger_may_commit_while_room_is_made(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell that writes without our lock makes the WAL longer: no zeros go over its frames."""
    path = wal_path(Path(store.db_path))
    measured = wal._bytes_in_use
    with closing(sqlite3.connect(store.db_path, isolation_level=None)) as stranger:
        stranger.execute("PRAGMA wal_autocheckpoint = 0")
        stranger.execute("CREATE TABLE other (x)")

        def interrupted(fd: int) -> int:
            used = measured(fd)
            stranger.execute("INSERT INTO other VALUES (randomblob(2000000))")
            return used

        monkeypatch.setattr(wal, "_ROOM", 2**40)  # as if hardly any room were left
        monkeypatch.setattr(wal, "_bytes_in_use", interrupted)
        wal.make_room(path)
        monkeypatch.undo()

        assert stranger.execute("SELECT length(x) FROM other").fetchone() == (2_000_000,)
        assert stranger.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert (await store.append(*visit())).event_id == 2


def copy_files(wal_file: Path, folder: Path) -> None:
    """A database and its WAL as they are there, read by a file descriptor that is not closed."""
    folder.mkdir()
    shutil.copy(wal_file, folder)
    database = wal_file.with_name("events.db")
    # Closing it would drop the locks that this process has on it.
    source = os.open(database, os.O_RDONLY | os.O_CLOEXEC)
    (folder / "events.db").write_bytes(os.pread(source, database.stat().st_size, 0))


async def test_a_full_disk_takes_the_room_and_no_append(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the WAL can't be made longer ahead, commits make it longer one by one."""
    asked: list[Path] = []

    def full(path: Path) -> None:
        asked.append(path)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(wal, "make_room", full)
    monkeypatch.setattr(store._engine.writer, "_wal_size", 0)  # as if the last commit had grown it
    for number in range(5):
        await store.append(*visit(number))
        await settled(store)

    assert await store.reader.last_position() == 12
    assert len(asked) == 1  # and not again until the WAL grows


async def test_a_disk_that_fails_at_it_is_not_believed_again(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a sync that failed the WAL is compared with the disk before the next commit."""

    def fail(_: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(wal, "make_room", fail)
    monkeypatch.setattr(store._engine.writer, "_wal_size", 0)
    await store.append(*visit())
    await until(lambda: store._engine.writer.in_doubt)
    repaired: list[Path] = []
    monkeypatch.setattr(wal, "write_missing", repaired.append)
    await store.append(*visit())

    assert len(repaired) == 1


async def test_a_relaxed_append_waits_elsewhere_while_the_wal_is_in_doubt(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To compare the WAL with the disk syncs it, and the loop waits for no sync."""
    monkeypatch.setattr(store._engine.writer, "_in_doubt", True)
    hops = Hops(monkeypatch)
    await store.append(*visit(), durability="relaxed")

    assert hops.count == 1


async def test_a_full_disk_is_told_to_a_relaxed_append(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written on the loop or by the thread, what fails is the caller's to know."""

    def full(*_: object) -> None:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    monkeypatch.setattr(journal, "insert", full)
    with pytest.raises(DiskFull):
        await store.append(*visit(), durability="relaxed")
    monkeypatch.undo()

    assert (await store.append(*visit(), durability="relaxed")).event_id == 2


async def test_of_many_none_is_written_behind_a_commit_that_failed(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commits before it are in the journal and none after it: there is no hole in the input."""
    real, tried = journal.insert, []

    def once(*arguments: object) -> None:
        tried.append(arguments)
        if len(tried) == 2:
            raise OSError(errno.EIO, "Input/output error")
        real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(journal, "insert", once)
    with pytest.raises(DatabaseError):
        await store.append_many([visit(number) for number in range(4_000)])

    assert len(tried) == 2
    assert await store.reader.last_position() == 2 + appender.FACTS_PER_COMMIT


async def test_of_nothing_nothing_is_written(store: EventStore) -> None:
    """No appends at all have no answers, and the next one is written as ever."""
    assert await store._engine.append_all([]) == []
    assert (await store.append(*visit())).event_id == 2


async def test_work_that_is_queued_at_a_close_is_done(
    store: EventStore, caplog: pytest.LogCaptureFixture
) -> None:
    """A WAL checkpoint that was due is made before the connection goes, and nothing is wrong."""
    writer = store._engine.writer
    made: list[str] = []
    writer.post(lambda: made.extend(writer.worker.connection.execute("SELECT 'made'").fetchone()))
    await store.close()

    assert made == ["made"]
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
