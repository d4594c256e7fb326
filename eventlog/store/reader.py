"""Everything that can be asked of a log, over one read-only connection on its own thread.

Answers from the read tables, and from the journal where a story needs its facts. Watches for
commits of this and other processes and gives the hint that followers wait for. Writes nothing;
what a question means stands in the views' own files and in `event_list.py`.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from eventlog.errors import BadArgument, DatabaseError, UnknownEvent
from eventlog.followers import checkpoints, subscription
from eventlog.followers import cursor as cursors
from eventlog.followers.cursor import CursorLike
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

T = TypeVar("T")
log = logging.getLogger("eventlog")

# Commits of other processes are noticed within this time, by one pragma that reads no page.
WATCH_S: Final = 0.05
TRY_AGAIN_S: Final = 5.0
DATA_VERSION: Final = "PRAGMA data_version"


class Reader:
    """A log, open for reading. Use `Reader.open`, and `async with` or `close`."""

    def __init__(self, worker: ConnectionThread) -> None:
        self.nudge = Nudge()
        self._worker = worker
        self.watch = Background("the watch for commits", self._watch_commits)
        self.watch.start()

    @classmethod
    async def open(cls, db_path: str | Path) -> Self:
        """Open the log for reading. Raises BadArgument, and what `connect_reader` raises."""
        path = absolute_path(Path(require_path("db_path", db_path)))
        return cls(await ConnectionThread(path, partial(connect_reader, path)).start())

    async def close(self) -> None:
        """Stop watching, and close the connection."""
        await self.watch.stop()
        await self._worker.stop(sqlite3.Connection.close)

    def close_from_outside(self, *, wait: bool) -> None:
        """Close from any thread, when the loop that it was opened on runs no more."""
        if self.watch.task is not None:
            self._worker.owner.cancel(self.watch.task)
        self._worker.stop_from_outside(sqlite3.Connection.close, wait=wait)

    async def __aenter__(self) -> Self:
        """Nothing more: it is open."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.close()

    async def run(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """The answer of a function that reads, in one hop."""
        return await self._worker.run(function)

    # ── the read tables ────────────────────────────────────────────────────────────────────

    async def get_event(self, event_id: int) -> dict[str, Any] | None:
        """One event's columns, and its detections under "detections"; None when there is none."""
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
        """A page of events, newest `recorded_at` first; see `event_list.recent_events`."""
        packed = event_list.packed_events(wanted, before=before, limit=limit, offset=offset)
        try:
            ((text,),) = await self._fetch(packed)
        except DatabaseError:
            # Damage that no JSON can hold; what is wrong with the disk this is told as well.
            plain = event_list.recent_events(wanted, before=before, limit=limit, offset=offset)
            return event_list.nest(await self._fetch(plain))
        return event_list.unpack(text)

    async def persons(self) -> list[dict[str, Any]]:
        """All persons, by name."""
        return await self._rows(persons.COLUMNS, persons.listed())

    async def face_results(self, event_id: int) -> list[dict[str, Any]]:
        """Every face result of an event, in order."""
        row_id = _row_id(event_id)
        if row_id is None:
            return []
        return await self._rows(face_results.COLUMNS, face_results.of_event(row_id))

    async def unlock_actions(self, event_id: int) -> list[dict[str, Any]]:
        """Every unlock action of an event, refused ones too, in order."""
        row_id = _row_id(event_id)
        if row_id is None:
            return []
        return await self._rows(unlock_actions.COLUMNS, unlock_actions.of_event(row_id))

    async def unlocks(
        self,
        wanted: UnlockFilter | None = None,
        *,
        before: Before | None = None,
        limit: int = 20,
        offset: int = 0,
    ) -> list[dict[str, Any]]:
        """A page of unlock actions, newest first; see `unlock_actions.listed`."""
        query = unlock_actions.listed(
            UnlockFilter() if wanted is None else wanted, before=before, limit=limit, offset=offset
        )
        return await self._rows(unlock_actions.COLUMNS, query)

    async def unclean_stops(self, limit: int = 20) -> list[dict[str, Any]]:
        """When a start found that the recorder had not been closed, the newest first."""
        return await self._rows(unclean_stops.COLUMNS, unclean_stops.latest(limit))

    async def checkpoints(self) -> dict[str, checkpoints.Checkpoint]:
        """How far each view has come."""
        return await self.run(checkpoints.read)

    # ── the journal ────────────────────────────────────────────────────────────────────────

    async def last_position(self) -> int:
        """Where the journal ends; 0 where it is empty."""
        return await self.run(journal.last_position)

    async def story(self, event_id: int) -> list[StoredRecord]:
        """All records of one event as they are stored, in order."""
        row_id = _row_id(event_id)
        if row_id is None:
            return []
        return await self.run(lambda connection: journal.read_event(connection, row_id))

    async def cursor(self) -> str:
        """Where the journal ends, as `position:hash`: what `subscribe` takes to go on from here."""
        return str(cursors.at_head(await self.run(journal.head)))

    def subscribe(self, *, after: CursorLike = 0) -> AsyncIterator[Record]:
        """Records after a position or cursor, for ever; see `subscription.subscribe`."""
        return subscription.subscribe(self._worker, self.nudge, after=after)

    # ── inside ─────────────────────────────────────────────────────────────────────────────

    async def _rows(self, columns: Sequence[str], query: event_list.Query) -> list[dict[str, Any]]:
        return [dict(zip(columns, row, strict=True)) for row in await self._fetch(query)]

    async def _fetch(self, query: event_list.Query) -> list[Any]:
        return await self.run(lambda connection: connection.execute(*query).fetchall())

    async def _watch_commits(self) -> None:
        version = None
        while True:
            try:
                (now,) = await self._worker.run(lambda c: c.execute(DATA_VERSION).fetchone())
            except DatabaseError as error:
                # Followers look again at their own pace, and are told what is wrong themselves.
                log.warning("commits can't be watched: %s", error)
                await asyncio.sleep(TRY_AGAIN_S)
                continue
            self.watch.well()
            if now != version:
                version = now
                self.nudge.give()
            await asyncio.sleep(WATCH_S)


def _row_id(event_id: int) -> int | None:
    """The id that an event can have; None where none can. Raises BadArgument for what is no int."""
    plain = plain_argument(event_id)
    try:
        check_event_id(plain)
    except UnknownEvent:
        return None
    if plain is None:
        raise BadArgument("an event id is an int, not NoneType")
    return plain
