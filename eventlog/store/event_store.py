"""EventStore: the class that a pipeline calls, over the journal, the views and the thumbnails.

It connects the parts and has no logic of its own: `journal/append.py` checks an append,
`lifetime.py` opens and closes, `engine.py` writes and projects, `reader.py` runs queries.
It reads no environment variables.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

import aiosqlite
import anyio.to_thread

from eventlog.errors import BadNote, DatabaseError, DiskFull
from eventlog.facts import Fact
from eventlog.followers import cursor as cursors
from eventlog.followers.cursor import CursorLike
from eventlog.followers.replay import Replay, Replayed, family
from eventlog.journal import append as appends
from eventlog.journal.append import Durability
from eventlog.journal.clock import MACHINE, Machine
from eventlog.pictures.thumbnails import Thumbnails
from eventlog.record import LIBRARY, Author, Receipt, Record
from eventlog.storage.paths import (
    absolute_path,
    checked_path,
    heads_path,
    real_path,
    require_path,
)
from eventlog.store import bulk, opening
from eventlog.store.compat import write_event as visits
from eventlog.store.engine import Engine
from eventlog.store.lifetime import Lifetime
from eventlog.store.reader import Reader

log = logging.getLogger("eventlog")

# The interval at which the state of the outside heads is read: nothing reports a change.
_LOOK_S: Final = 0.1


class EventStore:
    """The log of a door, open for writing and reading.

    Between `initialize()` and `close()`, or inside `async with`, appends are applied to the read
    tables as they come. A store belongs to the event loop that opened it; `close()` works from
    anywhere.

    Attributes: `db_path` (a str) and `thumbnails_dir` (a Path), which become absolute when the
    store is opened, and `db`.
    """

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
            writer: Who appends, for the journal. The default stands for a program.
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

    # ── opening and closing ────────────────────────────────────────────────────────────────

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

    # ── writing ────────────────────────────────────────────────────────────────────────────

    async def append(
        self,
        *facts: Fact,
        event_id: int | None = None,
        key: str | None = None,
        durability: Durability = "durable",
        writer: Author | None = None,
    ) -> Receipt:
        """Append facts to the journal, all or none.

        It returns when the facts are on the disk. A call that was cancelled, or failed with a
        DatabaseError, may have written its facts: `receipt(key)` says whether it has.

        Args:
            facts: One or more. If the first is a motion, a ding or an observation, it opens a new
                event, which the others join.
            event_id: The event that the facts join. None, the default, means no existing event:
                then the first fact opens one, or the facts are of kinds that need none.
            key: An idempotency key, 1 to 200 characters. If it was used before for the same facts,
                nothing is written and the first receipt is returned. None means no key.
            durability: "durable", the default, waits until the facts are on the disk. "relaxed" is
                faster, but a power cut may lose the facts; it has no effect on an append with an
                unlock action.
            writer: Who appends, for the journal. None means the store's own writer.

        Returns:
            The positions of the records and the id of their event.

        Raises:
            BadFact: The journal refuses a value; the error names its field.
            BadAppend: The facts do not fit together; `reason` says why.
            BadKey: The key is not text of 1 to 200 characters.
            BadArgument: Another argument is out of range.
            UnknownEvent: The log has no event with that id.
            KeyConflict: The key was used before, for other facts.
            StoreClosed: The store is not open.
            OpenedElsewhere: The store was opened on another event loop or in another process.
            LockTimeout: Another process held the lock for too long.
            DiskFull: The disk is full; nothing was written.
            DatabaseError: The disk failed; whether the facts were written is not known.
        """
        append = appends.prepare(
            facts,
            event_id=event_id,
            key=key,
            durability=durability,
            author=self.writer if writer is None else writer,
        )
        return await self._engine.append(append)

    async def append_many(
        self,
        groups: Iterable[Sequence[Fact]],
        *,
        keys: Iterable[str | None] | None = None,
        durability: Durability = "durable",
    ) -> list[Receipt]:
        """Append many groups of facts, each group all or none, in commits of some thousand facts.

        Args:
            groups: Each is what `append` takes: an opener first, or facts that need no event.
            keys: One idempotency key for each group, None for a group without one. With keys, the
                call can be repeated after an error. None, the default, means no keys.
            durability: As for `append`; "durable" by default.

        Returns:
            The receipts, in the order of the groups.

        Raises:
            EventLogError: What `append` raises, for the first group that fails. The groups before
                it were written, and some after it may have been. The error's `receipts` has, up to
                the last group that was written, a receipt for each group that was and None for each
                that was not.
        """
        return await bulk.append_many(
            self._engine, groups, keys=keys, durability=durability, author=self.writer
        )

    async def receipt(self, key: str) -> Receipt | None:
        """The receipt of the append with a key.

        Args:
            key: The idempotency key of the append.

        Returns:
            The receipt, once the facts are on the disk; None if no append with that key is in the
            journal.

        Raises:
            BadKey: The key is not text of 1 to 200 characters.
            StoreClosed: The store is not open.
            OpenedElsewhere: The store was opened on another event loop or in another process.
            DatabaseError: The log can't be read.
        """
        appends.check_key(key)
        return await self._engine.receipt(key)

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
        """Append all the facts of one event, all or none.

        Numbers, text and times of other libraries (numpy, enums, decimals) are converted to
        Python's own types, if that loses nothing.

        Args:
            camera_id: The camera, 1 to 64 characters.
            recorded_at: When the camera saw it: a datetime, or text in ISO 8601. Without a zone, it
                is UTC.
            recording_id: The recording's id at its source; None if there is none.
            event_type: "motion", the default, or "ding".
            person_name: Whose face it was. None with a confidence or a distance is a stranger; with
                neither, no face was seen.
            face_confidence: 0.0 to 1.0. None means `max(0.0, 1.0 - face_distance)`.
            face_distance: face_recognition's distance, 0 or more; None if it was not measured.
            unlock_granted: Whether the door was allowed to open; False by default.
            door_action: What the bolt did: "unlocked", "locked", "unlatched" or, by default,
                "none".
            thumbnail_path: The path from `save_thumbnail`; None if there is no picture.
            detections: Mappings with `label`, `confidence` (0.0 to 1.0) and, if they are known,
                `bbox_x1`, `bbox_y1`, `bbox_x2` and `bbox_y2` in pixels. None means no detections.

        Returns:
            The id of the new event.

        Raises:
            BadFact: The journal refuses a value; the error names its field.
            StoreClosed: The store is not open.
            OpenedElsewhere: The store was opened on another event loop or in another process.
            LockTimeout: Another process held the lock for too long.
            DiskFull: The disk is full; nothing was written.
            DatabaseError: The disk failed; whether the event was written is not known.
        """
        engine = self._engine
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
        receipt = await engine.append(appends.prepare(facts, author=self.writer))
        return visits.opened_event(receipt)

    def save_thumbnail(self, frame_bytes: bytes, event_timestamp: str) -> str | None:
        """Save a frame as a JPEG of quality 85; it is on the disk when this returns.

        It blocks; `save_thumbnail_async` does not. It works on a closed store too.

        Args:
            frame_bytes: A JPEG, PNG, WebP, AVIF, GIF, BMP or TIFF, of 8 MB and 36 megapixels at
                most.
            event_timestamp: The file is named after it; ':' and '.' become '-'.

        Returns:
            The picture's path, 'thumbnails/2026-02-25T10-30-00.jpg', for `write_event` and
            ThumbnailSaved; None if the frame can't be saved, which is logged.
        """
        saved = self._thumbnails.save(frame_bytes, event_timestamp)
        return None if saved is None else saved.path

    async def save_thumbnail_async(
        self, frame_bytes: bytes, event_timestamp: str, *, keep_jpeg: bool = False
    ) -> str | None:
        """Save a frame as `save_thumbnail` does, in a worker thread.

        Args:
            frame_bytes: As for `save_thumbnail`.
            event_timestamp: As for `save_thumbnail`.
            keep_jpeg: True stores a JPEG without metadata byte for byte. False, the default,
                encodes every frame again.

        Returns:
            The picture's path; None if the frame can't be saved, which is logged.
        """
        saved = await self._thumbnails.save_async(frame_bytes, event_timestamp, keep_jpeg=keep_jpeg)
        return None if saved is None else saved.path

    # ── reading ────────────────────────────────────────────────────────────────────────────

    @property
    def reader(self) -> Reader:
        """The reader of this store, for all other queries.

        Raises:
            StoreClosed: The store is not open.
            OpenedElsewhere: The store was opened on another event loop or in another process.
        """
        return self._engine.reader

    async def get_event(self, event_id: int) -> dict[str, Any] | None:
        """One event, from the read tables.

        It includes what this store has written, unless the disk is too full to bring the read
        tables up to date.

        Args:
            event_id: The event's id.

        Returns:
            All columns of `events`, and a list of the event's detections under "detections"; None
            if there is no such event.

        Raises:
            BadArgument: It is not an id.
            StoreClosed: The store is not open.
            OpenedElsewhere: The store was opened on another event loop or in another process.
            DatabaseError: The log can't be read, or the views can't be brought up to date.
        """
        engine = await self._caught_up_with_own()
        return await engine.reader.get_event(event_id)

    async def get_recent_events(self, limit: int = 20, offset: int = 0) -> list[dict[str, Any]]:
        """A page of events, newest `recorded_at` first.

        Args:
            limit: How many at most; 20 by default.
            offset: How many to skip; 0 by default.

        Returns:
            Events as from `get_event`.

        Raises:
            BadArgument: A number is out of range.
            StoreClosed: The store is not open.
            OpenedElsewhere: The store was opened on another event loop or in another process.
            DatabaseError: The log can't be read, or the views can't be brought up to date.
        """
        engine = await self._caught_up_with_own()
        return await engine.reader.events_by_recorded_at(limit, offset)

    def head_line(self) -> str | None:
        """The newest signed head as one line, for an alert.

        A line that is kept on a phone later shows whether the log below it was changed.

        Returns:
            70 characters; None if heads are not signed.
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

        An unlock should never wait for this: opening the door must not depend on a network.

        Args:
            position: The record's place in the journal.
            timeout_s: How long to wait at most, in seconds.

        Returns:
            Whether it is. False after the timeout, and at once if heads are not signed.
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
            BadArgument: It is not a cursor.
            OtherHistory: The journal has another record at that position.
            PastHead: The journal ends before that position.
            StoreClosed: The store is not open.
            OpenedElsewhere: The store was opened on another event loop or in another process.
            DatabaseError: The views can't be brought up to date.
        """
        cursor = cursors.parse(position)
        engine = self._engine
        if cursor.hash or cursor.position > engine.written:
            await engine.reader.run(partial(cursors.require_known, cursor=cursor))
        await engine.caught_up(cursor.position)

    async def replay(self, *views: str) -> Replayed:
        """Rebuild read tables from the journal, and replace the live ones.

        Others can read and append during that time; they see the old tables or the new ones.

        Args:
            views: The names of views; those that their tables need are rebuilt too. No name means
                all views.

        Returns:
            The views that were rebuilt, the last position that they have applied, and how many
            records each could not apply.

        Raises:
            BadArgument: A name is not that of a view.
            ReplayRunning: Another replay of this log is running.
            StoreClosed: The store is not open.
            OpenedElsewhere: The store was opened on another event loop or in another process.
            DatabaseError: The disk failed or is full; the live tables are unchanged.
        """
        engine = self._engine
        replay = Replay(engine.writer, family(views or None), engine.seals.opening())
        return await replay.run()

    def subscribe(self, after: CursorLike = 0) -> AsyncIterator[Record]:
        """Yield the records after a cursor, first the stored ones, then new ones; it never ends.

        Args:
            after: A position, or `position:hash` (see `Record.cursor`), which also checks that the
                journal is the one that the consumer has read. 0, the default, is the beginning.

        Returns:
            An async iterator of records, each exactly once and in order.

        Raises:
            BadArgument: `after` is not a cursor.
            OtherHistory: The journal has another record at that position: a backup was restored.
            PastHead: The journal ends before that position.
            BadRecord: A record can't be read. To go on, subscribe again after its position.
            JournalHole: A record is missing.
            StoreClosed: The store is not open.
            OpenedElsewhere: The store was opened on another event loop or in another process.
            DatabaseError: The log can't be read.
        """
        return self._engine.reader.subscribe(after=after)

    # ── inside ─────────────────────────────────────────────────────────────────────────────

    async def _caught_up_with_own(self) -> Engine:
        engine = self._engine
        try:
            await engine.caught_up(engine.written)
        except DiskFull as error:
            log.warning("the views are behind: %s", error)
        return engine

    @property
    def _engine(self) -> Engine:
        return self._lifetime.engine


def engine_of(store: EventStore) -> Engine:
    """The engine of an open store, for parts of `eventlog run`. Raises StoreClosed."""
    return store._engine  # noqa: SLF001 - the same file
