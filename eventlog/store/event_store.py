"""EventStore: the class that a program calls, over the journal, the views and the thumbnails.

It connects the parts and has no logic of its own: `journal/append.py` checks an append,
`open_log.py` opens and closes, `engine.py` writes and projects, `reader.py` runs queries, and
`compat/pipeline.py` has the methods of today's pipeline. It reads no environment variables.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import anyio.to_thread

from eventlog.errors import BadNote, DatabaseError
from eventlog.facts import Fact
from eventlog.followers import cursor as cursors
from eventlog.followers.cursor import CursorLike
from eventlog.followers.replay import Replay, Replayed, family
from eventlog.journal import append as appends
from eventlog.journal.append import Durability
from eventlog.record import Author, Receipt, Record
from eventlog.storage.paths import heads_path
from eventlog.store import bulk
from eventlog.store.compat.pipeline import PipelineStore
from eventlog.store.engine import Engine
from eventlog.store.reader import Reader

log = logging.getLogger("eventlog")

# The interval at which the state of the outside heads is read: nothing reports a change.
_LOOK_S: Final = 0.1


class EventStore(PipelineStore):
    """The log of a door, open for writing and reading.

    Between `initialize()` and `close()`, or inside `async with`, appends are applied to the read
    tables as they come. A store belongs to the event loop that opened it; `close()` works from
    anywhere.

    Attributes: `db_path` (a str) and `thumbnails_dir` (a Path), which become absolute when the
    store is opened, and `db`.
    """

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

    # ── reading ────────────────────────────────────────────────────────────────────────────

    @property
    def reader(self) -> Reader:
        """The reader of this store, for all other queries.

        Raises:
            StoreClosed: The store is not open.
            OpenedElsewhere: The store was opened on another event loop or in another process.
        """
        return self._engine.reader

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


def engine_of(store: EventStore) -> Engine:
    """The engine of an open store, for parts of `eventlog run`. Raises StoreClosed."""
    return store._engine  # noqa: SLF001 - the same file
