"""Reader: all queries of a log, over one read-only connection on its own thread.

It reads the read tables, and the journal for the story of an event. It watches for commits of this
and other processes, and wakes the followers that wait for them. It writes nothing. The SQL is in
the views' own files and in `event_list.py`.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

import anyio.to_thread

from eventlog.errors import BadArgument, DatabaseError, UnknownEvent
from eventlog.facts.personal import sealed_field
from eventlog.followers import checkpoints, subscription
from eventlog.followers import cursor as cursors
from eventlog.followers.cursor import CursorLike
from eventlog.followers.opening import Opening
from eventlog.journal import table as journal
from eventlog.journal.append import check_event_id, plain_argument
from eventlog.journal.nudge import Nudge
from eventlog.projections import event_list, face_results, persons, unclean_stops, unlock_actions
from eventlog.projections.event_list import EVERYTHING, Before, EventFilter
from eventlog.projections.unlock_actions import UnlockFilter
from eventlog.record import Record, StoredRecord
from eventlog.storage.background import Background
from eventlog.storage.connection_thread import ConnectionThread
from eventlog.storage.connections import connect_reader
from eventlog.storage.paths import absolute_path, require_path
from eventlog.store.door_reader import DoorReader
from eventlog.store.seals import find_seals, lookup_in

if TYPE_CHECKING:
    from eventlog.evidence.seals_file import SealsFile

T = TypeVar("T")
log = logging.getLogger("eventlog")

# Commits of other processes are noticed within this time, by one pragma that reads no page.
WATCH_S: Final = 0.05
TRY_AGAIN_S: Final = 5.0
DATA_VERSION: Final = "PRAGMA data_version"


class Reader(DoorReader):
    """A log, open for reading. Use `Reader.open`, and `async with` or `close`.

    It reads the read tables, so what was appended a moment ago may be missing until
    `EventStore.caught_up` returns. It belongs to the event loop that opened it.
    """

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

    # ── the read tables ────────────────────────────────────────────────────────────────────

    async def get_event(self, event_id: int) -> dict[str, Any] | None:
        """One event, from the read tables.

        Args:
            event_id: The event's id.

        Returns:
            All columns of `events`, and a list of the event's detections under "detections"; None
            if there is no such event.

        Raises:
            BadArgument: It is not an id.
            StoreClosed: The reader is closed.
            OpenedElsewhere: The reader was opened on another event loop or in another process.
            DatabaseError: The log can't be read.
        """
        row_id = _row_id(event_id)
        if row_id is None:
            return None
        found = event_list.nest(await self._fetch(event_list.one_event(row_id)))
        return found[0] if found else None

    async def events(
        self,
        wanted: EventFilter = EVERYTHING,
        *,
        before: Before | None = None,
        limit: int = 20,
        offset: int = 0,
    ) -> list[dict[str, Any]]:
        """A page of events, newest `listed_at` first, then the higher id.

        Args:
            wanted: Which events; all by default.
            before: The (listed_at, id) of the last event on the previous page. None, the default,
                begins with the newest.
            limit: How many at most; 20 by default.
            offset: How many to skip; 0 by default.

        Returns:
            Events as from `get_event`.

        Raises:
            BadArgument: A filter, `before` or a number is out of range.
            StoreClosed: The reader is closed.
            OpenedElsewhere: The reader was opened on another event loop or in another process.
            DatabaseError: The log can't be read.
        """
        packed = event_list.packed_events(wanted, before=before, limit=limit, offset=offset)
        try:
            ((text,),) = await self._fetch(packed)
        except DatabaseError:
            # A damaged value that JSON can't hold. If the disk failed, this query fails as well.
            plain = event_list.recent_events(wanted, before=before, limit=limit, offset=offset)
            return event_list.nest(await self._fetch(plain))
        return event_list.unpack(text)

    async def events_by_recorded_at(self, limit: int, offset: int) -> list[dict[str, Any]]:
        """A page of events, newest `recorded_at` first, even if the clock was wrong.

        Args:
            limit: How many at most.
            offset: How many to skip.

        Returns:
            Events as from `get_event`.

        Raises:
            BadArgument: A number is out of range.
            StoreClosed: The reader is closed.
            OpenedElsewhere: The reader was opened on another event loop or in another process.
            DatabaseError: The log can't be read.
        """
        found = event_list.nest(await self._fetch(event_list.by_recorded_at(limit, offset)))
        return sorted(found, key=lambda event: (event["recorded_at"], event["id"]), reverse=True)

    async def persons(self) -> list[dict[str, Any]]:
        """All persons, by name.

        Returns:
            The columns of `persons`.

        Raises:
            StoreClosed: The reader is closed.
            OpenedElsewhere: The reader was opened on another event loop or in another process.
            DatabaseError: The log can't be read.
        """
        return await self._named(persons.COLUMNS, persons.listed())

    async def face_results(self, event_id: int) -> list[dict[str, Any]]:
        """Every face result of an event, in the order of the journal.

        Args:
            event_id: The event's id.

        Returns:
            The columns of `face_results`; an empty list if there is no such event.

        Raises:
            BadArgument: It is not an id.
            StoreClosed: The reader is closed.
            OpenedElsewhere: The reader was opened on another event loop or in another process.
            DatabaseError: The log can't be read.
        """
        return await self._of_event(event_id, face_results.COLUMNS, face_results.of_event)

    async def unlock_actions(self, event_id: int) -> list[dict[str, Any]]:
        """Every unlock action of an event, refused ones too, in the order of the journal.

        Args:
            event_id: The event's id.

        Returns:
            The columns of `unlock_actions`; an empty list if there is no such event.

        Raises:
            BadArgument: It is not an id.
            StoreClosed: The reader is closed.
            OpenedElsewhere: The reader was opened on another event loop or in another process.
            DatabaseError: The log can't be read.
        """
        return await self._of_event(event_id, unlock_actions.COLUMNS, unlock_actions.of_event)

    async def unlocks(
        self,
        wanted: UnlockFilter | None = None,
        *,
        before: Before | None = None,
        limit: int = 20,
        offset: int = 0,
    ) -> list[dict[str, Any]]:
        """A page of unlock actions, the newest first.

        Args:
            wanted: Which actions; None, the default, means all.
            before: The (listed_at, id) of the last action on the previous page. None, the default,
                begins with the newest.
            limit: How many at most; 20 by default.
            offset: How many to leave out before; 0 by default.

        Returns:
            The columns of `unlock_actions`.

        Raises:
            BadArgument: A filter, `before` or a number is out of range.
            StoreClosed: The reader is closed.
            OpenedElsewhere: The reader was opened on another event loop or in another process.
            DatabaseError: The log can't be read.
        """
        query = unlock_actions.listed(
            UnlockFilter() if wanted is None else wanted, before=before, limit=limit, offset=offset
        )
        return await self._named(unlock_actions.COLUMNS, query)

    async def unclean_stops(self, limit: int = 20) -> list[dict[str, Any]]:
        """The starts that found that the recorder had not been closed, the newest first.

        Args:
            limit: How many at most; 20 by default.

        Returns:
            The columns of `unclean_stops`.

        Raises:
            BadArgument: The limit is out of range.
            StoreClosed: The reader is closed.
            OpenedElsewhere: The reader was opened on another event loop or in another process.
            DatabaseError: The log can't be read.
        """
        return await self._named(unclean_stops.COLUMNS, unclean_stops.latest(limit))

    async def checkpoints(self) -> dict[str, checkpoints.Checkpoint]:
        """How far each view has come.

        Returns:
            Under each view's name its version and the last position that it has applied.

        Raises:
            StoreClosed: The reader is closed.
            OpenedElsewhere: The reader was opened on another event loop or in another process.
            DatabaseError: The log can't be read.
        """
        return await self.run(checkpoints.read)

    # ── the journal ────────────────────────────────────────────────────────────────────────

    async def last_position(self) -> int:
        """The position at which the journal ends.

        Returns:
            The position of the newest record; 0 if there is none.

        Raises:
            StoreClosed: The reader is closed.
            OpenedElsewhere: The reader was opened on another event loop or in another process.
            DatabaseError: The log can't be read.
        """
        return await self.run(journal.last_position)

    async def story(self, event_id: int) -> list[StoredRecord]:
        """All records of one event as they are stored, in order.

        Args:
            event_id: The event's id.

        Returns:
            Rows of the journal; an empty list if there is no such event.

        Raises:
            BadArgument: It is not an id.
            StoreClosed: The reader is closed.
            OpenedElsewhere: The reader was opened on another event loop or in another process.
            DatabaseError: The log can't be read.
        """
        row_id = _row_id(event_id)
        if row_id is None:
            return []
        return await self.run(lambda connection: journal.read_event(connection, row_id))

    async def cursor(self) -> str:
        """The end of the journal as a cursor, from which `subscribe` continues.

        Returns:
            The text `position:hash`.

        Raises:
            StoreClosed: The reader is closed.
            OpenedElsewhere: The reader was opened on another event loop or in another process.
            DatabaseError: The log can't be read.
        """
        return str(cursors.at_head(await self.run(journal.head)))

    async def opened(self, records: Sequence[Record]) -> list[Record]:
        """Open the sealed names in records, as far as the keys open them.

        Args:
            records: What was decoded from the journal.

        Returns:
            The records, in their order. An erased name is "erased person".

        Raises:
            StoreClosed: The reader is closed.
            OpenedElsewhere: It was opened on another event loop or in another process.
            DatabaseError: The log can't be read.
        """
        if not any(sealed_field(record.fact) for record in records):
            return list(records)
        return await self.run(lambda connection: self.opening.opened(connection, records))

    def subscribe(self, *, after: CursorLike = 0) -> AsyncIterator[Record]:
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
            StoreClosed: The reader is closed.
            OpenedElsewhere: The reader was opened on another event loop or in another process.
            DatabaseError: The log can't be read.
        """
        return subscription.subscribe(self._worker, self.nudge, after=after, opening=self.opening)

    # ── inside ─────────────────────────────────────────────────────────────────────────────

    async def _of_event(
        self, event_id: int, columns: Sequence[str], query: Callable[[int], event_list.Query]
    ) -> list[dict[str, Any]]:
        row_id = _row_id(event_id)
        return [] if row_id is None else await self._named(columns, query(row_id))

    async def _named(self, columns: Sequence[str], query: event_list.Query) -> list[dict[str, Any]]:
        return [dict(zip(columns, row, strict=True)) for row in await self._fetch(query)]

    async def _fetch(self, query: event_list.Query) -> list[Any]:
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


def _row_id(event_id: int) -> int | None:
    """An id in the range of event ids, or else None. Raises BadArgument if it is not an int."""
    plain = plain_argument(event_id)
    try:
        check_event_id(plain)
    except UnknownEvent:
        return None
    if plain is None:
        raise BadArgument("an event id is an int, not NoneType")
    return plain
