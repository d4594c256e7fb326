"""A log and its paths: how a store is opened and closed, and which files belong to it.

`lifetime.py` has the states of an open log. Knows no append and no query.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

import aiosqlite

from eventlog.journal.clock import MACHINE, Machine
from eventlog.pictures.thumbnails import Thumbnails
from eventlog.record import LIBRARY, Author
from eventlog.storage.paths import absolute_path, checked_path, real_path, require_path
from eventlog.store import opening
from eventlog.store.engine import Engine
from eventlog.store.lifetime import Lifetime


class OpenLog:
    """A log that is opened and closed. Use `EventStore`, which writes and reads."""

    def __init__(
        self,
        db_path: str,
        thumbnails_dir: str = "thumbnails",
        *,
        keys_dir: str | None = None,
        writer: Author = LIBRARY,
        must_exist: bool = False,
        machine: Machine = MACHINE,
    ) -> None:
        """Set the paths of a log. No file is read or made yet.

        Args:
            db_path: The database file. `initialize` takes a relative path from the current folder
                and makes it absolute.
            thumbnails_dir: The folder of pictures, by the same rule. The default is `thumbnails` in
                the current folder.
            keys_dir: The folder of keys, outside the log's own folder. Names are sealed then, so
                that a person can be erased; what opens them is one file in that folder, made if it
                is missing. If that file is lost, the names are lost. None, the default: names are
                in clear.
            writer: Who appends, for the journal. The default means a program that uses the library.
            must_exist: True makes `initialize` fail if there is no log at the path, for example
                because a disk is not mounted. False, the default, makes a new log.
            machine: Where the log gets the time, the boot, the user and random bytes; the default
                is this machine. A simulation passes its own, so that a second run gives the same
                hashes.

        Raises:
            BadArgument: A path is not a valid path.
        """
        self.db_path = require_path("db_path", db_path)
        self.thumbnails_dir = Path(require_path("thumbnails_dir", thumbnails_dir))
        self.keys_dir = None if keys_dir is None else Path(require_path("keys_dir", keys_dir))
        self.writer = writer
        self.must_exist = must_exist
        self.machine = machine
        self._thumbnails = Thumbnails(self.thumbnails_dir)
        self._lifetime = Lifetime()

    async def initialize(self) -> None:
        """Open the log, or make it; do nothing if it is open.

        A new log is announced by a warning of the logger `eventlog`. The database of a plain store
        is converted, with its history.

        Raises:
            BadArgument: The path can't be that of a file; for example ':memory:'.
            MissingFolder: The folder of the database does not exist.
            DatabaseMissing: There is no log, and `must_exist` is True.
            NotADatabase: The file is not a SQLite database.
            ForeignDatabase: The database belongs to another program.
            NewerDatabase: A newer version of this program wrote it.
            ReadOnly: The file, or its folder, can't be written.
            LockTimeout: Another process held the lock for too long.
            DiskFull: There is no room for a new log.
            DiskFailure: A read or a write failed.
            OpenedElsewhere: The store is open on another event loop.
            KeysMissing: The folder of keys can't be used.
        """
        if self.keys_dir is not None:
            self.keys_dir = absolute_path(self.keys_dir)
        await self._lifetime.open(self._prepared_path, self.machine, self.keys_dir)

    async def close(self) -> None:
        """Write the queued appends, finish the projection, and close every connection.

        It can be called from anywhere. From another event loop or thread, the loop of `initialize`
        does the work; if that loop has ended, the views are brought up to date at the next start.
        In a forked process, the parent's store is not affected. Closing twice does nothing.

        Raises:
            LockTimeout: Another process kept the lock. The store was closed nevertheless.
            DatabaseError: The disk failed. The store was closed nevertheless.
        """
        await self._lifetime.close()

    async def __aenter__(self) -> Self:
        """Initialize."""
        await self.initialize()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.close()

    @property
    def db(self) -> aiosqlite.Connection | None:
        """A connection for the caller's own SQL; None before `initialize` and after `close`.

        Its rows are `aiosqlite.Row`. It can't write to the journal. A replay discards what it wrote
        to the read tables.
        """
        return self._lifetime.db

    def _prepared_path(self) -> Path:
        """Make both paths absolute, so that a chdir has no effect; return the database's own."""
        path = absolute_path(checked_path(self.db_path))
        self.db_path, self.thumbnails_dir = str(path), absolute_path(self.thumbnails_dir)
        self._thumbnails.folder = self.thumbnails_dir
        if self.must_exist:
            opening.require_there(path)
        self._thumbnails.ensure()
        return real_path(path)

    @property
    def _engine(self) -> Engine:
        return self._lifetime.engine
