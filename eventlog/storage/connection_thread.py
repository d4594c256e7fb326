"""A SQLite connection with its own thread, which runs functions in the order of their arrival.

Each function runs on the thread without interruption. So a transaction is one call, and no other
task's statement can come in between. For asyncio only, like aiosqlite, which has no public way to
run a function on its thread.

Knows nothing of what the functions do.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final, Self, TypeVar

from eventlog.errors import StoreClosed
from eventlog.storage.error_translation import of_os_error, of_sqlite_error
from eventlog.storage.owner import Owner

log = logging.getLogger("eventlog")

T = TypeVar("T")
Job = Callable[[], None]

_STOP: Final = None
IDLE_S: Final = 1.0


class ConnectionThread:
    """A thread that owns a connection. `open_connection` runs on the thread.

    `idle` is called on the thread, once, when nothing has come for IDLE_S; it never raises.
    """

    def __init__(
        self,
        path: Path,
        open_connection: Callable[[], sqlite3.Connection],
        *,
        idle: Job | None = None,
    ) -> None:
        self.path = path
        self._open_connection = open_connection
        self._idle = idle
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        # Counted, because a job that was taken but not begun is neither queued nor in use.
        self._given = 0
        self._done = 0
        self._in_use = threading.Lock()  # held while a job uses the connection
        # A daemon, so that a store that was never closed does not keep its process alive.
        self._thread = threading.Thread(
            target=self._work, name=f"eventlog {path.name}", daemon=True
        )
        self._connection: sqlite3.Connection | None = None
        self._stopping = False

    async def start(self) -> Self:
        """Start the thread and open the connection. Raises what opening raises."""
        self.owner = Owner()
        self._loop = self.owner.loop
        self._thread.start()
        try:
            self._connection = await self._call(self._open_connection)
        except BaseException:
            self._end()
            raise
        return self

    async def run(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Call `function` with the connection on its thread, and return the result.

        Errors of SQLite and the system are raised as DatabaseError. Cancelling the caller does not
        stop a function that is queued or running. Raises StoreClosed after `stop`, and
        OpenedElsewhere on another loop than that of `start`.
        """
        connection = self.connection
        self.owner.require()
        if self._stopping:
            raise StoreClosed
        return await self._call(lambda: function(connection))

    def post(self, job: Job) -> None:
        """Queue a job, which handles its own errors."""
        self._put(job)

    def _put(self, job: Job) -> None:
        self._given += 1
        self._jobs.put(job)

    def here(self, job: Job) -> bool:
        """Run a job on the caller's thread if nothing is queued or running; whether it was run."""
        if self._given != self._done or not self._in_use.acquire(blocking=False):
            return False
        try:
            job()
        finally:
            self._in_use.release()
        return True

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection, for jobs on the thread. Raises StoreClosed when there is none."""
        if self._connection is None:
            raise StoreClosed
        return self._connection

    async def stop(self, close: Callable[[sqlite3.Connection], None]) -> None:
        """Run what is queued, then `close` the connection and end the thread."""
        if self._connection is None or self._stopping:
            return
        self._stopping = True
        connection = self._connection

        def last() -> None:
            self._connection = None
            close(connection)

        try:
            await self._call(last)
        finally:
            self._end()

    def stop_from_outside(self, close: Callable[[sqlite3.Connection], None], *, wait: bool) -> None:
        """Like `stop`, but from any thread, after the loop of `start` has ended.

        Args:
            close: Closes the connection, on its thread. What it raises is logged.
            wait: Whether to return only when the thread has ended.
        """
        if self._connection is not None and not self._stopping:
            self._stopping = True
            connection, self._connection = self._connection, None
            self._put(lambda: close(connection))
            self._jobs.put(_STOP)
        if wait and self._thread.is_alive():
            self._thread.join()

    def _end(self) -> None:
        self._jobs.put(_STOP)
        # It has nothing left to do, so this takes microseconds.
        self._thread.join(timeout=1.0)

    async def _call(self, function: Callable[[], T]) -> T:
        future: asyncio.Future[T] = self._loop.create_future()

        def job() -> None:
            try:
                result = function()
            except BaseException as error:  # noqa: BLE001 - the waiting caller gets it
                self.answer(_fail, future, self.translate(error))
            else:
                self.answer(_succeed, future, result)

        self._put(job)
        return await future

    def answer(self, function: Callable[..., None], *arguments: object) -> None:
        """Call `function` on the loop, from the thread; do nothing if the loop is closed."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *arguments)

    def translate(self, error: BaseException) -> BaseException:
        """Translate an error of SQLite or the system into one of ours; return others unchanged."""
        if isinstance(error, sqlite3.Error):
            ours: BaseException = of_sqlite_error(error, self.path)
        elif isinstance(error, OSError):
            ours = of_os_error(error, self.path)
        else:
            return error
        ours.__cause__ = error
        return ours

    def _work(self) -> None:
        rest_s = None
        while (job := self._next(rest_s)) is not _STOP:
            try:
                with self._in_use:
                    job()
            except Exception:
                # A job should handle its own errors. If it does not, the others still run.
                log.critical("a job on the thread of %s failed", self.path, exc_info=True)
            finally:
                if job is not self._idle:
                    self._done += 1
            rest_s = None if self._idle is None or job is self._idle else IDLE_S

    def _next(self, rest_s: float | None) -> Job | None:
        try:
            return self._jobs.get(timeout=rest_s)
        except Empty:
            return self._idle


def _succeed(future: asyncio.Future[T], result: T) -> None:
    if not future.done():  # or the caller was cancelled
        future.set_result(result)


def _fail(future: asyncio.Future[T], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
