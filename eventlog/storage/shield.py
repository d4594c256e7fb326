"""Runs a coroutine to its end, even if the task that waits for it is cancelled.

Threads, files and locks must not be left half open or half closed. So a cancellation, of asyncio or
of an anyio scope, is raised only when the work is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import anyio

T = TypeVar("T")


async def shielded(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`. Raises what it raises, or else a cancellation that came in between."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    with anyio.CancelScope(shield=True):
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError as error:
                cancelled = error
    answer = task.result()
    if cancelled is not None:
        raise cancelled
    return answer
