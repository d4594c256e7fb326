"""store.db: callers' own SQL holds the lock while it writes, and only then.

Whether the lock is held is asked by another that does not wait, so that no test depends on time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import aiosqlite
import pytest

from eventlog.errors import LockTimeout, NotADatabase
from eventlog.storage.lock import FileLock
from eventlog.storage.paths import lock_path, wal_path
from eventlog.store.compat.caller_connection import LockedConnection, connect_caller
from tests.journal.guarded_log import make_log

INSERT: Final = "INSERT INTO mine VALUES (1)"


class Log:
    """A log, its caller's connection, and a look at the lock from outside."""

    def __init__(self, path: Path) -> None:
        self.path = make_log(path)
        connection = connect_caller(self.path)
        assert isinstance(connection, LockedConnection)
        self.connection = connection
        self.connection.execute("CREATE TABLE mine (x INTEGER PRIMARY KEY)")
        self._other = FileLock(lock_path(path), timeout_s=0.0)

    def others_must_wait(self) -> bool:
        """Whether another writer would have to wait now."""
        try:
            with self._other:
                return False
        except LockTimeout:
            return True

    def close(self) -> None:
        """Close both."""
        self.connection.close()
        self._other.close()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    """A log of three records and an empty table of the caller's own."""
    log = Log(tmp_path / "log.db")
    yield log
    log.close()


def rows(log: Log) -> int:
    """How many rows the caller's table has, for everybody to see."""
    with sqlite3.connect(f"file:{log.path}?mode=ro", uri=True) as reader:
        (count,) = reader.execute("SELECT count(*) FROM mine").fetchone()
    reader.close()
    return int(count)


WRITES: Final[dict[str, Callable[[LockedConnection], object]]] = {
    "execute": lambda connection: connection.execute(INSERT),
    "executemany": lambda connection: connection.executemany("INSERT INTO mine VALUES (?)", [(1,)]),
    "cursor.execute": lambda connection: connection.cursor().execute(INSERT),
    "cursor.executemany": lambda connection: connection.cursor().executemany(
        "INSERT INTO mine VALUES (?)", [(1,)]
    ),
    "an explicit transaction": lambda connection: connection.execute("BEGIN").execute(INSERT),
    "a script that ends within one": lambda connection: connection.executescript(
        f"BEGIN; {INSERT};"
    ),
    "a script that reads first": lambda connection: connection.executescript(
        f"SELECT 1; BEGIN; {INSERT};"
    ),
    "a remark first": lambda connection: connection.execute(f"/* SELECT */ {INSERT}"),
    "a remark line first": lambda connection: connection.execute(f"-- SELECT\n {INSERT}"),
    "REPLACE": lambda connection: connection.execute("replace into mine values (1)"),
    "a savepoint": lambda connection: connection.execute("SAVEPOINT s").execute(INSERT),
    "RETURNING": lambda connection: connection.execute(f"{INSERT} RETURNING x").fetchall(),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_the_lock_is_held_from_the_first_write_to_the_commit(
    log: Log, write: Callable[[LockedConnection], object]
) -> None:
    """Other writers wait while a transaction of the caller's is open, however it was begun."""
    assert not log.others_must_wait()
    write(log.connection)
    assert log.connection.in_transaction
    assert log.others_must_wait()
    assert rows(log) == 0
    log.connection.execute("SELECT x FROM mine").fetchall()
    assert log.others_must_wait()
    log.connection.commit()
    assert not log.others_must_wait()
    assert rows(log) == 1


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_rollback_lets_go(log: Log, write: Callable[[LockedConnection], object]) -> None:
    """What was written is undone, and others may write."""
    write(log.connection)
    log.connection.rollback()
    assert not log.others_must_wait()
    assert rows(log) == 0


def test_a_write_that_python_does_not_see_commits_and_lets_go(log: Log) -> None:
    """sqlite3 begins no transaction before WITH: the statement is one, and the lock is released."""
    log.connection.execute("WITH one AS (SELECT 1 AS x) INSERT INTO mine SELECT x FROM one")
    assert not log.connection.in_transaction
    assert not log.others_must_wait()
    assert rows(log) == 1


@pytest.mark.parametrize("end", ["COMMIT", "END", "ROLLBACK"])
def test_a_transaction_may_be_ended_by_a_statement(log: Log, end: str) -> None:
    """SQL that ends the transaction lets go as the methods do."""
    log.connection.execute(INSERT)
    log.connection.execute(end)
    assert not log.others_must_wait()
    assert rows(log) == (0 if end == "ROLLBACK" else 1)


def test_a_with_block_lets_go_when_it_ends(log: Log) -> None:
    """Python's own way to commit or roll back passes the lock on, too."""
    with log.connection:
        log.connection.execute(INSERT)
        assert log.others_must_wait()
    assert not log.others_must_wait()
    with pytest.raises(sqlite3.IntegrityError), log.connection:
        log.connection.executescript(
            "BEGIN; INSERT INTO mine VALUES (2); INSERT INTO mine VALUES (2)"
        )
    assert not log.others_must_wait()
    assert rows(log) == 1


def test_a_close_that_waits_in_vain_is_no_wal_checkpoint(tmp_path: Path) -> None:
    """The last close would carry the WAL over while another may write, so it is not the last."""
    path = make_log(tmp_path / "log.db")
    connection = connect_caller(path)
    assert isinstance(connection, LockedConnection)
    connection.execute("CREATE TABLE mine (x INTEGER PRIMARY KEY)")
    wal = wal_path(path)
    size = wal.stat().st_size
    connection.lock._timeout_s = 0.0
    other = FileLock(lock_path(path))
    with other:
        with pytest.raises(LockTimeout):
            connection.close()
        assert wal.stat().st_size == size > 0
    other.close()
    assert connection.lock.closed
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")


def test_a_script_that_commits_lets_go(log: Log) -> None:
    """A script commits what is open before it, and holds the lock while it runs."""
    log.connection.execute(INSERT)
    log.connection.executescript("INSERT INTO mine VALUES (2); INSERT INTO mine VALUES (3);")
    assert not log.others_must_wait()
    assert rows(log) == 3


@pytest.mark.parametrize(
    "sql", ["INSERT INTO mine VALUES (1)", "INSERT INTO nowhere VALUES (1)", "INSERT INTO", ""]
)
def test_a_statement_that_fails_keeps_no_lock_of_its_own(log: Log, sql: str) -> None:
    """After a rollback nothing is held; without a transaction nothing was held to begin with."""
    log.connection.execute(INSERT)
    log.connection.commit()
    if sql:
        with pytest.raises(sqlite3.Error):
            log.connection.execute(sql)
    assert log.others_must_wait() is log.connection.in_transaction
    log.connection.rollback()
    assert not log.others_must_wait()


@pytest.mark.parametrize(
    "sql",
    ["SELECT * FROM mine", "  select 1", "\n\tVALUES (1)", "EXPLAIN QUERY PLAN SELECT * FROM mine"],
)
def test_reading_waits_for_nobody(log: Log, sql: str) -> None:
    """A reader continues while another process writes, and makes no writer wait."""
    with FileLock(lock_path(log.path)) as writer:
        log.connection.execute(sql).fetchall()
        log.connection.cursor().execute(sql).fetchall()
    writer.close()
    log.connection.execute(sql)
    assert not log.others_must_wait()


def test_a_write_waits_for_another_writer(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another holds the lock nothing is begun, and too long a wait is LockTimeout."""
    monkeypatch.setattr(log.connection.lock, "_timeout_s", 0.0)
    with FileLock(lock_path(log.path)) as writer:
        for write in WRITES.values():
            with pytest.raises(LockTimeout):
                write(log.connection)
            assert not log.connection.in_transaction
    writer.close()
    log.connection.execute(INSERT)
    log.connection.commit()
    assert rows(log) == 1


def test_a_wal_checkpoint_stands_inside_the_lock(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller's own checkpoint of the WAL can't meet a commit of somebody else's."""
    monkeypatch.setattr(log.connection.lock, "_timeout_s", 0.0)
    with FileLock(lock_path(log.path)) as writer, pytest.raises(LockTimeout):
        log.connection.execute("PRAGMA wal_checkpoint (TRUNCATE)")
    writer.close()
    (busy, *_) = log.connection.execute("PRAGMA wal_checkpoint (TRUNCATE)").fetchone()
    assert busy == 0
    assert not log.others_must_wait()


def test_closing_stands_inside_the_lock_and_lets_go(log: Log) -> None:
    """The last close is a WAL checkpoint: it waits for a writer, and an open transaction ends."""
    log.connection.execute(INSERT)
    log.connection.close()
    assert not log.others_must_wait()
    with sqlite3.connect(log.path) as again:
        assert again.execute("SELECT count(*) FROM mine").fetchone() == (0,)
    again.close()


def test_closing_twice_is_closing_once(log: Log) -> None:
    """sqlite3's connections may be closed again, and so may this one."""
    log.connection.close()
    log.connection.close()


def test_a_connection_that_cannot_be_opened_leaves_no_lock(tmp_path: Path) -> None:
    """A failure to open lets go of the lock file it had opened."""
    path = tmp_path / "no.db"
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(NotADatabase):
        connect_caller(path)
    with FileLock(lock_path(path), timeout_s=0.0) as lock:
        assert lock.held
    lock.close()


@pytest.mark.anyio
async def test_aiosqlite_holds_the_lock_as_sqlite3_does(tmp_path: Path) -> None:
    """store.db is aiosqlite's connection over this one: its calls end in the same methods."""
    path = make_log(tmp_path / "log.db")
    other = FileLock(lock_path(path), timeout_s=0.0)
    async with aiosqlite.Connection(lambda: connect_caller(path), iter_chunk_size=64) as db:
        await db.execute("CREATE TABLE mine (x INTEGER PRIMARY KEY)")
        await db.commit()
        for write in (
            db.execute(INSERT),
            db.executemany("INSERT INTO mine VALUES (?)", [(2,)]),
            db.execute_insert("INSERT INTO mine VALUES (3)"),
            db.execute_fetchall("INSERT INTO mine VALUES (4) RETURNING x"),
        ):
            with other:
                pass
            await write
            with pytest.raises(LockTimeout):
                other.acquire()
            await db.commit()
        async with db.execute("SELECT x FROM mine ORDER BY x") as cursor:
            assert [row["x"] async for row in cursor] == [1, 2, 3, 4]
        with other:
            pass
    other.close()
