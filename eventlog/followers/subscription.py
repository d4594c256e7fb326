"""Records after a position: those that are stored, then those that come.

Catches up a batch at a time, then follows hints; every position is yielded once and in order.
A hole is an alarm. Knows nothing of views or of who writes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from eventlog import codecs
from eventlog.errors import BadArgument, JournalHole
from eventlog.journal import table as journal
from eventlog.journal.nudge import Nudge
from eventlog.record import Record
from eventlog.storage.connection_thread import ConnectionThread

BATCH: Final = 500
POLL_S: Final = 1.0


def require_position(position: int) -> None:
    """Raise BadArgument for what is no position of a record, and not 0."""
    if type(position) is not int or not 0 <= position < 2**63:
        raise BadArgument("a position is a whole number, 0 to 2**63 - 1")


async def subscribe(reader: ConnectionThread, nudge: Nudge, *, after: int) -> AsyncIterator[Record]:
    """Records after a position, for ever.

    Raises BadArgument for what is no position, JournalHole, and BadRecord for a record that
    can't be read: a caller that wants to go on subscribes again after its position.
    """
    require_position(after)
    while True:
        seen = nudge.count
        start = after
        rows = await reader.run(lambda c, start=start: journal.read_after(c, start, BATCH))  # type: ignore[misc]  # mypy can't infer a lambda with a default
        for row in rows:
            if row.position != after + 1:
                raise JournalHole(after + 1, row.position)
            record = codecs.decode_record(row)
            after = row.position
            yield record
        if not rows:
            await nudge.wait(seen, timeout_s=POLL_S)
