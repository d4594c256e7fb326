"""The writer: the only connection of a store that writes, on its own thread, inside the lock.

Every function that is passed to `run` runs inside the file lock, so that no two writers and no WAL
checkpoint run at the same time. WAL checkpoints are made here, after the answers of the last write
were sent; `wal_checkpoints.py` decides when.

Does not know what is written.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final, TypeVar

from eventlog.errors import DatabaseError, DiskFailure, LockTimeout
from eventlog.storage import database_pages
from eventlog.storage import wal_file as wal
from eventlog.storage.authorizer import keep_journal
from eventlog.storage.connection_thread import ConnectionThread, Job
from eventlog.storage.connections import BUSY_TIMEOUT_MS, connect_reader, connect_writer
from eventlog.storage.forks import forget_in_children
from eventlog.storage.lock import TIMEOUT_S, FileLock
from eventlog.storage.paths import lock_path, wal_path
from eventlog.storage.side_files import warn_of_open_folder
from eventlog.storage.wal_checkpoints import WalCheckpoints

T = TypeVar("T")
log = logging.getLogger("eventlog")

# Small enough that a flipped bit in the WAL loses little, large enough that only one append in
# hundreds waits for a WAL checkpoint.
WAL_LIMIT_BYTES: Final = 4 * 1024 * 1024
# The WAL is measured once in this many writes, which takes about 30 µs.
WRITES_PER_LOOK: Final = 32


class Writer:
    """A connection that may write, and the lock around all that it does.

    After a failed sync, the WAL may contain what the disk lacks, even if later syncs succeed:

        start ──▶ sound ──── a call failed: SQLITE_IOERR, or an OSError ────▶ in doubt
                    ▲                                                            │
                    └──────── what the disk lacks was written and synced ◀───────┘

    In doubt, before each function and each WAL checkpoint the WAL and its pages are brought to the
    disk (`write_missing`); if that fails, the function is refused. How the last process ended is
    not known, so `connect_writer` compares the WAL at the start.
    """

    def __init__(
        self,
        path: Path,
        *,
        lock_timeout_s: float = TIMEOUT_S,
        wal_limit_bytes: int = WAL_LIMIT_BYTES,
    ) -> None:
        """Open the lock file. Raises ReadOnly if it can't be written."""
        self.path = path
        self._wal_path = wal_path(path)
        self.lock = FileLock(lock_path(path), timeout_s=lock_timeout_s)
        self.lock.asks = True
        self._checkpoints = WalCheckpoints(
            self._wal_path,
            limit_bytes=wal_limit_bytes,
            checkpoint=self._checkpoint_wal,
            post=self.post,
        )
        # For jobs that handle their own errors.
        self.worker = ConnectionThread(path, self._connect, idle=self._checkpoints.tidy)
        self._wal_size = 0
        self._writes = 0
        self._durable = False
        self._patience_ms = BUSY_TIMEOUT_MS
        self._in_doubt = False
        # Open for as long as the log is: the system reports a failed write once to each open file,
        # and may not report it to a file that is opened later.
        self._wal_fd = -1
        forget_in_children(self)
        self._hurried_at: float | None = None
        # The files that this connection writes: their names and identities.
        self._files: dict[str, tuple[int, int] | None] = {}

    async def open(self, prepare: Callable[[sqlite3.Connection], T]) -> T:
        """Open the connection, run `prepare`, and then refuse changes of the journal's schema."""
        try:
            await self.worker.start()
        except BaseException:
            self.lock.close()
            raise
        try:
            warn_of_open_folder(self.path)
            prepared = await self.run(prepare)
            await self.run(keep_journal)
            # From here on no other connection's close removes the WAL.
            await self.run(lambda _: self._open_wal())
            self._files = {name: _identity(name) for name in (str(self.path), str(self._wal_path))}
        except BaseException:
            await self.close()
            raise
        return prepared

    async def run(
        self, function: Callable[[sqlite3.Connection], T], *, since: float | None = None
    ) -> T:
        """Run `function` inside the lock and return its result.

        The lock's timeout counts from `since`; None is now. Raises LockTimeout, DatabaseError.
        """
        if since is None:
            since = time.monotonic() if self._hurried_at is None else self._hurried_at
        return await self.worker.run(
            lambda connection: self.locked(connection, function, since=since)
        )

    def stop_waiting(self) -> None:
        """The log is being closed: from now on, all timeouts count from this moment."""
        self._hurried_at = time.monotonic()

    def post(self, job: Job) -> None:
        """Queue a job for the thread. It takes the lock with `locked`, and never raises."""
        self.worker.post(job)

    @property
    def in_doubt(self) -> bool:
        """Whether the WAL is compared with the disk before the next function."""
        return self._in_doubt

    def locked(
        self,
        connection: sqlite3.Connection,
        function: Callable[[sqlite3.Connection], T],
        *,
        since: float,
    ) -> T:
        """Call `function` inside the lock. The timeout counts from `since`; AT_ONCE does not wait.

        SQLite's own lock, which only a program without this lock can hold, has the same deadline.
        """
        self.lock.acquire(since=since)
        try:
            self._require_in_place()
            if (rest_ms := self.lock.rest_ms()) != self._patience_ms:
                connection.execute(f"PRAGMA busy_timeout = {rest_ms}")
                self._patience_ms = rest_ms
            answer = self._surely(lambda: function(connection))
        finally:
            self.lock.release()
        self._writes += 1
        if self._writes % WRITES_PER_LOOK == 0:
            self._checkpoints.look()
        if self._durable and self._size_of_wal() != self._wal_size:
            self.worker.post(self._make_room)
        return answer

    def look_soon(self) -> None:
        """On the thread, after a large write: measure the WAL before the next one."""
        self.worker.post(self._checkpoints.look)

    def set_durable(self, connection: sqlite3.Connection, *, durable: bool) -> None:
        """On the thread, outside a transaction: sync each commit (FULL), or none (NORMAL)."""
        if durable is not self._durable:
            connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._durable = durable

    def sync(self) -> None:
        """On the thread, inside the lock: put on the disk what the WAL holds. Raises OSError.

        What is no longer in the WAL was synced into the database by a WAL checkpoint.
        """
        os.fdatasync(self._wal_fd)

    def _connect(self) -> sqlite3.Connection:
        connection = connect_writer(self.path, self.lock)
        self._open_wal()
        return connection

    def _open_wal(self) -> None:
        if self._wal_fd < 0 and self._wal_path.exists():
            self._wal_fd = os.open(self._wal_path, os.O_RDONLY | os.O_CLOEXEC)

    async def close(self) -> None:
        """Finish what is queued and close inside the lock, as it may be the last close."""
        try:
            await self.worker.stop(self._close)
        finally:
            self._close_files()

    def close_from_outside(self, then: Callable[[], None], *, wait: bool) -> None:
        """Like `close`, but from any thread, after the loop that opened it has ended.

        Args:
            then: Called on the writer's thread when the connection is closed.
            wait: Whether to return only after that.
        """

        def close(connection: sqlite3.Connection) -> None:
            try:
                self._close(connection)
            finally:
                self._close_files()
                then()

        self.worker.stop_from_outside(close, wait=wait)

    def _close_files(self) -> None:
        self.forget()
        self.lock.close()

    def forget(self) -> None:
        """In a forked process: close the descriptor; the log is open in the parent only."""
        if self._wal_fd >= 0:
            os.close(self._wal_fd)
            self._wal_fd = -1

    def _close(self, connection: sqlite3.Connection) -> None:
        try:
            self.lock.acquire(since=self._hurried_at)
            self._surely(lambda: None)
        except (OSError, LockTimeout) as error:
            log.warning("no WAL checkpoint at the close of %s: %s", self.path, error)
            # The last close makes a WAL checkpoint, here outside the lock or of a WAL in doubt.
            # While a reader is open this close is not the last, and a reader's close makes none.
            with closing(connect_reader(self.path)):
                connection.close()
            if isinstance(error, LockTimeout):
                raise
        finally:
            connection.close()

    def _surely(self, function: Callable[[], T]) -> T:
        """Call a function after what the WAL contains was brought to the disk, if in doubt."""
        try:
            if self._in_doubt:
                self._open_wal()
                wal.write_missing(self._wal_path)
                database_pages.write_missing(self.path, self._wal_path)
                self._in_doubt = False
            return function()
        except (sqlite3.Error, OSError) as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_IOERR)
            self._in_doubt = self._in_doubt or code & 0xFF == sqlite3.SQLITE_IOERR
            raise

    def _require_in_place(self) -> None:
        """Raise DiskFailure if the files that this connection writes are no longer at their paths.

        SQLite would continue with a file that was deleted or moved, and its commits would be lost.
        """
        for name, identity in self._files.items():
            if _identity(name) != identity:
                raise DiskFailure(f"{name} was moved, deleted or replaced: close the log, and look")

    # ── room in the WAL ────────────────────────────────────────────────────────────────────

    def _size_of_wal(self) -> int:
        try:
            return wal.size(self._wal_path)
        except OSError:
            return self._wal_size  # the next write reports what is wrong with the disk

    def _make_room(self) -> None:
        """After a durable commit that extended the WAL: extend it for the next ones too."""
        try:
            with self.lock.at_once():
                self._surely(lambda: wal.make_room(self._wal_path))
        except LockTimeout:
            return  # tried again after the next commit
        except (OSError, DatabaseError) as error:
            # Commits are only slower. On a full disk it is tried again when the WAL grows.
            log.info("the WAL of %s is not made longer: %s", self.path, error)
        self._wal_size = self._size_of_wal()

    def _checkpoint_wal(self) -> bool:
        """Make a WAL checkpoint; False if the lock is not free now."""
        # PASSIVE does not wait for readers, so a stuck one can't keep the lock. The lock is not
        # waited for either: a later moment will do.
        connection = self.worker.connection
        try:
            with self.lock.at_once():
                self._surely(
                    lambda: connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
                )
        except LockTimeout:
            return False
        return True


def _identity(name: str) -> tuple[int, int] | None:
    try:
        found = os.stat(name)  # noqa: PTH116 - called before each write, and twice as fast
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_dev
