"""The machines of an open log and the tasks that drive them.

Opens the writer, the appender, the projector and the reader in their order, wires what each
tells the others, and closes them in the opposite one. Knows no contract of any caller.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import anyio.to_thread

from eventlog import journal, schema, wal
from eventlog.appender import Appender
from eventlog.appends import Append, prepare
from eventlog.database import wal_path
from eventlog.errors import (
    DatabaseError,
    DiskFull,
    EventLogError,
    JournalHole,
    KeyConflict,
    StoreClosed,
)
from eventlog.facts import UncleanStop
from eventlog.head import BadHeadFile, HeadFile, HeadMark, head_path, read_head
from eventlog.nudge import Nudge
from eventlog.presence import Presence, identity, left_behind
from eventlog.projector import Projector
from eventlog.reader import Reader
from eventlog.record import Head, Receipt
from eventlog.reserve import Reserve
from eventlog.tail import known_mark
from eventlog.writer import Writer

log = logging.getLogger("eventlog")

POLL_S: Final = 1.0


class Engine:
    """An open log.

    `written` is the last position that an append here was acknowledged at, or that was there
    when the log was opened.
    """

    def __init__(self, writer: Writer, reader: Reader, start: _Start) -> None:
        self.reader = reader
        self.written = start.end
        self._writer = writer
        self._start = start
        self._projected = 0
        self._progress = Nudge()
        self._trouble: EventLogError | None = None
        self._reserve = Reserve(writer.path)
        self._appender = Appender(writer, start.head_file, self._reserve, self._on_commit)
        self._projector = Projector(writer, self._on_progress)
        self._follow: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, path: Path) -> Engine:
        """Make or open the log at `path` and follow it; wholly, or nothing is left open.

        Raises DatabaseError.
        """
        await anyio.to_thread.run_sync(schema.insist_usable, path)
        writer = Writer(path)
        start = await writer.open(lambda connection: _prepare(connection, path))
        try:
            reader = await Reader.open(path)
        except BaseException:
            start.close()
            await writer.close()
            raise
        engine = cls(writer, reader, start)
        try:
            await writer.run(lambda _: engine._reserve.keep())
            await engine._tell(start)
        except BaseException:
            await engine.close()
            raise
        engine._start_following()
        return engine

    def _start_following(self) -> None:
        self._follow = asyncio.create_task(
            self._projector.run(self.reader.nudge, self._on_trouble, may_run=self._reserve.restored)
        )
        self._follow.add_done_callback(self._on_follow_end)

    async def _tell(self, start: _Start) -> None:
        """Put the unclean stops that were found into the journal, each once."""
        for key, fact in start.unclean.items():
            try:
                await self.append(prepare([fact], key=key))
            except KeyConflict:
                log.info("another start told of the same unclean stop")
            except DiskFull as error:
                # The marks stay, so that a start with room tells of them.
                log.warning("an unclean stop is not told of yet: %s", error)
                return
        for mark in start.marks:
            mark.unlink(missing_ok=True)

    async def append(self, append: Append) -> Receipt:
        """The receipt of an append. Raises what `Appender.append` raises."""
        return await self._appender.append(append)

    async def append_all(self, some: Sequence[Append]) -> list[Receipt]:
        """The receipts of many appends, in one commit. Raises the first error of one of them."""
        receipts = []
        for answer in await self._appender.append_all(some):
            if isinstance(answer, BaseException):
                raise answer
            receipts.append(answer)
        return receipts

    async def receipt(self, key: str) -> Receipt | None:
        """The receipt of the append that used the key, asked behind all that wait.

        What it tells of is on the disk, also where that append was relaxed or failed half-way.
        """
        await self._appender.settled()
        return await self._writer.run(lambda connection: self._find_durably(connection, key))

    def _find_durably(self, connection: sqlite3.Connection, key: str) -> Receipt | None:
        receipt = journal.find_append(connection, key)
        if receipt is not None:
            wal.sync(wal_path(self._writer.path))
        return receipt

    @property
    def writer(self) -> Writer:
        """The one way to write, for a replay."""
        return self._writer

    async def caught_up(self, position: int) -> None:
        """Return when every view has come to `position`. Raises what keeps them from it."""
        while self._projected < position:
            seen = self._progress.count
            self._projector.hurry()
            self.reader.nudge.give()
            await self._progress.wait(seen, timeout_s=POLL_S)
            if self._trouble is not None and self._projected < position:
                raise self._trouble

    async def close(self) -> None:
        """Write what waits, carry it into the views, and close everything."""
        try:
            await self._appender.close()
            if self._follow is not None:
                self._follow.cancel()
                await asyncio.wait([self._follow])
                await self._projector.run_to_end()
        except DatabaseError as error:
            log.warning("the views are carried to the end by a later start: %s", error)
        finally:
            self._trouble = StoreClosed()
            self._progress.give()
            try:
                await self.reader.close()
            finally:
                try:
                    await self._writer.close()
                finally:
                    self._start.close()

    def _on_commit(self, position: int) -> None:
        self.written = max(self.written, position)
        self.reader.nudge.give()

    def _on_progress(self, position: int) -> None:
        self._projected = position
        self._trouble = None
        self._progress.give()

    def _on_follow_end(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.critical("the projector died", exc_info=error)
            self._trouble = DatabaseError(f"the projector died: {type(error).__name__}")
            self._progress.give()

    def _on_trouble(self, error: DatabaseError) -> None:
        if self._trouble is None or type(self._trouble) is not type(error):
            level = logging.CRITICAL if isinstance(error, JournalHole) else logging.ERROR
            log.log(level, "the views can't be carried on: %s", error)
        self._trouble = error
        self._progress.give()


class _Start(NamedTuple):
    """What a start finds: its own files, the marks of those that died, and what to tell of them."""

    end: int
    head_file: HeadFile
    presence: Presence
    marks: list[Path]
    unclean: dict[str, UncleanStop]

    def close(self) -> None:
        """Close the head file and take the mark away."""
        self.head_file.close()
        try:
            self.presence.leave()
        except OSError as error:
            # The next start takes this stop for an unclean one, which loses nothing.
            log.warning("the mark of an open store can't be taken away: %s", error.strerror)
            self.presence.drop()


def _prepare(connection: sqlite3.Connection, path: Path) -> _Start:
    schema.prepare(connection, path)
    marks = left_behind(path)
    end = journal.head(connection)
    astray = _head_astray(connection, path, end.position)
    stop = astray or UncleanStop(journal_position=end.position)
    unclean = {f"unclean:{identity(mark)}": stop for mark in marks}
    if astray is not None and not marks:
        unclean[f"unclean:{astray.head_position}:{end.position}"] = astray
    if marks:
        log.warning("%s was not closed; its journal ends at %d", path, end.position)
    presence = Presence(path)
    try:
        head_file = HeadFile(path)
        if astray is None:
            _write_head(head_file, connection, path, end)
    except BaseException:
        presence.leave()
        raise
    return _Start(end.position, head_file, presence, marks, unclean)


def _write_head(head_file: HeadFile, connection: sqlite3.Connection, path: Path, end: Head) -> None:
    """A log that came without a head file, or with an older one, has one from here on."""
    log_id = journal.log_id(connection)
    mark = known_mark(path, log_id)
    if mark is None or mark.position < end.position:
        durable = end.position if mark is None else mark.durable_position
        head_file.write(HeadMark(log_id, end.position, durable, end.hash))


def _head_astray(connection: sqlite3.Connection, path: Path, end: int) -> UncleanStop | None:
    """What the head file says that the journal does not, as a fact; the file is kept aside.

    A head beyond the journal's end, of another log, or of another record at its position.
    """
    try:
        mark = read_head(path)
    except BadHeadFile as error:
        log.warning("the head file of %s is damaged: %s; it is kept aside", path, error)
        _keep_aside(path)
        return None
    if mark is None:
        return None
    row = journal.read_one(connection, mark.position)
    same_log = mark.log_id == journal.log_id(connection)
    if same_log and (mark.position == 0 or (row is not None and row.hash == mark.hash)):
        return None
    log.error("%s ends at %d; its head file names another %d", path, end, mark.position)
    _keep_aside(path)
    return UncleanStop(
        journal_position=end, head_position=max(mark.position, 0), head_hash=mark.hash
    )


def _keep_aside(path: Path) -> None:
    """Keep what a head file says that `verify` could have told of."""
    head_path(path).replace(head_path(path).with_name(head_path(path).name + ".old"))
