"""Runs a blocking call on a daemon thread, which does not keep the process alive.

The event loop's own executor and anyio's workers are waited for at the end of a process; a socket
that hangs would hold back a stop for as long as its time-out.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def in_daemon_thread(function: Callable[[], T]) -> T:
    """The answer of a function; a cancelled caller leaves it to end by itself. Raises its error."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if answer.cancelled():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(result)  # type: ignore[arg-type]  # a T, where there is no error

    def work() -> None:
        result: T | None = None
        error: BaseException | None = None
        try:
            result = function()
        except Exception as raised:  # noqa: BLE001 - handed to the caller
            error = raised
        with suppress(RuntimeError):  # the loop is closed: no caller waits
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=work, name="eventlog channel", daemon=True).start()
    return await answer
