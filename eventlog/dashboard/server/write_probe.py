"""Tests every few seconds whether the log could be written, for the page Health.

What only reads does not see that a writer was frozen in its transaction, that the medium became
read-only, or that it is gone: pages come out of memory for a long time. Each look costs a sync of
a folder in which nothing changed, and the writers' lock for a moment. Writes nothing. Knows no
request.
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import closing
from pathlib import Path
from typing import Final, Literal, Self, TypeAlias

import anyio.to_thread

from eventlog.errors import EventLogError, LockTimeout, ReadOnly
from eventlog.storage.background import Background
from eventlog.storage.lock import FileLock
from eventlog.storage.paths import lock_path

EVERY_S: Final = 2.0
PATIENCE_S: Final = 1.0  # for the lock
# Twice, because one write may rightly take long.
BLOCKED_TWICE: Final = 2
HANGS_S: Final = 8.0  # a look that does not come back for this long: neither does the disk

Word: TypeAlias = Literal["ok", "blocked", "read-only", "unreadable", "stuck"]


class WriteProbe:
    """Looks at a log again and again inside `async with`."""

    def __init__(self, db_path: Path) -> None:
        self._path = db_path
        self._seen: Word = "ok"
        self._blocked = 0
        self._looked_at = time.monotonic()
        self.background = Background("the look at the disk", self._look_on)

    async def __aenter__(self) -> Self:
        """Begin."""
        self.background.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.background.stop()

    @property
    def word(self) -> Word:
        """What the last look saw."""
        if time.monotonic() - self._looked_at > HANGS_S:
            return "stuck"
        return self._seen

    async def _look_on(self) -> None:
        while True:
            seen = await anyio.to_thread.run_sync(look, self._path, abandon_on_cancel=True)
            self.background.well()
            self._looked_at = time.monotonic()
            self._blocked = self._blocked + 1 if seen == "blocked" else 0
            if seen != "blocked" or self._blocked >= BLOCKED_TWICE:
                self._seen = seen
            await asyncio.sleep(EVERY_S)


def look(db_path: Path) -> Word:
    """Whether the log at a path could be written at the moment."""
    try:
        if os.statvfs(db_path.parent).f_flag & os.ST_RDONLY:
            return "read-only"
        # A file system that is gone refuses a sync even of what it has in memory.
        folder = os.open(db_path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        with closing(FileLock(lock_path(db_path), timeout_s=PATIENCE_S)) as lock:
            lock.acquire()
    except ReadOnly:
        return "read-only"
    except LockTimeout:
        return "blocked"
    except (OSError, EventLogError):
        return "unreadable"
    return "ok"
