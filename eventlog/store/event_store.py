"""EventStore: the front desk, over the journal, the views and the thumbnails.

It ties machines together and decides nothing itself: `appends.py` says what an append may be,
`appender.py` writes it, `projector.py` carries it into the views, `reader.py` answers from
there. It reads no environment.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import warnings
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, Self
from weakref import WeakSet

import aiosqlite
import anyio.to_thread

from eventlog.errors import BadNote, DatabaseError, DiskFull, StoreClosed
from eventlog.facts import Fact
from eventlog.followers import cursor as cursors
from eventlog.followers.cursor import CursorLike
from eventlog.followers.replay import Replay, Replayed, family
from eventlog.journal import append as appends
from eventlog.journal.append import Durability
from eventlog.journal.clock import MACHINE, Machine
from eventlog.pictures.thumbnails import Thumbnails
from eventlog.record import LIBRARY, Author, Receipt, Record
from eventlog.storage.owner import Owner
from eventlog.storage.paths import (
    absolute_path,
    checked_path,
    heads_path,
    real_path,
    require_path,
)
from eventlog.storage.shield import shielded
from eventlog.store import bulk, opening
from eventlog.store.compat import write_event as visits
from eventlog.store.compat.caller_connection import connect_caller
from eventlog.store.engine import Engine
from eventlog.store.reader import Reader

log = logging.getLogger("eventlog")

# How often a place outside is looked for: nothing tells of it.
_LOOK_S: Final = 0.1


class EventStore:
    """The log of a door, open for writing and reading.

    Between `initialize()` and `close()`, or inside `async with`, appends are carried into the
    read tables as they come. `db` is a connection for the caller's own queries.
    """

    def __init__(
        self,
        db_path: str,
        thumbnails_dir: str = "thumbnails",
        *,
        writer: Author = LIBRARY,
        must_exist: bool = False,
        machine: Machine = MACHINE,
    ) -> None:
        """Name a log, and touch nothing yet.

        Args:
            db_path: The database file. A relative path is taken from the current folder at
                `initialize`, and is absolute from then on.
            thumbnails_dir: The folder of pictures; a relative path as above.
            writer: Who appends, as the journal keeps it; the default says that a program did.
            must_exist: True makes `initialize` refuse a path where no log is, so that a disk that
                is not mounted is noticed. By default a new log is made there.
            machine: What tells the log the time, the boot, the user and chance; the default asks
                this machine. A simulation passes its own, so that a run can be repeated to the
                last hash.

        Raises:
            BadArgument: A path is no path.
        """
        self.db_path = require_path("db_path", db_path)
        self.thumbnails_dir = Path(require_path("thumbnails_dir", thumbnails_dir))
        self.writer = writer
        self.must_exist = must_exist
        self.machine = machine
        self.db: aiosqlite.Connection | None = None
        self._thumbnails = Thumbnails(self.thumbnails_dir)
        self._open: Engine | None = None
        self._owner: Owner | None = None  # None while it is closed
        self._changing: tuple[asyncio.AbstractEventLoop, asyncio.Lock] | None = None

    # ── its lifetime ───────────────────────────────────────────────────────────────────────

    async def initialize(self) -> None:
        """Make or open the log and start to follow it; does nothing when it is open.

        Raises BadArgument, MissingFolder, DatabaseMissing, NotADatabase, ForeignDatabase,
        NewerDatabase, ReadOnly, LockTimeout.
        """
        if self._owner is not None and self._owner.is_inherited:
            self._forget()
        self._require_here()
        self._owner = self._owner or Owner()  # from now on others are refused
        async with self._turn():
            if self._open is None:
                self._owner = Owner()
                try:
                    await shielded(self._open_on(self._prepared_path()))
                except BaseException:
                    # A cancellation comes after the opening; every other error instead of it.
                    await shielded(self._close())
                    raise

    async def close(self) -> None:
        """Write what waits, let the last projection end, and close every connection.

        It works from anywhere: on another event loop or thread the loop of `initialize` does it;
        where that one runs no more, the views are left to the next start; in a forked process the
        parent's store is only forgotten.

        Raises:
            DatabaseError: The disk failed, or another process kept the lock; it is closed then.
        """
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

    def _prepared_path(self) -> Path:
        """The log's own path. Both paths are absolute from here on, whatever the folder becomes."""
        path = absolute_path(checked_path(self.db_path))
        self.db_path, self.thumbnails_dir = str(path), absolute_path(self.thumbnails_dir)
        self._thumbnails.folder = self.thumbnails_dir
        if self.must_exist:
            opening.require_there(path)
        self._thumbnails.ensure()
        return real_path(path)

    def _turn(self) -> asyncio.Lock:
        """The lock by which opening and closing on this loop take turns."""
        loop = asyncio.get_running_loop()
        if self._changing is None or self._changing[0] is not loop:
            self._changing = loop, asyncio.Lock()
        return self._changing[1]

    async def _open_on(self, path: Path) -> None:
        opened = await Engine.start(path, self.machine)
        try:
            self.db = await _open_caller(path)
        except BaseException:
            await opened.close()
            raise
        self._open = opened
        _OPEN.add(self)

    async def _close(self) -> None:
        opened, db = self._let_go()
        if opened is None:
            return
        opened.writer.stop_waiting()  # otherwise each step of the close waits for the lock anew
        try:
            if db is not None:
                await db.close()
        finally:
            await opened.close()
        log.info("EventStore connection closed")

    def _close_from_outside(self, *, clean: bool) -> None:
        """Close from any thread, when the loop of `initialize` runs no more."""
        opened, db = self._let_go()
        if db is not None:
            _stop(db, wait=clean)
        if opened is not None:
            opened.close_from_outside(clean=clean)
            log.info("EventStore connection closed")

    def _forget(self) -> None:
        """In a forked process: leave what belongs to the parent alone, and be closed."""
        # Kept for good: to close these files here would take the parent's locks away.
        _INHERITED.append(self._let_go())

    def _let_go(self) -> tuple[Engine | None, aiosqlite.Connection | None]:
        held = self._open, self.db
        self._open = self.db = self._owner = None
        return held

    async def __aenter__(self) -> Self:
        """Initialize."""
        await self.initialize()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.close()

    def __del__(self) -> None:
        """Warn of a store that nobody closed, and let its threads end."""
        owner = getattr(self, "_owner", None)
        if owner is None or self._open is None or owner.is_inherited or sys.is_finalizing():
            return
        warnings.warn(f"the store of {self.db_path} was not closed", ResourceWarning, stacklevel=1)
        self._close_from_outside(clean=False)

    # ── writing ────────────────────────────────────────────────────────────────────────────

    async def append(
        self,
        *facts: Fact,
        event_id: int | None = None,
        key: str | None = None,
        durability: Durability = "durable",
        writer: Author | None = None,
    ) -> Receipt:
        """Put facts into the journal, all or none; the receipt says where they are.

        An opener first makes a new event, `event_id` joins one. With a `key` that was used
        before, nothing is written and the first receipt comes back. The answer comes when the
        facts are on the disk; with "relaxed" a power cut may take them, unless an unlock action
        is among them. A cancelled or failed append is settled by `receipt(key)`. `writer` is kept
        in the journal as who appended; None means the store's own.

        Raises BadFact and the other CallerErrors, KeyConflict, DatabaseError.
        """
        append = appends.prepare(
            facts,
            event_id=event_id,
            key=key,
            durability=durability,
            author=self.writer if writer is None else writer,
        )
        return await self._opened().append(append)

    async def append_many(
        self,
        groups: Iterable[Sequence[Fact]],
        *,
        keys: Iterable[str | None] | None = None,
        durability: Durability = "durable",
    ) -> list[Receipt]:
        """Append many groups of facts, each atomic by itself, some thousand facts a commit.

        Args:
            groups: Each is what `append` takes: an opener first, or facts that need no event.
            keys: One idempotency key for each group, None for a group without one. With keys the
                whole call can be repeated after an error. None, the default, is no key at all.
            durability: As for `append`.

        Returns:
            The receipts, in the order of the groups.

        Raises:
            EventLogError: What `append` raises, for the first group that fails. Groups before it
                are in the journal then, and some after it may be: the error's `receipts` has a
                receipt for each group that was written and None for each that was not, up to the
                last one that was.
        """
        return await bulk.append_many(
            self._opened(), groups, keys=keys, durability=durability, author=self.writer
        )

    async def receipt(self, key: str) -> Receipt | None:
        """What became of the append with this key; None when it is not in the journal."""
        appends.check_key(key)
        return await self._opened().receipt(key)

    async def write_event(  # noqa: PLR0917 - the contract's signature
        self,
        camera_id: str,
        recorded_at: str | datetime,
        recording_id: str | None = None,
        event_type: str = "motion",
        person_name: str | None = None,
        face_confidence: float | None = None,
        face_distance: float | None = None,
        unlock_granted: bool = False,  # noqa: FBT001, FBT002 - the contract's signature
        door_action: str = "none",
        thumbnail_path: str | None = None,
        detections: Sequence[Mapping[str, Any]] | None = None,
    ) -> int:
        """Append all the facts of one event; the answer is the event's id.

        A detection is a mapping with `label`, `confidence` and, optionally, `bbox_x1` …
        `bbox_y2`. Raises BadFact, DatabaseError.
        """
        opened = self._opened()
        facts = visits.facts_of_visit(
            camera_id=camera_id,
            recorded_at=recorded_at,
            recording_id=recording_id,
            event_type=event_type,
            person_name=person_name,
            face_confidence=face_confidence,
            face_distance=face_distance,
            unlock_granted=unlock_granted,
            door_action=door_action,
            detections=detections,
        )
        if thumbnail_path is not None:
            facts.append(await anyio.to_thread.run_sync(self._thumbnails.describe, thumbnail_path))
        receipt = await opened.append(appends.prepare(facts, author=self.writer))
        return visits.opened_event(receipt)

    def save_thumbnail(self, frame_bytes: bytes, event_timestamp: str) -> str | None:
        """Save a frame as a JPEG; the answer is its relative path, None when it can't be saved."""
        saved = self._thumbnails.save(frame_bytes, event_timestamp)
        return None if saved is None else saved.path

    async def save_thumbnail_async(
        self, frame_bytes: bytes, event_timestamp: str, *, keep_jpeg: bool = False
    ) -> str | None:
        """The same beside the event loop; `keep_jpeg` stores a clean JPEG as it came."""
        saved = await self._thumbnails.save_async(frame_bytes, event_timestamp, keep_jpeg=keep_jpeg)
        return None if saved is None else saved.path

    # ── reading ────────────────────────────────────────────────────────────────────────────

    @property
    def reader(self) -> Reader:
        """Everything else that can be asked of the log. Raises StoreClosed."""
        return self._opened().reader

    @property
    def engine(self) -> Engine:
        """The machines below, for tools that need more than the front desk. Raises StoreClosed."""
        return self._opened()

    async def get_event(self, event_id: int) -> dict[str, Any] | None:
        """One event's columns, and its detections under "detections"; None when there is none.

        It sees what this store has written, unless the disk is too full to carry that on: then it
        answers from what is there.
        """
        opened = await self._caught_up_with_own()
        return await opened.reader.get_event(event_id)

    async def get_recent_events(self, limit: int = 20, offset: int = 0) -> list[dict[str, Any]]:
        """Events as `get_event` has them, newest `recorded_at` first."""
        opened = await self._caught_up_with_own()
        return await opened.reader.events(limit=limit, offset=offset)

    def head_line(self) -> str | None:
        """The newest signed head in 70 characters, for an alert; None where heads aren't signed.

        Kept on a phone, it finds a log that was changed below it as well as the head does.
        """
        from eventlog.evidence import heads_file  # noqa: PLC0415 - the core does not need the room

        try:
            head = heads_file.last_head(heads_path(Path(self.db_path)))
            return None if head is None else head.line()
        except (BadNote, DatabaseError) as error:
            log.warning("the newest head can't be read: %s", error)
            return None

    async def witnessed(self, position: int, timeout_s: float) -> bool:
        """Wait until a record is in a signed head that is kept outside this machine.

        An unlock should never wait for this: what opens the door must not hang on a network.

        Args:
            position: The record's place in the journal.
            timeout_s: How long to wait at most, in seconds.

        Returns:
            Whether it is. False after the time is up, and at once where heads are not signed.
        """
        from eventlog.evidence import outside  # noqa: PLC0415 - the core does not need the room

        path = Path(self.db_path)
        give_up = asyncio.get_running_loop().time() + timeout_s
        while (known := await anyio.to_thread.run_sync(outside.read, path)) is not None:
            if known.kept >= position:
                return True
            left = give_up - asyncio.get_running_loop().time()
            if left <= 0:
                return False
            await asyncio.sleep(min(_LOOK_S, left))
        return False

    async def caught_up(self, position: CursorLike) -> None:
        """Return when every view has applied the record at a position.

        Args:
            position: A position, or `position:hash` (see `Record.cursor`).

        Raises:
            BadArgument: It is no cursor.
            OtherHistory: The journal has another record at that position.
            PastHead: The journal ends before that position.
            DatabaseError: The views can't be carried on.
            StoreClosed: The store is not open.
        """
        cursor = cursors.parse(position)
        opened = self._opened()
        if cursor.hash or cursor.position > opened.written:
            await opened.reader.run(partial(cursors.require_known, cursor=cursor))
        await opened.caught_up(cursor.position)

    async def replay(self, *views: str) -> Replayed:
        """Rebuild the named views (all, without names) beside the live ones, and swap them in.

        Raises BadArgument for a name that is no view's, ReplayRunning, DatabaseError.
        """
        return await Replay(self._opened().writer, family(views or None)).run()

    def subscribe(self, after: CursorLike = 0) -> AsyncIterator[Record]:
        """Yield the records after a cursor: those that are stored, then those that come, for ever.

        Args:
            after: A position, or `position:hash` (see `Record.cursor`), which also proves that the
                journal is still the one that the consumer has read. 0, the default, is the
                beginning.

        Raises:
            BadArgument: `after` is no cursor.
            OtherHistory: The journal has another record at that position: a backup was restored.
            PastHead: The journal ends before that position.
            BadRecord: A record can't be read. To go on, subscribe again after its position.
            JournalHole: A record is missing.
            StoreClosed: The store is not open.
        """
        return self._opened().reader.subscribe(after=after)

    async def _caught_up_with_own(self) -> Engine:
        opened = self._opened()
        try:
            await opened.caught_up(opened.written)
        except DiskFull as error:
            log.warning("the views are behind: %s", error)
        return opened

    def _opened(self) -> Engine:
        self._require_here()
        if self._open is None:
            raise StoreClosed
        return self._open

    def _require_here(self) -> None:
        if self._owner is not None:
            self._owner.require()


# What a fork copies of open stores belongs to the parent: see `_forget`.
_OPEN: Final[WeakSet[EventStore]] = WeakSet()
_INHERITED: Final[list[tuple[Engine | None, aiosqlite.Connection | None]]] = []


def _after_fork() -> None:
    for store in _OPEN:
        # The owner stays, so that a call is told why the store is not open here.
        _INHERITED.append((store._open, store.db))  # noqa: SLF001 - the same file
        store._open = store.db = None  # noqa: SLF001 - likewise


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
