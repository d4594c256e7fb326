"""A task that works in the background: restarted after a pause when it fails, and never in silence.

Its trouble is kept until it works again, so that health can show it. Knows nothing of the work.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from eventlog.storage.error_site import whereabouts

log: Final = logging.getLogger("eventlog")

PAUSE_S: Final = 1.0  # before the first restart; twice as long before each further one
PAUSE_MAX_S: Final = 30.0


class Background:
    """One task. `work` runs for ever; it calls `well` whenever a round of it succeeded.

    Args:
        name: what it is called in the log and on the page Health.
        work: what is run; when it fails or ends, it is run again.
        on_failure: called after each failure, before the pause.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], Awaitable[None]],
        *,
        on_failure: Callable[[BaseException], None] | None = None,
    ) -> None:
        self.name = name
        self.trouble: str | None = None
        self.restarts = 0
        self._work = work
        self._on_failure = on_failure
        self._pause_s = PAUSE_S
        self.task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the running loop."""
        self.task = asyncio.create_task(self._run(), name=self.name)

    async def stop(self) -> None:
        """End it, and return when it has ended."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task])

    @property
    def is_dead(self) -> bool:
        """Whether it was started and runs no more: nothing but a bug or a cancel ends it."""
        return self.task is not None and self.task.done()

    def well(self) -> None:
        """A round of the work succeeded."""
        self.trouble = None
        self._pause_s = PAUSE_S

    async def _run(self) -> None:
        while True:
            try:
                await self._work()
                error: Exception = RuntimeError("it ended by itself")
            except Exception as failure:  # noqa: BLE001 - whatever it was, the work goes on
                error = failure
            # The error's own sentence may hold a name or a path: its kind is enough for a page.
            self.trouble = f"{self.name} failed ({type(error).__name__}) and is started again"
            self.restarts += 1
            log.error("%s failed, and is started again: %s", self.name, whereabouts(error))
            if self._on_failure is not None:
                self._on_failure(error)
            await asyncio.sleep(self._pause_s)
            self._pause_s = min(PAUSE_MAX_S, self._pause_s * 2)
