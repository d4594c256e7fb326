"""A read-only connection to a log, on its own thread, with a watch for new commits.

The watch notices commits of this and other processes, and wakes the followers that wait for them.
Knows no view and no query.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

import anyio.to_thread

from eventlog.errors import DatabaseError
from eventlog.followers.opening import Opening
from eventlog.journal.nudge import Nudge
from eventlog.projections.event_list import Query
from eventlog.storage.background import Background
from eventlog.storage.connection_thread import ConnectionThread
from eventlog.storage.connections import connect_reader
from eventlog.storage.paths import absolute_path, require_path
from eventlog.store.find_seals import find_seals, lookup_in

if TYPE_CHECKING:
    from eventlog.evidence.seals_file import SealsFile

T = TypeVar("T")
log = logging.getLogger("eventlog")

# Commits of other processes are noticed within this time, by one pragma that reads no page.
WATCH_S: Final = 0.05
TRY_AGAIN_S: Final = 5.0
DATA_VERSION: Final = "PRAGMA data_version"


class ReadConnection:
    """A read-only connection to a log. Use `Reader`, which adds the queries."""

    def __init__(self, worker: ConnectionThread) -> None:
        self.nudge = Nudge()
        self.opening = Opening()
        self._seals: SealsFile | None = None
        self._worker = worker
        self.watch = Background("the watch for commits", self._watch_commits)
        self.watch.start()

    @classmethod
    async def open(cls, db_path: str | Path, *, keys_dir: str | Path | None = None) -> Self:
        """Open a log for reading.

        Args:
            db_path: The database file; a relative path is taken from the current folder.
            keys_dir: The folder of keys, which opens sealed names in records. None, the default,
                opens none; the read tables have the names nevertheless.

        Returns:
            The reader; close it, or use it in `async with`.

        Raises:
            BadArgument: The path is not a valid path.
            DatabaseMissing: The file does not exist.
            NotADatabase: The file is not a SQLite database.
            ForeignDatabase: The database belongs to another program.
            NewerDatabase: A newer version of this program wrote it.
            KeysMissing: The file that opens the names can't be used.
            DatabaseError: The file can't be read.
        """
        path = absolute_path(Path(require_path("db_path", db_path)))
        reader = cls(await ConnectionThread(path, partial(connect_reader, path)).start())
        if keys_dir is not None:
            try:
                await reader.run(partial(reader._find_seals, absolute_path(Path(keys_dir))))
            except BaseException:
                await reader.close()
                raise
        return reader

    def _find_seals(self, keys_dir: Path, connection: sqlite3.Connection) -> None:
        self._seals = find_seals(connection, keys_dir)
        if self._seals is not None:
            self.opening = Opening(lookup_in(self._seals))

    def _close(self, connection: sqlite3.Connection) -> None:
        connection.close()
        if self._seals is not None:
            self._seals.close()

    async def close(self) -> None:
        """Stop watching and close the connection. Closing twice does nothing.

        It can be called from anywhere, like `EventStore.close`.

        Raises:
            DatabaseError: The disk failed. The reader was closed nevertheless.
        """
        owner = self._worker.owner
        if owner.is_here:
            await self.watch.stop()
            await self._worker.stop(self._close)
        elif owner.loop.is_running() and not owner.is_inherited:
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self.close(), owner.loop))
        elif not owner.is_inherited:  # in a forked process it is the parent's
            await anyio.to_thread.run_sync(partial(self.close_from_outside, wait=True))

    def close_from_outside(self, *, wait: bool) -> None:
        """Close from any thread, after the loop that opened it has ended.

        Args:
            wait: Whether to return only when the connection is closed.
        """
        if self.watch.task is not None:
            self._worker.owner.cancel(self.watch.task)
        self._worker.stop_from_outside(self._close, wait=wait)

    async def __aenter__(self) -> Self:
        """Return the reader, which is open already."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.close()

    async def run(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Call a function with the read-only connection, on its thread.

        Args:
            function: It gets a `sqlite3.Connection`. Its statements see one state of the log only
                inside a transaction.

        Returns:
            The result of the function.

        Raises:
            StoreClosed: The reader is closed.
            OpenedElsewhere: The reader was opened on another event loop or in another process.
            DatabaseError: The log can't be read.
        """
        return await self._worker.run(function)

    async def _named(self, columns: Sequence[str], query: Query) -> list[dict[str, Any]]:
        """The rows of a query, with the names of their columns."""
        return [dict(zip(columns, row, strict=True)) for row in await self._fetch(query)]

    async def _fetch(self, query: Query) -> list[Any]:
        return await self.run(lambda connection: connection.execute(*query).fetchall())

    async def _watch_commits(self) -> None:
        version = None
        while True:
            try:
                (now,) = await self._worker.run(lambda c: c.execute(DATA_VERSION).fetchone())
            except DatabaseError as error:
                # Followers also poll without this hint, and raise the error themselves.
                log.warning("commits can't be watched: %s", error)
                await asyncio.sleep(TRY_AGAIN_S)
                continue
            self.watch.well()
            if now != version:
                version = now
                self.nudge.give()
            await asyncio.sleep(WATCH_S)
