"""Marks of open stores: files that show an unclean stop to the next start.

An open store has a small file next to the database, with a `flock` on it, and removes the file when
it closes. A file without a flock was left by a process that died, or by a power cut. Marks are made
and searched only inside the writer's lock.

Knows nothing of SQLite, and only the path of the log.
"""

from __future__ import annotations

import fcntl
import logging
import os
from pathlib import Path
from uuid import uuid4

from eventlog.storage.durable_files import sync
from eventlog.storage.forks import forget_in_children
from eventlog.storage.paths import mark_path
from eventlog.storage.side_files import make_side_file, open_side_file

log = logging.getLogger("eventlog")


class OpenMark:
    """The mark of one open store."""

    def __init__(self, db_path: Path, name: str | None = None) -> None:
        """Make the mark; it is on the disk when this returns.

        `name` is the last part of the file's name. If the mark is left behind, the name goes into
        the journal. None makes a random one. Raises OSError.
        """
        self._path = mark_path(db_path, name or uuid4().hex)
        self._fd = make_side_file(self._path)
        forget_in_children(self)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX)
            sync(self._path.parent)
        except BaseException:
            self.leave()  # or the next start would report an unclean stop
            raise

    def leave(self) -> None:
        """Remove the mark, for a clean stop."""
        if self._fd >= 0:
            self._path.unlink(missing_ok=True)
            self.drop()

    def drop(self) -> None:
        """Close the mark but leave the file: this stop is not clean."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def forget(self) -> None:
        """In a forked process: close the descriptor; the mark is the parent's."""
        self.drop()


def left_behind(db_path: Path) -> list[Path]:
    """The marks without a holder, by name. Raises OSError.

    A mark that can't be opened, or is not a plain file of ours, is ignored.
    """
    marks = mark_path(db_path, "")
    return sorted(path for path in marks.parent.glob(f"{_literal(marks.name)}*") if _is_free(path))


def identity(mark: Path) -> str:
    """The last part of a mark's file name, which identifies it."""
    return mark.name.rpartition(".open-")[2]


def _is_free(path: Path) -> bool:
    try:
        fd = open_side_file(path, os.O_RDWR)
    except OSError as error:
        if not isinstance(error, FileNotFoundError):
            log.warning("the mark %s is ignored: %s", path, error.strerror)
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(fd)


def _literal(name: str) -> str:
    return "".join(f"[{character}]" if character in "*?[" else character for character in name)
