"""EventStore: the class that a pipeline calls, over the journal, the views and the thumbnails.

It connects the parts and decides nothing itself: `journal/append.py` says what an append may be,
`lifetime.py` opens and closes, `engine.py` writes and projects, `reader.py` answers questions.
It reads no environment.
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

# How often the state of the outside heads is read: nothing notifies of a change.
_LOOK_S: Final = 0.1


class EventStore:
    """The log of a door, open for writing and reading.

    Between `initialize()` and `close()`, or inside `async with`, appends are carried into the read
    tables as they come. A store belongs to the event loop that opened it; `close()` works from
    anywhere.

    Attributes: `db_path` (text) and `thumbnails_dir` (a Path), absolute once the store was opened;
    `db`, see there.
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
            thumbnails_dir: The folder of pictures; a relative path as above. The default is
                `thumbnails` in the current folder.
            writer: Who appends, as the journal keeps it. The default says that a program did.
            must_exist: True makes `initialize` refuse a path where no log is, so that a disk that
                is not mounted is noticed. False, the default, makes a new log there.
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
        self._thumbnails = Thumbnails(self.thumbnails_dir)
        self._lifetime = Lifetime()

    # ── opening and closing ────────────────────────────────────────────────────────────────

    async def initialize(self) -> None:
        """Make or open the log and begin to follow it; do nothing when it is open.

        A log that is made is named in a warning of the logger `eventlog`. A database of the plain
        store is taken over with its history.

        Raises:
            BadArgument: The path can't be a file's, as ':memory:' can't.
            MissingFolder: The folder of the database does not exist.
            DatabaseMissing: There is no log, and `must_exist` asks for one.
            NotADatabase: The file is no SQLite database.
            ForeignDatabase: The database is another program's.
            NewerDatabase: A newer version of this program wrote it.
            ReadOnly: The file, or its folder, can't be written.
            LockTimeout: Another process held the lock for too long.
            DiskFull: There is no room for a new log.
            DiskFailure: The disk did not do what it was asked.
            OpenedElsewhere: The store is open on another event loop.
        """
        await self._lifetime.open(self._prepared_path, self.machine)

    async def close(self) -> None:
        """Write what waits, let the last projection end, and close every connection.

        It works from anywhere. On another event loop or thread, the loop of `initialize` does it;
        where that one runs no more, the views are left to the next start. In a forked process the
        parent's store is only forgotten. A store that is closed stays so.

        Raises:
            LockTimeout: Another process kept the lock; the store is closed all the same.
            DatabaseError: The disk failed; the store is closed all the same.
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

        Its rows are `aiosqlite.Row`. What it writes is not in the journal, and a replay of the read
        tables drops it; the journal itself can't be written by it.
        """
        return self._lifetime.db

    def _prepared_path(self) -> Path:
        """The log's own path. Both paths are absolute from here on, whatever the folder becomes."""
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
        """Put facts into the journal, all or none.

        It returns when the facts are on the disk. A call that was cancelled, or failed with a
        DatabaseError, may have written its facts: `receipt(key)` says whether it has.

        Args:
            facts: One or more. A motion or a ding first opens a new event, which the others join.
            event_id: The event that the facts join. None, the default, joins none: then an opener
                comes first, or the facts are of kinds that need no event.
            key: An idempotency key, 1 to 200 characters. Where it was used before for the same
                facts, nothing is written and the first receipt comes back. None is no key.
            durability: "durable", the default, waits until the facts are on the disk. "relaxed" is
                quicker, and a power cut may take the facts; it counts for nothing where an unlock
                action is among them.
            writer: Who appends, as the journal keeps it. None means the store's own.

        Returns:
            The positions of the records and the id of their event.

        Raises:
            BadFact: A value may not enter the journal; it names the field.
            BadAppend: The facts do not fit together; `reason` says how.
            BadKey: The key is no text of 1 to 200 characters.
            BadArgument: Another argument is out of its range.
            UnknownEvent: The log has no event of that id.
            KeyConflict: The key was used before, for other facts.
            StoreClosed: The store is not open.
            OpenedElsewhere: The store was opened on another event loop or in another process.
            LockTimeout: Another process held the lock for too long.
            DiskFull: There is no room; nothing was written.
            DatabaseError: The disk failed; what became of the facts is not known.
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
        """Append many groups of facts, each atomic by itself, some thousand facts a commit.

        Args:
            groups: Each is what `append` takes: an opener first, or facts that need no event.
            keys: One idempotency key for each group, None for a group without one. With keys the
                whole call can be repeated after an error. None, the default, is no key at all.
            durability: As for `append`; "durable" by default.

        Returns:
            The receipts, in the order of the groups.

        Raises:
            EventLogError: What `append` raises, for the first group that fails. Groups before it
                are in the journal then, and some after it may be: the error's `receipts` has a
                receipt for each group that was written and None for each that was not, up to the
                last one that was.
        """
        return await bulk.append_many(
            self._engine, groups, keys=keys, durability=durability, author=self.writer
        )

    async def receipt(self, key: str) -> Receipt | None:
        """What became of the append with a key.

        Args:
            key: The idempotency key of the append.

        Returns:
            The append's receipt, once its facts are on the disk; None where no append with that key
            is in the journal.

        Raises:
            BadKey: It can't be a key.
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
        """Append all the facts of one event at once, all or none.

        Numbers, text and times of other libraries (numpy, enums, decimals) are taken at their plain
        value, where that loses nothing.

        Args:
            camera_id: The camera, 1 to 64 characters.
            recorded_at: When the camera saw it: a datetime, or text in ISO 8601. One without a
                zone is UTC.
            recording_id: The recording's id at its source; None where there is none.
            event_type: "motion", the default, or "ding".
            person_name: Whose face it was; None is a stranger, or nobody where the face has neither
                confidence nor distance.
            face_confidence: 0.0 to 1.0. None takes `max(0.0, 1.0 - face_distance)`.
            face_distance: face_recognition's distance, 0 or more; None where it was not measured.
            unlock_granted: Whether the door was allowed to open; False by default.
            door_action: What the bolt did: "unlocked", "locked", "unlatched" or, by default,
                "none".
            thumbnail_path: What `save_thumbnail` answered; None where there is no picture.
            detections: Mappings with `label`, `confidence` (0.0 to 1.0) and, where they are known,
                `bbox_x1`, `bbox_y1`, `bbox_x2` and `bbox_y2` in pixels. None is none.

        Returns:
            The id of the new event.

        Raises:
            BadFact: A value may not enter the journal; it names the field.
            StoreClosed: The store is not open.
            OpenedElsewhere: The store was opened on another event loop or in another process.
            LockTimeout: Another process held the lock for too long.
            DiskFull: There is no room; nothing was written.
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
        """Save a frame as a JPEG of quality 85, on the disk when this returns.

        It blocks; `save_thumbnail_async` does not. It works on a closed store too.

        Args:
            frame_bytes: A JPEG, PNG, WebP, AVIF, GIF, BMP or TIFF, of 8 MB and 36 megapixels at
                most.
            event_timestamp: The time that names the file; ':' and '.' become '-'.

        Returns:
            The picture's path, 'thumbnails/2026-02-25T10-30-00.jpg', for `write_event` and
            ThumbnailSaved; None where the frame can't be saved, which is logged.
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
                encodes every frame anew.

        Returns:
            The picture's path; None where the frame can't be saved, which is logged.
        """
        saved = await self._thumbnails.save_async(frame_bytes, event_timestamp, keep_jpeg=keep_jpeg)
        return None if saved is None else saved.path

    # ── reading ────────────────────────────────────────────────────────────────────────────

    @property
    def reader(self) -> Reader:
        """Everything else that can be asked of the log.

        Raises:
            StoreClosed: The store is not open.
            OpenedElsewhere: The store was opened on another event loop or in another process.
        """
        return self._engine.reader

    async def get_event(self, event_id: int) -> dict[str, Any] | None:
        """One event, as the read tables have it.

        It sees what this store has written, unless the disk is too full to carry that on: then it
        answers from what is there.

        Args:
            event_id: The event's id.

        Returns:
            All columns of `events`, and a list of the event's detections under "detections"; None
            where there is no such event.

        Raises:
            BadArgument: It is no id.
            StoreClosed: The store is not open.
            OpenedElsewhere: The store was opened on another event loop or in another process.
            DatabaseError: The log can't be read, or the views can't be carried on.
        """
        engine = await self._caught_up_with_own()
        return await engine.reader.get_event(event_id)

    async def get_recent_events(self, limit: int = 20, offset: int = 0) -> list[dict[str, Any]]:
        """A page of events, newest `recorded_at` first.

        Args:
            limit: How many at most; 20 by default.
            offset: How many to leave out before; 0 by default.

        Returns:
            Events as `get_event` has them.

        Raises:
            BadArgument: A number is out of its range.
            StoreClosed: The store is not open.
            OpenedElsewhere: The store was opened on another event loop or in another process.
            DatabaseError: The log can't be read, or the views can't be carried on.
        """
        engine = await self._caught_up_with_own()
        return await engine.reader.events_by_recorded_at(limit, offset)

    def head_line(self) -> str | None:
        """The newest signed head as one line for an alert.

        Kept on a phone, it finds a log that was changed below it as well as the head does.

        Returns:
            70 characters; None where heads are not signed.
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
            StoreClosed: The store is not open.
            OpenedElsewhere: The store was opened on another event loop or in another process.
            DatabaseError: The views can't be carried on.
        """
        cursor = cursors.parse(position)
        engine = self._engine
        if cursor.hash or cursor.position > engine.written:
            await engine.reader.run(partial(cursors.require_known, cursor=cursor))
        await engine.caught_up(cursor.position)

    async def replay(self, *views: str) -> Replayed:
        """Rebuild read tables from the journal, and put them in place of the live ones.

        Others read and append meanwhile; they see the old tables or the new ones.

        Args:
            views: The names of the views, and with each those that its tables need. None named
                means all.

        Returns:
            The views that were rebuilt, the position they have come to, and how many records each
            could not apply.

        Raises:
            BadArgument: A name is no view's.
            ReplayRunning: Another replay of this log is at work.
            StoreClosed: The store is not open.
            OpenedElsewhere: The store was opened on another event loop or in another process.
            DatabaseError: The disk failed, or is full; the live tables are as they were.
        """
        return await Replay(self._engine.writer, family(views or None)).run()

    def subscribe(self, after: CursorLike = 0) -> AsyncIterator[Record]:
        """Yield the records after a cursor: those that are stored, then those that come, for ever.

        Args:
            after: A position, or `position:hash` (see `Record.cursor`), which also proves that the
                journal is still the one that the consumer has read. 0, the default, is the
                beginning.

        Returns:
            An async iterator of records, without gap or repeat.

        Raises:
            BadArgument: `after` is no cursor.
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
    """The engine of an open store, for parts of the running door. Raises StoreClosed."""
    return store._engine  # noqa: SLF001 - the same file
