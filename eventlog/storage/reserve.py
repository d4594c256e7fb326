"""A reserve of disk space for unlock records when the disk is full.

A file of zeros next to the database is emptied when a commit with an unlock action finds no room.
From then on only such appends may write, until there is room for the file again. If there is no
room for it at the start, the log works without it.

Knows nothing of SQLite or of facts.
"""

from __future__ import annotations

import logging
import math
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from eventlog.storage.paths import reserve_path
from eventlog.storage.side_files import NotOurs, check_side_file, open_side_file

log = logging.getLogger("eventlog")

# A thousand unlock records, each a commit of its own with its pages in the WAL.
SIZE_BYTES: Final = 32 * 1024 * 1024
# The reserve is made only if the disk has this many times its size.
ROOM_FACTOR: Final = 4
RETRY_S: Final = 1.0


class Reserve:
    """The file `DB_PATH.reserve`: of `size_bytes`, or empty while its space is given up.

    The file is the state for all processes that write to the log.
    """

    def __init__(self, db_path: Path, *, size_bytes: int | None = None) -> None:
        self._path = reserve_path(db_path)
        self._name = str(self._path)
        self._size_bytes = SIZE_BYTES if size_bytes is None else size_bytes
        self._tried_at = -math.inf

    def keep(self) -> None:
        """Make the file if the disk has plenty of room and it does not exist.

        If something other than a plain file of this user is there, it is not touched, and there is
        no reserve.
        """
        if not self._size_bytes or self._is_there():
            return
        try:
            if _free_bytes(self._path.parent) >= ROOM_FACTOR * self._size_bytes:
                self._fill()
        except OSError as error:
            # An empty file would mean that the reserve is given up.
            with suppress(OSError):
                self._path.unlink()
            log.warning("no room is kept for unlock records: %s", error.strerror)

    def give_up(self) -> bool:
        """Free the space for unlock records; return whether there was any."""
        try:
            fd = open_side_file(self._path, os.O_WRONLY)
            try:
                if os.fstat(fd).st_size == 0:
                    return False
                os.ftruncate(fd, 0)
            finally:
                os.close(fd)
        except FileNotFoundError:
            return False
        except OSError as error:
            log.error("the reserve can't be given up: %s", error.strerror)  # noqa: TRY400 - a full disk is no surprise
            return False
        self._tried_at = time.monotonic()
        log.critical("the disk is full; only unlock records are accepted, from the reserve")
        return True

    def restored(self) -> bool:
        """Whether all appends may write; tries to fill the file again, at most every RETRY_S.

        The disk must have twice the file's size, or unlock records would lose the space again.
        """
        try:
            # Called at each commit: os.lstat takes a third of the time of Path.lstat.
            if not self._size_bytes or os.lstat(self._name).st_size > 0:
                return True
            if time.monotonic() - self._tried_at < RETRY_S:
                return False
            self._tried_at = time.monotonic()
            if _free_bytes(self._path.parent) < 2 * self._size_bytes:
                return False
            self._fill()
        except (FileNotFoundError, NotOurs):
            return True  # the log works without it
        except OSError:
            return False
        log.warning("the disk has room again; everything is accepted")
        return True

    def _is_there(self) -> bool:
        try:
            check_side_file(self._path)
        except FileNotFoundError:
            return False
        except OSError as error:
            log.warning("no room is kept for unlock records: %s: %s", self._path, error.strerror)
        return True

    def _fill(self) -> None:
        fd = open_side_file(self._path, os.O_WRONLY, make=True)
        try:
            os.posix_fallocate(fd, 0, self._size_bytes)
        except OSError:
            os.ftruncate(fd, 0)
            raise
        finally:
            os.close(fd)


def _free_bytes(folder: Path) -> int:
    state = os.statvfs(folder)
    return state.f_bavail * state.f_frsize
