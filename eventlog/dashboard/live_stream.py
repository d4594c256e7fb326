"""The live stream: every record as a server-sent event, with its cursor as the id.

One task reads the journal for all who listen and keeps the newest frames; a listener that is
further behind reads the journal itself. So a position is sent once and in order, wherever a
listener resumes, and many listeners cost one read. Knows no request.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any, Final, Self

import msgspec

from eventlog import codecs
from eventlog.dashboard.local_time import with_offset
from eventlog.errors import OtherHistory
from eventlog.followers import cursor as cursors
from eventlog.followers.cursor import Cursor
from eventlog.journal import table as journal
from eventlog.journal.nudge import Nudge
from eventlog.projections import story
from eventlog.projections.times import shown_us
from eventlog.record import Record, StoredRecord
from eventlog.storage.background import Background
from eventlog.store.reader import Reader

BATCH: Final = 200
KEPT: Final = 2_000  # frames in memory
POLL_S: Final = 1.0
REST_S: Final = 0.05  # between two reads, so that a busy journal is read in batches
RETRY: Final = b"retry: 2000\n\n"
HEARTBEAT: Final = b": heartbeat\n\n"
SIGNED_OUT: Final = b"event: signed-out\ndata: {}\n\n"


def plain_record(stored: StoredRecord) -> dict[str, Any]:
    """A record as JSON has it: ids as decimal text, times with their offset."""
    record = story.read(stored)
    appended_at = shown_us(stored.appended_at)
    plain: dict[str, Any] = {
        "position": str(stored.position),
        "event_id": None if stored.event_id is None else str(stored.event_id),
        "kind": stored.kind,
        "appended_at": None if appended_at is None else with_offset(appended_at),
    }
    if isinstance(record, Record):
        plain["fact"] = codecs.to_builtins(record.fact)
        plain["text"] = story.text_of(record.fact)
    else:
        plain["unreadable"] = record.reason
    return plain


def frame(stored: StoredRecord) -> bytes:
    """A record as a server-sent event."""
    data = msgspec.json.encode(plain_record(stored))
    cursor = str(cursors.of_row(stored)).encode()
    return b"id: %b\nevent: record\ndata: %b\n\n" % (cursor, data)


def reset(head: Cursor) -> bytes:
    """Inform a listener that what it saw is not in this journal; the stream goes to its end."""
    place = (str(head).encode(), head.position)
    return b'id: %b\nevent: reset\ndata: {"position":"%d"}\n\n' % place


class Broadcast:
    """Frames for all listeners; follows the journal inside `async with`."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._frames: deque[tuple[int, bytes]] = deque(maxlen=KEPT)
        self._last = 0
        self._more = Nudge()
        self._closing = False
        self._era = 0  # of the listeners: those of an earlier one are ended
        self._asked = 0  # how often it was asked to look whether listeners may continue
        self.background = Background(
            "the live stream", self._follow, on_failure=lambda _: self._end_listeners()
        )

    async def __aenter__(self) -> Self:
        """Begin at the journal's end."""
        self._last = await self._reader.last_position()
        self.background.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """End every stream and stop."""
        self.close()
        await self.background.stop()

    @property
    def last(self) -> int:
        """The last position that was read."""
        return self._last

    def close(self) -> None:
        """End every stream: listeners come back elsewhere or later."""
        self._closing = True
        self._more.give()

    def recheck(self) -> None:
        """Ask every listener at once whether it may continue: a session or a token has ended."""
        self._asked += 1
        self._more.give()

    def _end_listeners(self) -> None:
        """End the streams that are open, so that their clients come back."""
        self._era += 1
        self._more.give()

    async def listen(
        self,
        after: Cursor | None,
        *,
        may_continue: Callable[[], Awaitable[bool]],
        heartbeat_s: float,
    ) -> AsyncIterator[bytes]:
        """Frames after a cursor, None being the journal's end, until `close`.

        A cursor past the end or of another history is answered by a reset. `may_continue` is asked
        at each heartbeat and after `recheck`; a no ends the stream and says so, before anything
        more is sent. When the journal can't be followed the stream ends, to be resumed.
        """
        head = cursors.at_head(await self._reader.run(journal.head))
        position = head.position if after is None else after.position
        yield RETRY
        if after is not None:
            try:
                await self._reader.run(partial(cursors.require_known, cursor=after))
            except OtherHistory:
                position = head.position
                yield reset(head)
        loop = asyncio.get_running_loop()
        due = loop.time() + heartbeat_s
        era, asked = self._era, self._asked
        while not self._closing and era == self._era:
            seen = self._more.count
            if asked != self._asked:
                asked = self._asked
                if not await may_continue():
                    yield SIGNED_OUT
                    return
            found = await self._after(position)
            if found:
                position = found[-1][0]
                yield b"".join(data for _, data in found)
            if loop.time() >= due:
                if not await may_continue():
                    yield SIGNED_OUT
                    return
                yield HEARTBEAT
                due = loop.time() + heartbeat_s
            if not found:
                await self._more.wait(seen, timeout_s=max(0.0, due - loop.time()))

    async def _after(self, position: int) -> list[tuple[int, bytes]]:
        """The next frames after a position: from memory where they are, else from the journal."""
        if self._frames and self._frames[0][0] <= position + 1:
            newer = self._last - position
            kept = len(self._frames)
            return [self._frames[n] for n in range(kept - newer, kept)] if newer > 0 else []
        if position >= self._last:
            return []
        stored = await self._read(position)
        return [(row.position, frame(row)) for row in stored if row.position <= self._last]

    async def _read(self, after: int) -> list[StoredRecord]:
        return await self._reader.run(lambda c: journal.read_after(c, after, BATCH))

    async def _follow(self) -> None:
        nudge = self._reader.nudge
        while True:
            seen = nudge.count
            stored = await self._read(self._last)
            self.background.well()
            for row in stored:
                self._frames.append((row.position, frame(row)))
                self._last = row.position
            if stored:
                self._more.give()
                await asyncio.sleep(REST_S)
            else:
                await nudge.wait(seen, timeout_s=POLL_S)
