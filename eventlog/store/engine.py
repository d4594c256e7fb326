"""The parts of an open log: the writer, the group commit, the projector and the reader.

Opens them in order, connects what each reports to the others, and closes them in the opposite
order. Knows nothing of what callers of EventStore were promised.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

import anyio.to_thread

from eventlog.errors import (
    DatabaseError,
    DiskFull,
    EventLogError,
    JournalHole,
    KeyConflict,
    KeysMissing,
    StoreClosed,
)
from eventlog.followers.projector import Projector
from eventlog.journal import table as journal
from eventlog.journal.append import Append, prepare
from eventlog.journal.clock import MACHINE, Machine
from eventlog.journal.group_commit import GroupCommit
from eventlog.journal.nudge import Nudge
from eventlog.journal.sequencer import Answer
from eventlog.record import Author, Receipt
from eventlog.storage.background import Background
from eventlog.storage.reserve import Reserve
from eventlog.storage.writer import Writer
from eventlog.store import opening, startup
from eventlog.store.reader import Reader
from eventlog.store.seals import LogSeals
from eventlog.store.startup import Start

log = logging.getLogger("eventlog")

CLOSE_S: Final = 5.0
POLL_S: Final = 1.0
STARTUP: Final = Author("part", "startup")


class Engine:
    """An open log.

    `written` is the last position that an append here was acknowledged at, or that was there
    when the log was opened.
    """

    def __init__(
        self,
        writer: Writer,
        reader: Reader,
        start: Start,
        seals: LogSeals,
        machine: Machine = MACHINE,
    ) -> None:
        self.reader = reader
        self.written = start.end
        self._writer = writer
        self._start = start
        self.seals = seals
        self._projected = 0
        self._progress = Nudge()
        self._trouble: EventLogError | None = None
        self._reserve = Reserve(writer.path)
        self._group_commit = GroupCommit(
            writer,
            start.head_file,
            self._reserve,
            self._on_commit,
            machine=machine,
            sealer=seals,
        )
        self._projector = Projector(writer, self._on_progress, opening=seals.opening())
        self.follow = Background(
            "the projector", self._carry_on, on_failure=self._on_follow_failure
        )

    @classmethod
    async def start(
        cls, path: Path, machine: Machine = MACHINE, keys_dir: Path | None = None
    ) -> Engine:
        """Make or open the log at `path` and follow it. After an error nothing is left open.

        Raises DatabaseError, KeysMissing, BadArgument.
        """
        if keys_dir is not None:
            from eventlog.evidence.keys import require_apart  # noqa: PLC0415 - the core does not need the room

            require_apart(keys_dir, path)
        await anyio.to_thread.run_sync(opening.require_usable, path)
        writer = Writer(path)
        start, seals = await writer.open(partial(_prepare, path, machine, keys_dir))
        try:
            reader = await Reader.open(path)
        except BaseException:
            seals.close()
            start.close()
            await writer.close()
            raise
        reader.opening = seals.opening(required=False)
        engine = cls(writer, reader, start, seals, machine)
        try:
            await writer.run(lambda _: engine._reserve.keep())
            await engine._record_unclean_stops(start)
        except BaseException:
            await engine.close()
            raise
        engine._start_following()
        return engine

    def _start_following(self) -> None:
        self.follow.start()

    async def _carry_on(self) -> None:
        await self._projector.run(
            self.reader.nudge, self._on_trouble, may_run=self._reserve.restored
        )

    async def _record_unclean_stops(self, start: Start) -> None:
        """Put the unclean stops that were found into the journal, each once."""
        for key, fact in start.unclean.items():
            try:
                await self.append(prepare([fact], key=key, author=STARTUP))
            except KeyConflict:
                log.info("another start recorded the same unclean stop")
            except DiskFull as error:
                # The marks stay, so that a later start records them.
                log.warning("an unclean stop is not recorded yet: %s", error)
                return
        for mark in start.marks:
            mark.unlink(missing_ok=True)

    async def append(self, append: Append) -> Receipt:
        """The receipt of an append. Raises what `GroupCommit.append` raises."""
        return await self._group_commit.append(append)

    async def append_all(self, some: Sequence[Append]) -> list[Answer]:
        """The receipt of each append, or the error that it failed with, in one commit."""
        return await self._group_commit.append_all(some)

    async def receipt(self, key: str) -> Receipt | None:
        """The receipt of the append that used the key, after all appends that wait now.

        Its facts are on the disk then, also where that append was relaxed or was interrupted.
        """
        await self._group_commit.settled()
        return await self._writer.run(lambda connection: self._find_durably(connection, key))

    def _find_durably(self, connection: sqlite3.Connection, key: str) -> Receipt | None:
        receipt = journal.find_append(connection, key)
        if receipt is not None:
            self._writer.sync()
        return receipt

    @property
    def writer(self) -> Writer:
        """The only connection that writes, for a replay."""
        return self._writer

    async def caught_up(self, position: int) -> None:
        """Return when every view has come to `position`. Raises what keeps them from it."""
        while self._projected < position:
            seen = self._progress.count
            self._projector.stop_waiting()
            self.reader.nudge.give()
            await self._progress.wait(seen, timeout_s=POLL_S)
            if self._trouble is not None and self._projected < position:
                raise self._trouble

    async def close(self) -> None:
        """Write what waits, carry it into the views, and close everything.

        A stop must not wait for a long rebuild: after CLOSE_S the next start goes on with it.
        """
        try:
            await self._group_commit.close()
            if self.follow.task is not None:
                await self.follow.stop()
                if not (await self._projector.run_to_end(within_s=CLOSE_S)).at_end:
                    log.info("the views are behind the journal; the next start goes on there")
        except (DatabaseError, KeysMissing) as error:
            log.warning("a later start brings the views up to date: %s", error)
        finally:
            self._trouble = StoreClosed()
            self._progress.give()
            try:
                await self.reader.close()
            finally:
                try:
                    await self._writer.close()
                finally:
                    self.seals.close()
                    self._start.close()

    def close_from_outside(self, *, clean: bool) -> None:
        """Close from any thread, when the loop that it was opened on runs no more.

        What was acknowledged is in the journal, and what waits is written; the views are carried
        to the end by the next start.

        Args:
            clean: True waits for the end and takes the mark of an open log away. False, for a store
                that was dropped, waits for nothing and leaves the mark: the next start records an
                unclean stop.
        """
        self._group_commit.close_from_outside()
        if self.follow.task is not None:
            self._writer.worker.owner.cancel(self.follow.task)
        self.reader.close_from_outside(wait=clean)
        then = self._start.close if clean else self._start.drop

        def close() -> None:
            self.seals.close()
            then()

        self._writer.close_from_outside(close, wait=clean)

    def _on_commit(self, position: int) -> None:
        self.written = max(self.written, position)
        self.reader.nudge.give()

    def _on_progress(self, position: int) -> None:
        self._projected = position
        self._trouble = None
        self.follow.well()
        self._progress.give()

    def _on_follow_failure(self, error: BaseException) -> None:
        self._trouble = DatabaseError(f"the projector failed: {type(error).__name__}")
        self._progress.give()

    def _on_trouble(self, error: EventLogError) -> None:
        if self._trouble is None or type(self._trouble) is not type(error):
            level = logging.CRITICAL if isinstance(error, JournalHole) else logging.ERROR
            log.log(level, "the views can't be updated: %s", error)
        self._trouble = error
        self._progress.give()


def _prepare(
    path: Path, machine: Machine, keys_dir: Path | None, connection: sqlite3.Connection
) -> tuple[Start, LogSeals]:
    start = startup.find(connection, path, machine, keys_dir)
    try:
        return start, LogSeals.find(path, keys_dir, machine, connection)
    except BaseException:
        start.close()
        raise
