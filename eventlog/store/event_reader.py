"""The queries of a reader about events and persons, over the read tables.

The SQL is in the views' own files and in `event_list.py`. Knows no journal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from eventlog.errors import BadArgument, DatabaseError, UnknownEvent
from eventlog.journal.append import check_event_id, plain_argument
from eventlog.projections import event_list, face_results, persons, unclean_stops, unlock_actions
from eventlog.projections.event_list import EVERYTHING, Before, EventFilter, Query
from eventlog.projections.unlock_actions import UnlockFilter
from eventlog.store.read_connection import ReadConnection


class EventReader(ReadConnection):
    """The answers of a reader about events and persons. Use `Reader`, which has these methods."""

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
        row_id = row_id_of(event_id)
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

    async def _of_event(
        self, event_id: int, columns: Sequence[str], query: Callable[[int], Query]
    ) -> list[dict[str, Any]]:
        row_id = row_id_of(event_id)
        return [] if row_id is None else await self._named(columns, query(row_id))


def row_id_of(event_id: int) -> int | None:
    """An id in the range of event ids, or else None. Raises BadArgument if it is not an int."""
    plain = plain_argument(event_id)
    try:
        check_event_id(plain)
    except UnknownEvent:
        return None
    if plain is None:
        raise BadArgument("an event id is an int, not NoneType")
    return plain
