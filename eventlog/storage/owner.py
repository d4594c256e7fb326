"""The process and the event loop that an open log belongs to.

A fork does not copy threads and locks, and only the loop that made a future can resolve it. So a
call from elsewhere is refused before anything is queued; otherwise it would never return.

Does not know what is open.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

from eventlog.errors import OpenedElsewhere


class Owner:
    """The process and the running loop at the time when something was opened."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._pid = os.getpid()

    def require(self) -> None:
        """Raise OpenedElsewhere in another process and on another event loop.

        Without a running loop, only the process is compared.
        """
        if self.is_inherited:
            raise OpenedElsewhere("process")
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        if loop is not self.loop:
            raise OpenedElsewhere("event loop")

    def cancel(self, task: asyncio.Task[Any]) -> None:
        """Cancel a task of the loop, from any thread; do nothing if the loop is closed."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(task.cancel)

    @property
    def is_inherited(self) -> bool:
        """Whether this process is a fork of the one that it was opened in."""
        return os.getpid() != self._pid

    @property
    def is_here(self) -> bool:
        """Whether the running loop is the one that it was opened on."""
        try:
            self.require()
        except OpenedElsewhere:
            return False
        return True
