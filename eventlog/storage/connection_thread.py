"""A SQLite connection with a thread of its own, which runs functions in the order they came.

A function runs from its beginning to its end on the thread. So a transaction is one call, and no
other task's statement can come between. For asyncio only, like aiosqlite, which has no public way
to run a function on its thread.

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
        # A job that the thread has taken and not begun is in neither the queue nor use.
        self._given = 0
        self._done = 0
        self._in_use = threading.Lock()  # held while a job uses the connection
        # A daemon, so that a store which was never closed can't keep its process alive.
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
        """The answer of `function`, called with the connection on its thread.

        SQLite's and the system's errors arrive as DatabaseError. A cancelled caller does not
        stop a function that is queued or running. Raises StoreClosed after `stop`, and
        OpenedElsewhere on another loop than the one of `start`.
        """
        connection = self.connection
        self.owner.require()
        if self._stopping:
            raise StoreClosed
        return await self._call(lambda: function(connection))

    def post(self, job: Job) -> None:
        """Queue a job that answers for itself and never raises."""
        self._put(job)

    def _put(self, job: Job) -> None:
        self._given += 1
        self._jobs.put(job)

    def here(self, job: Job) -> bool:
        """Run a job on the caller's own thread, if nothing is queued or running; whether it ran."""
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
        """The same from any thread, when the loop of `start` runs no more.

        Args:
            close: Closes the connection, on its thread.
            wait: Whether to return only when the thread has ended. What `close` raises is logged.
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
        """Call `function` on the loop, from the thread; a loop that ended waits for nothing."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *arguments)

    def translate(self, error: BaseException) -> BaseException:
        """An error of SQLite or the system as one of ours; any other as it is."""
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
                # A job answers for itself; one that does not must not take the others along.
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
    if not future.done():  # a cancelled caller waits no more
        future.set_result(result)


def _fail(future: asyncio.Future[T], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
