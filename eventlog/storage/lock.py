"""One writer at a time, between processes and inside one: an advisory lock on a file of its own.

SQLite 3.7.0 to 3.51.2 can damage a WAL database when a commit and a WAL checkpoint of two
connections meet, so both stand inside this lock. It lies on a file beside the database: any
open and close of the database file itself would drop SQLite's own locks in this process.

Knows nothing of SQLite.
"""

from __future__ import annotations

import errno
import fcntl
import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from eventlog.errors import DiskFailure, LockTimeout, ReadOnly

TIMEOUT_S: Final = 5.0
# flock has no timeout of its own, so a waiter looks again at this pace: some ten times for each
# transaction of a busy writer, so that a gap between two of them is hit sooner or later.
RETRY_S: Final = 0.0005
LATE_S: Final = 0.5
# `since` when a lock that is not free now is not wanted.
AT_ONCE: Final = -math.inf


class FileLock:
    """`flock` on `path`, exclusive, waited for at most `timeout_s` seconds.

    Belongs to one connection and is not for two threads at once; another FileLock on the same
    path excludes it, in this process too. Acquiring what is held already counts up, and the
    last release lets go.
    """

    def __init__(self, path: Path, *, timeout_s: float = TIMEOUT_S) -> None:
        """Make the file (0600) where it is missing.

        Raises ReadOnly where it can't be opened for writing.
        """
        self._path = path
        self._timeout_s = timeout_s
        self._depth = 0
        self._name = str(path)
        self._fd = _open(path)
        self._identity = _identity(self._fd)

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._depth > 0

    @property
    def closed(self) -> bool:
        """Whether the file was let go of."""
        return self._fd < 0

    def acquire(self, *, since: float | None = None) -> None:
        """Wait for the lock. Raises LockTimeout when another holds it for too long.

        The patience counts from `since`, on the monotonic clock, so that who waited in a queue
        before is not kept waiting as long again; a first try is always made, and the only one where
        `since` is AT_ONCE.
        """
        if self._depth == 0:
            self._wait(time.monotonic() if since is None else since)
        self._depth += 1

    def release(self) -> None:
        """Undo one acquire; there is nothing to undo where the lock is not held."""
        if self._depth == 0:
            return
        self._depth -= 1
        if self._depth == 0:
            fcntl.flock(self._fd, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the lock and of the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            self._depth = 0

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Hold the lock for a block. Raises LockTimeout where it is not free now."""
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

    def _wait(self, since: float) -> None:
        # Who comes late, after others' work, still gets a fair try.
        give_up = max(since + self._timeout_s, time.monotonic() + min(LATE_S, self._timeout_s))
        while True:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if since == AT_ONCE:
                    raise LockTimeout(f"{self._path} is held by another") from None
                if time.monotonic() >= give_up:
                    raise LockTimeout(
                        f"{self._path} was held by another for {self._timeout_s:g} s"
                    ) from None
                time.sleep(RETRY_S)
            else:
                if self._is_everybodys():
                    return
                self._open_again()

    def _is_everybodys(self) -> bool:
        """Whether the file that is locked is still the one that others find under its name."""
        try:
            found = os.stat(self._name)  # noqa: PTH116 - before each write, and twice as quick
        except FileNotFoundError:
            return False
        except OSError:  # a disk that is gone: whoever writes now hears of it
            return True
        return (found.st_ino, found.st_dev) == self._identity

    def _open_again(self) -> None:
        """Go over to the file that has the name now, made anew where none has it."""
        fcntl.flock(self._fd, fcntl.LOCK_UN)
        fd = _open(self._path)
        os.close(self._fd)
        self._fd, self._identity = fd, _identity(fd)


def _identity(fd: int) -> tuple[int, int]:
    opened = os.fstat(fd)
    return opened.st_ino, opened.st_dev


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
            raise ReadOnly(f"{path} can't be opened for writing: {error.strerror}") from error
        raise DiskFailure(f"{path} can't be opened: {error.strerror}") from error
