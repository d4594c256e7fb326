"""An advisory lock on a separate file: one writer at a time, between and inside processes.

SQLite 3.7.0 to 3.51.2 can damage a WAL database when a commit and a WAL checkpoint of two
connections run at the same time, so both take this lock. It is on a file next to the database:
opening and closing the database file itself would drop SQLite's own locks in this process.

Knows nothing of SQLite.
"""

from __future__ import annotations

import errno
import fcntl
import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self
from weakref import WeakSet

from eventlog.errors import DiskFailure, LockTimeout, ReadOnly, UnsafeFile
from eventlog.storage import lock_holder
from eventlog.storage.forks import forget_in_children
from eventlog.storage.side_files import NotOurs, open_side_file

TIMEOUT_S: Final = 5.0
# flock has no timeout, so a waiter tries again after this time: about ten times during each
# transaction of a busy writer, so that it finds a gap between two of them.
RETRY_S: Final = 0.0005
LATE_S: Final = 0.5
# As `since`: try once, and do not wait.
AT_ONCE: Final = -math.inf


# All locks of this process, so that a waiter finds the one that holds its file.
_all: Final[WeakSet[FileLock]] = WeakSet()
_all_lock: Final = threading.Lock()


class FileLock:
    """`flock` on `path`, exclusive, waited for at most `timeout_s` seconds.

    It belongs to one connection, and may not be used by two threads at once. Two FileLocks on the
    same path exclude each other, in one process too. A lock that is held can be acquired again;
    the last release frees it.

    `give_way` is set by a holder that may keep the lock for longer than a statement takes. When a
    lock of this process with `asks` has to wait, it calls `give_way` on its own thread, which
    releases the lock if it can.
    """

    def __init__(self, path: Path, *, timeout_s: float = TIMEOUT_S) -> None:
        """Open the file, and make it (0600) if it is missing.

        Raises ReadOnly if the file can't be opened for writing, and UnsafeFile if it is not a plain
        file of this user.
        """
        self.give_way: Callable[[], None] | None = None
        self.asks = False
        self._noted = False
        self._path = path
        self._timeout_s = timeout_s
        self._depth = 0
        self._give_up = AT_ONCE
        self._name = str(path)
        self._fd = _open(path)
        self.identity = _identity(self._fd)
        with _all_lock:
            _all.add(self)
        forget_in_children(self)

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._depth > 0

    @property
    def closed(self) -> bool:
        """Whether the file is closed."""
        return self._fd < 0

    def acquire(self, *, since: float | None = None) -> None:
        """Wait for the lock. Raises LockTimeout if another holds it for too long.

        The timeout counts from `since` on the monotonic clock, so that time spent in a queue is
        included; None is now. At least one attempt is made; with AT_ONCE, exactly one.
        """
        since = time.monotonic() if since is None else since
        # A caller that has waited in a queue until its timeout still gets LATE_S.
        give_up = max(since + self._timeout_s, time.monotonic() + min(LATE_S, self._timeout_s))
        if self._depth == 0:
            self._wait(since, give_up)
        self._depth += 1
        self._give_up = since if since == AT_ONCE else give_up

    def rest_ms(self) -> int:
        """The milliseconds that the last `acquire` left of its timeout, for other locks.

        Nearly the full timeout is rounded up to it, so that most waits give the same answer.
        """
        if self._give_up == AT_ONCE:
            return 0
        rest_s = max(0.0, self._give_up - time.monotonic())
        return int(1000 * (TIMEOUT_S if rest_s > 0.98 * TIMEOUT_S else rest_s))

    def release(self) -> None:
        """Undo one `acquire`; do nothing if the lock is not held."""
        if self._depth == 0:
            return
        self._depth -= 1
        if self._depth == 0:
            if self._noted:
                self._noted = False
                self._write_note(bytes(lock_holder.NOTE_SIZE))
            fcntl.flock(self._fd, fcntl.LOCK_UN)

    def note(self) -> None:
        """Write into the file who holds the lock, and since when; once for each time it is held."""
        if not self._noted and self._depth:
            self._noted = True
            self._write_note(lock_holder.note())

    def _write_note(self, note: bytes) -> None:
        # The note only improves an error's message, so a full disk is not a failure.
        with suppress(OSError):
            os.pwrite(self._fd, note, 0)

    def close(self) -> None:
        """Release the lock and close the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            self._depth = 0

    def forget(self) -> None:
        """In a forked process: close the file; the parent keeps the lock."""
        self.close()

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Hold the lock for a block. Raises LockTimeout if it is not free now."""
        self.acquire(since=AT_ONCE)
        try:
            yield
        finally:
            self.release()

    def __enter__(self) -> Self:
        """Acquire."""
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        """Release."""
        self.release()

    def _wait(self, since: float, give_up: float) -> None:
        while True:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if since == AT_ONCE:
                    raise LockTimeout(f"{self._path} is held by another") from None
                if time.monotonic() >= give_up:
                    raise LockTimeout(
                        f"{self._path} was held for {self._timeout_s:g} s by"
                        f" {lock_holder.of_flock(self._path)}: does it keep a transaction open?"
                    ) from None
                if self.asks:
                    self._ask_holders()
                time.sleep(RETRY_S)
            else:
                if self._is_current():
                    return
                self._open_again()

    def _ask_holders(self) -> None:
        with _all_lock:
            others = [lock for lock in _all if lock.held and lock.identity == self.identity]
        for lock in others:
            if lock.give_way is not None:
                lock.give_way()

    def _is_current(self) -> bool:
        """Whether the locked file is still the one at its path."""
        try:
            found = os.stat(self._name)  # noqa: PTH116 - called before each write, and twice as fast
        except FileNotFoundError:
            return False
        except OSError:  # the disk is gone: the write that follows fails
            return True
        return (found.st_ino, found.st_dev) == self.identity

    def _open_again(self) -> None:
        """Use the file that is at the path now; make it if there is none."""
        fcntl.flock(self._fd, fcntl.LOCK_UN)
        fd = _open(self._path)
        os.close(self._fd)
        self._fd, self.identity = fd, _identity(fd)


def _identity(fd: int) -> tuple[int, int]:
    opened = os.fstat(fd)
    return opened.st_ino, opened.st_dev


def _open(path: Path) -> int:
    try:
        return open_side_file(path, os.O_RDWR, make=True)
    except NotOurs as error:
        raise UnsafeFile(f"{path}: {error.strerror}") from error
    except OSError as error:
        if error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
            raise ReadOnly(f"{path} can't be opened for writing: {error.strerror}") from error
        raise DiskFailure(f"{path} can't be opened: {error.strerror}") from error
