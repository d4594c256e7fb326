"""The machines of an open log and the tasks that drive them.

Opens the writer, the appender, the projector and the reader in their order, wires what each
tells the others, and closes them in the opposite one. Knows no contract of any caller.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

from eventlog import journal, schema
from eventlog.appender import Appender
from eventlog.appends import Append, prepare
from eventlog.errors import DatabaseError, JournalHole
from eventlog.facts import UncleanStop
from eventlog.head import BadHeadFile, HeadFile, read_head
from eventlog.nudge import Nudge
from eventlog.projector import Projector
from eventlog.reader import Reader
from eventlog.record import Receipt
from eventlog.writer import Writer

log = logging.getLogger("eventlog")

POLL_S: Final = 1.0


class Engine:
    """An open log. `written` is the last position that an append here was acknowledged at."""

    def __init__(self, writer: Writer, reader: Reader, head_file: HeadFile) -> None:
        self.reader = reader
        self.written = 0
        self._writer = writer
        self._head_file = head_file
        self._projected = 0
        self._progress = Nudge()
        self._trouble: DatabaseError | None = None
        self._appender = Appender(writer, head_file, self._on_commit)
        self._projector = Projector(writer, self._on_progress)
        self._follow: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, path: Path) -> Engine:
        """Make or open the log at `path` and follow it. Raises DatabaseError."""
        writer = Writer(path)
        lost = await writer.open(lambda connection: _prepare(connection, path))
        try:
            head_file = HeadFile(path)
            reader = await Reader.open(path)
        except BaseException:
            await writer.close()
            raise
        engine = cls(writer, reader, head_file)
        try:
            if lost is not None:
                await engine.append(prepare([lost]))
            await engine.carry_on()
        except BaseException:
            await engine.close()
            raise
        return engine

    async def carry_on(self) -> None:
        """Follow the journal from here on."""
        self._follow = asyncio.create_task(self._projector.run(self.reader.nudge, self._on_trouble))

    async def append(self, append: Append) -> Receipt:
        """The receipt of an append. Raises what `Appender.append` raises."""
        receipt = await self._appender.append(append)
        self.written = max(self.written, receipt.positions[-1])
        return receipt

    async def receipt(self, key: str) -> Receipt | None:
        """The receipt of the append that used the key, asked behind all that is queued."""
        return await self._writer.run(lambda connection: journal.find_append(connection, key))

    async def run(self, function: Callable[[sqlite3.Connection], None]) -> None:
        """Run a function inside the writer's lock."""
        await self._writer.run(function)

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
        self._appender.close()
        if self._follow is not None:
            self._follow.cancel()
            await asyncio.wait([self._follow])
            try:
                await self._projector.run_to_end()
            except DatabaseError:
                log.exception("the views could not be carried to the end; a later start does it")
        try:
            await self.reader.close()
        finally:
            await self._writer.close()
            self._head_file.close()

    def _on_commit(self, _position: int) -> None:
        self.reader.nudge.give()

    def _on_progress(self, position: int) -> None:
        self._projected = position
        self._trouble = None
        self._progress.give()

    def _on_trouble(self, error: DatabaseError) -> None:
        if self._trouble is None or type(self._trouble) is not type(error):
            level = logging.CRITICAL if isinstance(error, JournalHole) else logging.ERROR
            log.log(level, "the views can't be carried on: %s", error)
        self._trouble = error
        self._progress.give()


def _prepare(connection: sqlite3.Connection, path: Path) -> UncleanStop | None:
    """Make the log ready; what the head file says of records that are gone, as a fact."""
    schema.prepare(connection, path)
    try:
        mark = read_head(path)
    except BadHeadFile as error:
        log.warning("the head file of %s is damaged: %s; it is written anew", path, error)
        return None
    end = journal.head(connection).position
    if mark is None or mark.position <= end or mark.log_id != journal.log_id(connection):
        return None
    log.error("%s ends at %d, but its head file named %d", path, end, mark.position)
    return UncleanStop(journal_position=end, head_position=mark.position, head_hash=mark.hash)
