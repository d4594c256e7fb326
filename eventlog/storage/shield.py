"""Run a coroutine to its end, whatever happens to the task that waits for it.

Opening and closing threads, files and locks half-way helps nobody: a cancellation is kept until
the work is done, and raised then. Both kinds are kept: asyncio's, and those of anyio's scopes.
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
