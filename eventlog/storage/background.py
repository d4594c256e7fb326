"""A background task that is logged and restarted after a pause when it fails.

The failure is kept until the task works again, so that the page Health can show it. Does not know
what the task does.
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
    """One task. `work` never returns, and calls `well` after each round that succeeded.

    Args:
        name: The task's name, in the log and on the page Health.
        work: What is run. When it fails or ends, it is run again.
        on_failure: Called after each failure, before the pause; None calls nothing.
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
        """Start the task on the running loop."""
        self.task = asyncio.create_task(self._run(), name=self.name)

    async def stop(self) -> None:
        """Cancel the task, and return when it has ended."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task])

    @property
    def is_dead(self) -> bool:
        """Whether it was started and has ended; only a bug or a cancellation does that."""
        return self.task is not None and self.task.done()

    def well(self) -> None:
        """Note that a round of the work succeeded."""
        self.trouble = None
        self._pause_s = PAUSE_S

    async def _run(self) -> None:
        while True:
            try:
                await self._work()
                error: Exception = RuntimeError("it returned")
            except Exception as failure:  # noqa: BLE001 - whatever it was, the work is restarted
                error = failure
            # The error's message may contain a name or a path, so the page shows only its type.
            self.trouble = f"{self.name} failed ({type(error).__name__}) and is started again"
            self.restarts += 1
            log.error("%s failed, and is started again: %s", self.name, whereabouts(error))
            if self._on_failure is not None:
                self._on_failure(error)
            await asyncio.sleep(self._pause_s)
            self._pause_s = min(PAUSE_MAX_S, self._pause_s * 2)
