"""A hint that wakes those who wait for new records.

A hint may be lost or may come for nothing, so a follower reads the journal when it is woken, and
polls as well. Belongs to one event loop. Does not know what is read.
"""

from __future__ import annotations

import asyncio


class Nudge:
    """Counts the hints, so that one that comes between a read and the wait is not missed."""

    def __init__(self) -> None:
        self.count = 0
        self._event = asyncio.Event()

    def give(self) -> None:
        """Wake all who wait."""
        self.count += 1
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self, seen: int, *, timeout_s: float) -> None:
        """Return when there were more hints than `seen`, or when the time is up."""
        if self.count != seen:
            return
        try:
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
        except TimeoutError:
            return
