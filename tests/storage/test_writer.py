"""The writer: one deadline for all locks, and functions that wait for no one."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from eventlog import EventStore, Motion
from eventlog.errors import LockTimeout
from eventlog.storage import wal_file
from eventlog.storage.connections import connect_writer
from eventlog.storage.lock import AT_ONCE, FileLock
from eventlog.storage.paths import lock_path
from eventlog.storage.writer import Writer
from tests.journal.guarded_log import make_log

pytestmark = pytest.mark.anyio

MOTION = Motion(camera_id="front_door", recorded_at=datetime(2026, 2, 25, tzinfo=UTC))


@pytest.fixture
async def writer(tmp_path: Path) -> AsyncIterator[Writer]:
    """A writer over a log of three records."""
    writer = Writer(make_log(tmp_path / "log.db"))
    await writer.open(lambda c: c.execute("SELECT count(*) FROM journal").fetchone())
    yield writer
    await writer.close()


def patience(connection: sqlite3.Connection) -> int:
    """For how many milliseconds SQLite waits for its own lock."""
    (timeout_ms,) = connection.execute("PRAGMA busy_timeout").fetchone()
    return int(timeout_ms)


async def test_sqlite_waits_only_for_what_the_deadline_has_left(writer: Writer) -> None:
    """Of five seconds, four that were spent in the queue leave one for SQLite's own lock."""
    now = time.monotonic()
    assert await writer.run(patience) == 5000
    assert await writer.run(patience, since=now - 4.0) <= 1000
    assert await writer.run(patience, since=now - 600.0) <= 500
    assert await writer.run(patience, since=AT_ONCE) == 0
    assert await writer.run(patience) == 5000


async def test_a_writer_compares_the_wal_with_the_disk_before_sqlite_opens_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How the last process ended is not known, so each connection that writes compares first."""
    done: list[str] = []
    connect = sqlite3.connect

    def compare(wal: Path) -> int:
        done.append(wal.name)
        return 0

    def connected(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        done.append("connected")
        connection: sqlite3.Connection = connect(*args, **kwargs)
        return connection

    path = make_log(tmp_path / "log.db")
    monkeypatch.setattr(wal_file, "write_missing", compare)
    monkeypatch.setattr(sqlite3, "connect", connected)
    with closing(FileLock(lock_path(path))) as lock, closing(connect_writer(path, lock)):
        assert done == ["log.db-wal", "connected"]


async def test_an_outsider_in_a_transaction_is_named_when_the_time_is_up(writer: Writer) -> None:
    """A program that knows nothing of our lock keeps SQLite's own; the error says which it is."""
    with closing(sqlite3.connect(writer.path, isolation_level=None)) as outsider:
        outsider.execute("BEGIN IMMEDIATE")
        with pytest.raises(LockTimeout, match=r"process \d+ \(.*\) is writing to it"):
            await writer.run(lambda c: c.execute("BEGIN IMMEDIATE"), since=AT_ONCE)
        outsider.execute("ROLLBACK")


async def test_the_projector_never_waits_for_a_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While another process writes, the thread is free for appends, and the views follow later."""
    asked: list[float | None] = []
    acquire = FileLock.acquire

    def spy(lock: FileLock, *, since: float | None = None) -> None:
        if lock is store._engine.writer.lock:
            asked.append(since)
        acquire(lock, since=since)

    path = tmp_path / "events.db"
    async with EventStore(str(path), str(tmp_path / "thumbnails")) as store:
        receipt = await store.append(MOTION)
        await store.caught_up(receipt.positions[-1])
        with closing(FileLock(lock_path(path))) as other:
            with other:
                monkeypatch.setattr(FileLock, "acquire", spy)
                store._engine.reader.nudge.give()
                while len(asked) < 3:
                    await store.reader.last_position()
                assert set(asked) == {AT_ONCE}
            monkeypatch.setattr(FileLock, "acquire", acquire)
        receipt = await store.append(MOTION)
        await store.caught_up(receipt.positions[-1])
