"""The lifetime of an open log: opened once, on one event loop of one process, and closed.

    closed ──open──▶ opening ──▶ open ──close──▶ closing ──▶ closed

While it is opening, open or closing it has an owner: the process and the event loop of `open`.
Calls from elsewhere are refused, but `close` works from anywhere. In a forked child it is closed,
and its owner stays until it is opened or closed there, so that a later call gets the right error.

Knows nothing of appends and questions.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final
from weakref import WeakSet

import aiosqlite
import anyio.to_thread

from eventlog.errors import StoreClosed
from eventlog.journal.clock import MACHINE, Machine
from eventlog.storage.owner import Owner
from eventlog.storage.shield import shielded
from eventlog.store.compat.caller_connection import connect_caller
from eventlog.store.engine import Engine

log = logging.getLogger("eventlog")


class Lifetime:
    """The engine of a log and its caller's connection, while it is open."""

    def __init__(self) -> None:
        self.db: aiosqlite.Connection | None = None
        self._engine: Engine | None = None
        self._owner: Owner | None = None  # None while it is closed
        self._changing: tuple[asyncio.AbstractEventLoop, asyncio.Lock] | None = None

    @property
    def engine(self) -> Engine:
        """The engine. Raises StoreClosed, OpenedElsewhere."""
        self._require_here()
        if self._engine is None:
            raise StoreClosed
        return self._engine

    async def open(
        self,
        prepared_path: Callable[[], Path],
        machine: Machine = MACHINE,
        keys_dir: Path | None = None,
    ) -> None:
        """Open the log at the path that a function prepares; do nothing where it is open.

        Raises OpenedElsewhere, and what the function and `Engine.start` raise.
        """
        if self._owner is not None and self._owner.is_inherited:
            self._forget()
        self._require_here()
        self._owner = self._owner or Owner()  # from now on others are refused
        async with self._turn():
            if self._engine is None:
                self._owner = Owner()
                try:
                    await shielded(self._open_on(prepared_path(), machine, keys_dir))
                except BaseException:
                    # A cancellation comes after the opening; every other error instead of it.
                    await shielded(self._close())
                    raise

    async def close(self) -> None:
        """Close the log, from anywhere. If it raises DatabaseError, it was closed nevertheless."""
        owner = self._owner
        if owner is None or owner.is_here:
            async with self._turn():
                await shielded(self._close())
        elif owner.is_inherited:
            self._forget()
        elif owner.loop.is_running():
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self.close(), owner.loop))
        else:
            await anyio.to_thread.run_sync(partial(self._close_from_outside, clean=True))

    def forget_in_child(self) -> None:
        """After a fork: be closed in the child, where nothing of it works."""
        # The owner is kept, so that a later call gets the right error.
        _INHERITED.append((self._engine, self.db))
        self._engine = self.db = None

    def __del__(self) -> None:
        """Warn that a log was not closed, and end its threads."""
        owner, engine = getattr(self, "_owner", None), getattr(self, "_engine", None)
        if owner is None or engine is None or owner.is_inherited or sys.is_finalizing():
            return
        where = engine.writer.path
        warnings.warn(f"the store of {where} was not closed", ResourceWarning, stacklevel=1)
        self._close_from_outside(clean=False)

    def _require_here(self) -> None:
        if self._owner is not None:
            self._owner.require()

    def _turn(self) -> asyncio.Lock:
        """The lock by which opening and closing on this loop take turns."""
        loop = asyncio.get_running_loop()
        if self._changing is None or self._changing[0] is not loop:
            self._changing = loop, asyncio.Lock()
        return self._changing[1]

    async def _open_on(self, path: Path, machine: Machine, keys_dir: Path | None) -> None:
        engine = await Engine.start(path, machine, keys_dir)
        try:
            self.db = await _open_caller(path)
        except BaseException:
            await engine.close()
            raise
        self._engine = engine
        _OPEN.add(self)

    async def _close(self) -> None:
        engine, db = self._let_go()
        if engine is None:
            return
        engine.writer.stop_waiting()  # or each step would wait with a new timeout
        try:
            if db is not None:
                await db.close()
        finally:
            await engine.close()
        log.info("EventStore connection closed")

    def _close_from_outside(self, *, clean: bool) -> None:
        """Close from any thread, when the loop of `open` runs no more."""
        engine, db = self._let_go()
        if db is not None:
            _stop(db, wait=clean)
        if engine is not None:
            engine.close_from_outside(clean=clean)
            log.info("EventStore connection closed")

    def _forget(self) -> None:
        """In a forked process: leave what belongs to the parent alone, and be closed."""
        # Kept for good: to close these files here would take the parent's locks away.
        _INHERITED.append(self._let_go())

    def _let_go(self) -> tuple[Engine | None, aiosqlite.Connection | None]:
        held = self._engine, self.db
        self._engine = self.db = self._owner = None
        return held


# What a fork copies of open logs belongs to the parent: see `Lifetime.forget_in_child`.
_OPEN: Final[WeakSet[Lifetime]] = WeakSet()
_INHERITED: Final[list[tuple[Engine | None, aiosqlite.Connection | None]]] = []


def _after_fork() -> None:
    for one in _OPEN:
        one.forget_in_child()


os.register_at_fork(after_in_child=_after_fork)


def _stop(connection: aiosqlite.Connection, *, wait: bool) -> None:
    """Close a caller's connection without its loop."""

    def stop() -> None:
        connection.stop()
        connection.stop()  # where the close itself fails, its thread ends at the second one only

    # On a thread without a loop, or aiosqlite would answer a loop that may be closed by then.
    caller = threading.Thread(target=stop)
    caller.start()
    caller.join()
    if wait:
        connection._thread.join()  # noqa: SLF001 - aiosqlite offers no other way


async def _open_caller(path: Path) -> aiosqlite.Connection:
    connection = aiosqlite.Connection(lambda: connect_caller(path), iter_chunk_size=64)
    # Or a store that was never closed would keep its process alive; aiosqlite offers no other way.
    connection._thread.daemon = True  # noqa: SLF001
    return await connection
