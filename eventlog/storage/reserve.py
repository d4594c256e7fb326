"""Room that is kept for unlock records when the disk is full.

A file of zeros next to the database is emptied when a commit with an unlock action finds no room.
From then on only such appends may write, until there is room for the file again. Where there is no
room for it at the beginning, the log works without it.

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
# A disk that has hardly more room than this keeps it for records.
ROOM_FACTOR: Final = 4
RETRY_S: Final = 1.0


class Reserve:
    """The file `DB_PATH.reserve`: of `size_bytes`, or empty while its room is given up.

    The file is the state, for all processes that write to the log.
    """

    def __init__(self, db_path: Path, *, size_bytes: int | None = None) -> None:
        self._path = reserve_path(db_path)
        self._name = str(self._path)
        self._size_bytes = SIZE_BYTES if size_bytes is None else size_bytes
        self._tried_at = -math.inf

    def keep(self) -> None:
        """Take the room, where there is plenty and none was taken before.

        What is there and is not a plain file of ours is left alone; there is no reserve then.
        """
        if not self._size_bytes or self._is_there():
            return
        try:
            if _free_bytes(self._path.parent) >= ROOM_FACTOR * self._size_bytes:
                self._fill()
        except OSError as error:
            # An empty file would say that the room is given up, and let nothing else in.
            with suppress(OSError):
                self._path.unlink()
            log.warning("no room is kept for unlock records: %s", error.strerror)

    def give_up(self) -> bool:
        """Make the room free for unlock records; whether there was any."""
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
        """Whether everything may be written (again): tries to take the room back now and then.

        There must be room for as much again, or what was given up for unlock records would be
        taken from them.
        """
        try:
            # Asked at each commit: os.lstat takes a third of what Path.lstat does.
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
