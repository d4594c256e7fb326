"""Yields the records after a position: first those that are stored, then new ones.

Reads a batch at a time, then waits for hints. Every position is yielded once and in order; a hole
is an error. Knows no view and no writer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Final

from eventlog import codecs
from eventlog.errors import JournalHole
from eventlog.facts import sealed_field
from eventlog.followers import cursor as cursors
from eventlog.followers.cursor import CursorLike
from eventlog.followers.opening import Opening
from eventlog.journal import table as journal
from eventlog.journal.nudge import Nudge
from eventlog.record import Record
from eventlog.storage.connection_thread import ConnectionThread

BATCH: Final = 500
POLL_S: Final = 1.0


async def subscribe(
    reader: ConnectionThread, nudge: Nudge, *, after: CursorLike, opening: Opening
) -> AsyncIterator[Record]:
    """Yield the records after a cursor, first the stored ones, then new ones; it never ends.

    Args:
        reader: The thread of a read-only connection.
        nudge: Gives the hint that something was committed.
        after: A position, or `position:hash` (see `Record.cursor`), which also proves that the
            journal is still the one that the consumer has read. 0 is the beginning.
        opening: Opens sealed names, as far as it can.

    Raises:
        BadArgument: `after` is not a cursor.
        OtherHistory: The journal has another record at that position.
        PastHead: The journal ends before that position.
        BadRecord: A record can't be read. To go on, subscribe again after its position.
        JournalHole: A record is missing.
    """
    start_at = cursors.parse(after)
    await reader.run(partial(cursors.require_known, cursor=start_at))
    after = start_at.position
    while True:
        seen = nudge.count
        start = after
        rows = await reader.run(lambda c, start=start: journal.read_after(c, start, BATCH))  # type: ignore[misc]  # mypy can't infer a lambda with a default
        for row in rows:
            if row.position != after + 1:
                raise JournalHole(after + 1, row.position)
            record = codecs.decode_record(row)
            if sealed_field(record.fact):
                await reader.run(opening.refresh)
                record = opening.open(record)
            after = row.position
            yield record
        if not rows:
            await nudge.wait(seen, timeout_s=POLL_S)
