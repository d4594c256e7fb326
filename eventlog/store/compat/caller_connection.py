"""The connection that a store shows to its callers: it reads and, inside the lock, writes.

A pipeline of today sends its own SQL through `store.db`. Its writes must not meet ours or a WAL
checkpoint, so the connection takes the lock before a statement that may write and lets go of it
when the transaction has ended. Knows no table.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

from eventlog.errors import LockTimeout
from eventlog.storage.authorizer import keep_journal
from eventlog.storage.connections import connect_reader, set_pragmas
from eventlog.storage.error_translation import translated
from eventlog.storage.lock import FileLock
from eventlog.storage.paths import lock_path


class LockedConnection(sqlite3.Connection):
    """A connection for callers' own SQL, which holds the lock while it writes.

    From the first statement that may write until its transaction ends.
    """

    lock: FileLock
    path: Path

    def cursor(self, factory: type[sqlite3.Cursor] | None = None) -> sqlite3.Cursor:  # type: ignore[override]  # typeshed's overloads say the same
        """A cursor that takes the lock before it writes."""
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
        """Commit or roll back, then let go of the lock."""
        try:
            return super().__exit__(error_type, error, traceback)
        finally:
            self.let_go()

    def commit(self) -> None:
        """Commit, then let go of the lock."""
        try:
            super().commit()
        finally:
            self.let_go()

    def rollback(self) -> None:
        """Roll back, then let go of the lock."""
        try:
            super().rollback()
        finally:
            self.let_go()

    def close(self) -> None:
        """Close inside the lock: the last close of a database is a WAL checkpoint.

        Raises LockTimeout where another keeps the lock; it is closed then all the same.
        """
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

    def let_go(self) -> None:
        """Let go of the lock unless a transaction is open."""
        if self.lock.held and not self.in_transaction:
            self.lock.release()


class _LockedCursor(sqlite3.Cursor):
    def execute(self, sql: str, parameters: Any = (), /) -> Self:  # noqa: ANN401 - as sqlite3 has it
        with self._locked(reads=_reads(sql)):
            return super().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Any, /) -> Self:  # noqa: ANN401 - as sqlite3 has it
        with self._locked(reads=_reads(sql)):
            return super().executemany(sql, parameters)

    def executescript(self, sql: str, /) -> sqlite3.Cursor:
        with self._locked(reads=False):  # its first statement says nothing of the others
            return super().executescript(sql)

    @contextmanager
    def _locked(self, *, reads: bool) -> Iterator[None]:
        connection = self.connection
        if not isinstance(connection, LockedConnection):
            yield
            return
        if not (connection.lock.held or reads):
            connection.lock.acquire()
        try:
            yield
        finally:
            connection.let_go()


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
