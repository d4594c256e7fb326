"""Reader: all queries of a log, over one read-only connection on its own thread.

It answers from the read tables (`event_reader.py`, `door_reader.py`) and from the journal. It
writes nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from eventlog.facts import sealed_field
from eventlog.followers import checkpoints, subscription
from eventlog.followers import cursor as cursors
from eventlog.followers.cursor import CursorLike
from eventlog.journal import table as journal
from eventlog.record import Record, StoredRecord
from eventlog.store.door_reader import DoorReader
from eventlog.store.event_reader import EventReader, row_id_of


class Reader(EventReader, DoorReader):
    """A log, open for reading. Use `Reader.open`, and `async with` or `close`.

    It reads the read tables, so what was appended a moment ago may be missing until
    `EventStore.caught_up` returns. It belongs to the event loop that opened it.
    """

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
        row_id = row_id_of(event_id)
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
