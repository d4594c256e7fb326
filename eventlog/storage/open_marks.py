"""Who has the log open for writing, so that an unclean stop is seen at the next start.

A store that is open keeps a small file beside the database and a `flock` on it, and takes the
file away when it closes. A file that nobody holds was left by a process that died, or by a
machine that lost its power. Looked at and made inside the writer's lock only.

Knows nothing of SQLite, and of the log only where it lies.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final
from uuid import uuid4

from eventlog.storage.durable_files import sync
from eventlog.storage.forks import forget_in_children
from eventlog.storage.paths import beside

_MARK: Final = ".open-"


class OpenMark:
    """The mark of one open store."""

    def __init__(self, db_path: Path, name: str | None = None) -> None:
        """Leave the mark (0600), on the disk before this returns.

        `name` tells it from every other, and ends up in the journal where the mark is left behind;
        None makes one by chance. Raises OSError.
        """
        self._path = beside(db_path, f"{_MARK}{name or uuid4().hex}")
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        forget_in_children(self)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX)
            sync(self._path.parent)
        except BaseException:
            self.leave()  # or the next start would take this one for unclean
            raise

    def leave(self) -> None:
        """Take the mark away: this stop is a clean one."""
        if self._fd >= 0:
            self._path.unlink(missing_ok=True)
            self.drop()

    def drop(self) -> None:
        """Let go of the mark and leave it: this stop is not clean."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def forget(self) -> None:
        """In a forked process: the mark is the parent's."""
        self.drop()


def left_behind(db_path: Path) -> list[Path]:
    """The marks that nobody holds, by name. Raises OSError."""
    marks = beside(db_path, _MARK)
    return sorted(path for path in marks.parent.glob(f"{_literal(marks.name)}*") if _is_free(path))


def identity(mark: Path) -> str:
    """What tells a mark from every other."""
    return mark.name.rpartition(_MARK)[2]


def _is_free(path: Path) -> bool:
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
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
