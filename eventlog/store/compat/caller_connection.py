"""The connection `store.db` for callers: reads, and writes inside the lock.

A pipeline of today sends its own SQL through `store.db`. Its writes must not meet ours or a WAL
checkpoint, so the connection takes the lock before a statement that may write and releases it
when the transaction has ended.

Two habits of such pipelines would make others wait, and do not. A transaction that was left open is
committed when an append of the same process needs the lock, as the append of the plain store did.
And the rows of a statement are all read when it is run, so that a cursor that is read by half, or
not at all, keeps no snapshot of the database.

Knows no table.
"""

from __future__ import annotations

import logging
import re
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

from eventlog.errors import LockTimeout
from eventlog.storage.authorizer import keep_journal
from eventlog.storage.connections import BUSY_TIMEOUT_MS, connect_reader, set_pragmas
from eventlog.storage.error_translation import translated
from eventlog.storage.lock import FileLock
from eventlog.storage.paths import lock_path

log = logging.getLogger("eventlog")

# A transaction in which no statement was run for so long was forgotten, or its owner is busy with
# something else: it is committed when an append needs the lock.
IDLE_S: Final = 0.1


class LockedConnection(sqlite3.Connection):
    """A connection for callers' own SQL, which holds the lock while it writes.

    From the first statement that may write until its transaction ends, by the caller or by
    `give_way`. One call at a time is running: the thread of the caller, or that of an append.
    """

    lock: FileLock
    path: Path
    used_at = 0.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as sqlite3 has it
        super().__init__(*args, **kwargs)
        self.at_work = threading.RLock()

    def cursor(self, factory: type[sqlite3.Cursor] | None = None) -> sqlite3.Cursor:  # type: ignore[override]  # typeshed's overloads say the same
        """A cursor that takes the lock before it writes, and reads all rows at once."""
        return super().cursor(factory or _LockedCursor)

    # The connection's own execute and its `with` are written in C and know no override, and these
    # are what aiosqlite calls.
    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:  # noqa: ANN401 - as sqlite3 has it
        """Run a statement, inside the lock if it may write."""
        return self.cursor().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Any, /) -> sqlite3.Cursor:  # noqa: ANN401 - as sqlite3 has it
        """Run a statement with many parameters, inside the lock if it may write."""
        return self.cursor().executemany(sql, parameters)

    def executescript(self, sql: str, /) -> sqlite3.Cursor:
        """Run statements, inside the lock."""
        return self.cursor().executescript(sql)

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> Literal[False]:
        """Commit or roll back, then release the lock."""
        with self._ending():
            return super().__exit__(error_type, error, traceback)

    def commit(self) -> None:
        """Commit, then release the lock."""
        with self._ending():
            super().commit()

    def rollback(self) -> None:
        """Roll back, then release the lock."""
        with self._ending():
            super().rollback()

    def close(self) -> None:
        """Close inside the lock: the last close of a database is a WAL checkpoint.

        Raises LockTimeout if another keeps the lock; it is closed nevertheless.
        """
        with self.at_work:
            if self.lock.closed:
                return
            try:
                with self.lock:
                    super().close()
            except LockTimeout:
                # With a reader open it is not the last close, and a reader's own makes none.
                with closing(connect_reader(self.path)):
                    super().close()
                raise
            finally:
                self.lock.close()

    def give_way(self) -> None:
        """Commit a transaction in which nothing was done for IDLE_S, for an append that waits."""
        if time.monotonic() - self.used_at < IDLE_S or not self.at_work.acquire(blocking=False):
            return
        try:
            if self.in_transaction:
                log.warning(
                    "a transaction of store.db was left open for %.1f s; it is committed, for an"
                    " append waits: commit after each write",
                    time.monotonic() - self.used_at,
                )
                self.commit()
        except sqlite3.Error:
            log.exception("the open transaction of store.db can't be committed")
        finally:
            self.at_work.release()

    @contextmanager
    def _ending(self) -> Iterator[None]:
        with self.at_work:
            try:
                yield
            finally:
                self.let_go()

    def let_go(self) -> None:
        """Release the lock unless a transaction is open; then the lock file names its owner."""
        self.used_at = time.monotonic()
        if not self.lock.held:
            return
        if self.in_transaction:
            self.lock.note()
        else:
            self.lock.release()


class _LockedCursor(sqlite3.Cursor):
    """A cursor whose statement is over when `execute` returns; its rows wait in memory."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self._rows: deque[Any] = deque()

    def execute(self, sql: str, parameters: Any = (), /) -> Self:  # noqa: ANN401 - as sqlite3 has it
        with self._locked(reads=_reads(sql)):
            super().execute(sql, parameters)
            self._rows.extend(super().fetchall())
        return self

    def executemany(self, sql: str, parameters: Any, /) -> Self:  # noqa: ANN401 - as sqlite3 has it
        with self._locked(reads=_reads(sql)):
            return super().executemany(sql, parameters)

    def executescript(self, sql: str, /) -> sqlite3.Cursor:
        with self._locked(reads=False):  # its first statement says nothing of the others
            return super().executescript(sql)

    def fetchone(self) -> Any:  # noqa: ANN401 - as sqlite3 has it
        return self._rows.popleft() if self._fetched() else None

    def fetchmany(self, size: int | None = None) -> list[Any]:
        rows = self._fetched()
        size = self.arraysize if size is None else size
        return [rows.popleft() for _ in range(len(rows) if size < 0 else min(size, len(rows)))]

    def fetchall(self) -> list[Any]:
        return self.fetchmany(-1)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:  # noqa: ANN401 - as sqlite3 has it
        if not self._fetched():
            raise StopIteration
        return self._rows.popleft()

    def close(self) -> None:
        self._rows = deque()
        super().close()

    def _fetched(self) -> deque[Any]:
        """The rows that were not taken yet. Raises ProgrammingError for what was closed."""
        super().fetchone()  # None, or the complaint of a cursor or connection that is closed
        return self._rows

    @contextmanager
    def _locked(self, *, reads: bool) -> Iterator[None]:
        self._rows = deque()
        connection = self.connection
        if not isinstance(connection, LockedConnection):
            yield
            return
        with connection.at_work:
            patience_ms = BUSY_TIMEOUT_MS
            if not (connection.lock.held or reads):
                connection.lock.acquire()
                patience_ms = connection.lock.rest_ms()
            try:
                with _patience(connection, patience_ms):
                    yield
            finally:
                connection.let_go()


@contextmanager
def _patience(connection: sqlite3.Connection, timeout_ms: int) -> Iterator[None]:
    """Let SQLite wait for its own lock only as long as the wait for ours has left."""
    if timeout_ms == BUSY_TIMEOUT_MS:
        yield
        return
    plain = sqlite3.Cursor(connection)
    plain.execute(f"PRAGMA busy_timeout = {timeout_ms}")
    try:
        yield
    finally:
        plain.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")


_READS: Final = re.compile(r"\s*(SELECT|EXPLAIN|VALUES)\b", re.IGNORECASE)


def _reads(sql: str) -> bool:
    """Whether a statement only reads, for sure."""
    return _READS.match(sql) is not None


def connect_caller(path: Path) -> sqlite3.Connection:
    """The connection that a store shows as `store.db`: it reads and, inside the lock, writes."""
    lock = FileLock(lock_path(path))
    try:
        with translated(path), lock:
            connection = sqlite3.connect(path, check_same_thread=False, factory=LockedConnection)
            connection.lock, connection.path = lock, path
            lock.give_way = connection.give_way
            try:
                set_pragmas(connection)
                keep_journal(connection, from_callers=True)
            except BaseException:
                sqlite3.Connection.close(connection)  # inside the lock, which is closed below
                raise
    except BaseException:
        lock.close()
        raise
    connection.row_factory = sqlite3.Row
    return connection
