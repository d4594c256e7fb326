"""Records in a witness's own journal which heads it saw, at most once in ten minutes a log.

The answer to who submitted a head does not wait for it. Belongs to one event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from eventlog.errors import EventLogError
from eventlog.evidence.witnesses import Seen
from eventlog.facts import HeadSeen

log = logging.getLogger("eventlog")

# A log that is written all day would fill its witness's journal.
EVERY_S: Final = 600.0


class SeenTeller:
    """Pass `tell` to a Witness as its `on_seen`."""

    def __init__(self, append: Callable[[HeadSeen], Awaitable[object]]) -> None:
        """`append` puts a fact into the journal. Called on the loop that runs it."""
        self._append = append
        self._loop = asyncio.get_running_loop()
        self._told: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def tell(self, seen: Seen) -> None:
        """Take note of a head; may be called by any thread."""
        self._loop.call_soon_threadsafe(self._begin, seen)

    async def end(self) -> None:
        """Return when all heads that were passed before are appended."""
        await asyncio.sleep(0)  # what a thread has just handed over
        await asyncio.gather(*self._tasks)

    def _begin(self, seen: Seen) -> None:
        now = self._loop.time()
        last = self._told.get(seen.head.origin)
        if last is not None and now - last < EVERY_S:
            return
        self._told[seen.head.origin] = now
        task = self._loop.create_task(self._put(seen))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _put(self, seen: Seen) -> None:
        head = seen.head
        fact = HeadSeen(name=head.origin, size=head.size, root=head.root, key_id=seen.key.key_id)
        try:
            await self._append(fact)
        except EventLogError as error:
            log.warning("that a head was seen is not in the journal: %s", error)
