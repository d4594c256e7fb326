"""What pipelines of today do with store.db, and what must not keep the log waiting."""

from __future__ import annotations

import itertools
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from eventlog import EventStore, Motion, UnlockAction
from eventlog.errors import LockTimeout
from eventlog.storage.lock import FileLock
from eventlog.storage.paths import lock_path
from eventlog.store.compat import caller_connection
from eventlog.store.compat.caller_connection import LockedConnection, connect_caller
from tests.journal.guarded_log import make_log

MOTION = Motion(camera_id="front_door", recorded_at=datetime(2026, 2, 25, tzinfo=UTC))
UNLOCK = UnlockAction(granted=True, door_action="unlocked", person="ada")
SET_ALERT = "UPDATE events SET alert_sent = 1 WHERE id = 1"


def open_store(folder: Path) -> EventStore:
    """A store in a folder."""
    return EventStore(str(folder / "events.db"), str(folder / "thumbnails"))


def alert_sent(folder: Path) -> int:
    """What another program reads."""
    with closing(sqlite3.connect(folder / "events.db")) as other:
        (sent,) = other.execute("SELECT alert_sent FROM events WHERE id = 1").fetchone()
    return int(sent)


def in_transaction(connection: sqlite3.Connection) -> bool:
    """Read each time, as others may end a transaction."""
    return connection.in_transaction


@pytest.mark.anyio
async def test_a_forgotten_commit_is_made_up_for_by_the_next_append(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An unlock record gets through, the caller's write is kept, and the log says so."""
    async with open_store(tmp_path) as store:
        receipt = await store.append(MOTION)
        await store.caught_up(receipt.positions[-1])
        assert store.db is not None
        await store.db.execute(SET_ALERT)
        unlocked = await store.append(UNLOCK, event_id=receipt.event_id)
        assert unlocked.positions == (2,)
        assert not store.db.in_transaction
        assert alert_sent(tmp_path) == 1
        assert "transaction of store.db was left open" in caplog.text
        await store.db.commit()  # too late, and no error
        await store.db.execute(SET_ALERT)
        await store.db.commit()


@pytest.mark.anyio
async def test_a_forgotten_commit_keeps_no_other_store_of_the_process_waiting(
    tmp_path: Path,
) -> None:
    """The transaction is ended for whichever store of this process appends."""
    async with open_store(tmp_path) as store, open_store(tmp_path) as other:
        receipt = await store.append(MOTION)
        await store.caught_up(receipt.positions[-1])
        assert store.db is not None
        await store.db.execute(SET_ALERT)
        assert (await other.append(UNLOCK, event_id=1)).positions == (2,)
        assert alert_sent(tmp_path) == 1


def test_a_transaction_that_is_at_work_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only one in which nothing was done for a while is committed, and not for every waiter."""
    path = make_log(tmp_path / "log.db")
    connection = connect_caller(path)
    assert isinstance(connection, LockedConnection)
    now = [time.monotonic()]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with closing(connection):
        connection.execute("CREATE TABLE mine (x)")
        connection.execute("INSERT INTO mine VALUES (1)")
        connection.give_way()
        assert in_transaction(connection)
        now[0] += 2 * caller_connection.IDLE_S
        with closing(FileLock(lock_path(path), timeout_s=0)) as other, pytest.raises(LockTimeout):
            other.acquire()
        assert in_transaction(connection)
        with closing(FileLock(lock_path(path))) as append:
            append.asks = True
            append.acquire()
            assert not in_transaction(connection)
        assert connection.execute("SELECT x FROM mine").fetchone()["x"] == 1


HOLDER = """
import sys, time
from pathlib import Path
from eventlog.store.compat.caller_connection import connect_caller
connection = connect_caller(Path(sys.argv[1]))
connection.execute("CREATE TABLE mine (x)")
connection.execute("INSERT INTO mine VALUES (1)")
print("open", flush=True)
sys.stdin.read()
"""


def test_a_lock_that_another_process_keeps_is_named(tmp_path: Path) -> None:
    """The error says which process and program holds the lock, and since when."""
    path = make_log(tmp_path / "log.db")
    script = tmp_path / "forgetful.py"
    script.write_text(HOLDER)
    with subprocess.Popen(
        [sys.executable, str(script), str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        with (
            closing(FileLock(lock_path(path), timeout_s=0)) as lock,
            pytest.raises(LockTimeout) as refused,
        ):
            lock.acquire()
        process.communicate(b"", timeout=30)
    assert f"process {process.pid} (" in str(refused.value)
    assert "forgetful.py" in str(refused.value)
    assert f", since {datetime.now(UTC):%Y-}" in str(refused.value)


def test_an_outsider_that_writes_is_named(tmp_path: Path) -> None:
    """A program that knows nothing of our lock holds SQLite's own, and is named as well."""
    path = make_log(tmp_path / "log.db")
    connection = connect_caller(path)
    with closing(connection), closing(sqlite3.connect(path, isolation_level=None)) as outsider:
        connection.execute("PRAGMA busy_timeout = 0")
        outsider.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="locked") as refused:
            connection.execute("CREATE TABLE mine (x)")
        outsider.execute("ROLLBACK")
    assert refused.value.sqlite_errorname == "SQLITE_BUSY"


@pytest.mark.anyio
async def test_a_cursor_that_is_read_by_half_pins_nothing(tmp_path: Path) -> None:
    """One row is taken, an event is written, and the caller's own UPDATE goes through."""
    async with open_store(tmp_path) as store:
        for _ in range(3):
            await store.write_event("front_door", "2026-02-25T10:30:00")
        assert store.db is not None
        await store.caught_up(3)
        cursor = await store.db.execute("SELECT id FROM events ORDER BY id DESC")
        first = await cursor.fetchone()
        await store.write_event("front_door", "2026-02-25T10:31:00")
        await store.db.execute("UPDATE events SET alert_sent = 1 WHERE id = 3")
        await store.db.commit()
        rest = await cursor.fetchall()
        assert [row["id"] for row in (first, *rest) if row is not None] == [3, 2, 1]
        async with store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)") as checkpoint:
            answer = await checkpoint.fetchone()
        assert answer is not None
        assert answer[0] == 0  # no reader was in the way


@pytest.mark.anyio
async def test_a_loop_over_many_rows_may_append_and_write(tmp_path: Path) -> None:
    """`async for` over more rows than aiosqlite takes at once, with appends and updates inside."""
    async with open_store(tmp_path) as store:
        receipts = await store.append_many([[MOTION]] * 150)
        await store.caught_up(receipts[-1].positions[-1])
        assert store.db is not None
        seen = []
        async with store.db.execute("SELECT id FROM events ORDER BY id") as cursor:
            async for row in cursor:
                seen.append(row["id"])
                if row["id"] % 50 == 0:
                    await store.append(UNLOCK, event_id=row["id"])
                    await store.db.execute(
                        "UPDATE events SET alert_sent = 1 WHERE id = ?", (row["id"],)
                    )
                    await store.db.commit()
        assert seen == list(range(1, 151))


TAKES = ("fetchone", "fetchmany", "fetchmany(2)", "fetchall", "next")


def take(cursor: sqlite3.Cursor, how: str) -> object:
    """Rows of a cursor, by one of the ways to take them."""
    match how:
        case "fetchmany(2)":
            return cursor.fetchmany(2)
        case "next":
            return next(cursor, None)
        case _:
            return getattr(cursor, how)()


@pytest.mark.parametrize("ways", list(itertools.product(TAKES, repeat=3)), ids="-".join)
def test_rows_are_taken_as_sqlite3_gives_them(tmp_path: Path, ways: tuple[str, ...]) -> None:
    """Whatever mixture of calls takes them, and for whatever statement."""
    path = make_log(tmp_path / "log.db")
    connection, plain = connect_caller(path), sqlite3.connect(":memory:")
    connection.row_factory = None
    with closing(connection), closing(plain):
        for sql in (
            "VALUES (1), (2), (3), (4)",
            "SELECT 1 WHERE 0",
            "CREATE TEMP TABLE t (x)",
            "INSERT INTO t VALUES (5), (6) RETURNING x",
        ):
            ours, theirs = connection.execute(sql), plain.execute(sql)
            assert [take(ours, way) for way in ways] == [take(theirs, way) for way in ways]
            assert ours.description == theirs.description
            assert ours.rowcount == theirs.rowcount


def test_a_closed_cursor_and_a_closed_connection_complain(tmp_path: Path) -> None:
    """Rows that wait in memory go with the cursor, as sqlite3's do."""
    connection = connect_caller(make_log(tmp_path / "log.db"))
    fresh, used = connection.cursor(), connection.execute("VALUES (1), (2)")
    assert (fresh.fetchone(), fresh.fetchall()) == (None, [])
    used.close()
    with pytest.raises(sqlite3.ProgrammingError):
        used.fetchone()
    waiting = connection.execute("VALUES (1), (2)")
    connection.close()
    with pytest.raises(sqlite3.ProgrammingError):
        waiting.fetchall()
