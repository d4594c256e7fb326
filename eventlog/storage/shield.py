"""Runs a coroutine to its end, also when the task that waits for it is cancelled.

Threads, files and locks must not be left half open or half closed. So a cancellation waits until
the work is done, and is raised then: asyncio's, and those of anyio's scopes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import anyio

T = TypeVar("T")


async def shielded(work: Coroutine[Any, Any, T]) -> T:
    """The answer of `work`. Raises what it raises; else a cancellation that came meanwhile."""
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
