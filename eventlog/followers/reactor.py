"""Passes records to a reactor, which acts on the outside world, and stores its checkpoint.

A reactor gets every record of the journal, in order and without a hole, and returns the position up
to which nothing is left to do. That position is its checkpoint, a row in the table `checkpoints`.
After a stop, the records after the checkpoint come again. So facts in the journal must decide what
a reactor does; the checkpoint only saves work.

Does not know what a reactor does. Never part of a replay.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, TypeAlias, TypeVar

from eventlog.followers import checkpoints, fold
from eventlog.followers.checkpoints import Checkpoint
from eventlog.journal import table as journal
from eventlog.journal.nudge import Nudge
from eventlog.record import Record
from eventlog.storage.connections import transaction
from eventlog.storage.writer import Writer

T = TypeVar("T")
log = logging.getLogger("eventlog")

BATCH: Final = 500
# A reactor that waits for a time is called at this pace while no record comes.
POLL_S: Final = 1.0

# Takes the next records, none if only time has passed, and returns the last position up to which
# nothing is left to do.
Act: TypeAlias = Callable[[Sequence[Record]], Awaitable[int]]


class Reading(Protocol):
    """What a reactor needs of the log's reader."""

    nudge: Nudge

    async def run(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """The answer of a function that reads."""


class Reactor:
    """Follows the journal for one reactor.

    `position` is the last record that the reactor got, `settled` the checkpoint, `unread` the
    number of records that could not be read and were skipped.
    """

    def __init__(
        self, name: str, writer: Writer, reading: Reading, act: Act, *, version: int = 1
    ) -> None:
        """Store the arguments.

        Args:
            name: The name of the checkpoint; a word without spaces.
            writer: moves the checkpoint.
            reading: reads the journal, and says when there is more of it.
            act: the reactor itself.
            version: a checkpoint of another version is not used; the reactor begins at 0.
        """
        self.name = name
        self.position = 0
        self.settled = 0
        self.unread = 0
        self._writer = writer
        self._reading = reading
        self._act = act
        self._version = version
        self._opened = False

    async def open(self) -> None:
        """Go to the checkpoint, and make it if there is none. Raises DatabaseError."""
        self.position = self.settled = await self._writer.run(self._start)
        self._opened = True

    async def run_once(self) -> bool:
        """Pass the next batch, or an empty one at the end of the journal.

        Returns:
            Whether there was a record.

        Raises:
            JournalHole, DatabaseError, CheckpointMoved where another process runs this reactor,
            and what the reactor itself raises.
        """
        if not self._opened:
            await self.open()
        after = self.position
        batch = await self._reading.run(lambda connection: fold.read(connection, after, BATCH))
        records: list[Record] = []
        if batch is not None:
            for position, reason in batch.unread:
                log.warning("%s passes over record %d: %s", self.name, position, reason)
            self.unread += len(batch.unread)
            records = [record for run in batch.runs for record in run]
        settled = await self._act(records)
        if batch is not None:
            self.position = batch.last
        await self._settle(min(settled, self.position))
        return batch is not None

    async def run_to_end(self) -> None:
        """Pass all records of the journal. Raises what `run_once` raises."""
        while await self.run_once():
            pass

    async def run(self) -> None:
        """Follow until cancelled. Raises what `run_once` raises; a later `run` continues there."""
        while True:
            seen = self._reading.nudge.count
            if not await self.run_once():
                await self._reading.nudge.wait(seen, timeout_s=POLL_S)

    async def _settle(self, settled: int) -> None:
        if settled <= self.settled:
            return
        at = Checkpoint(self._version, self.settled)

        def move(connection: sqlite3.Connection) -> None:
            self._writer.set_durable(connection, durable=False)
            with transaction(connection):
                checkpoints.move(connection, checkpoints.REACTOR + self.name, at, settled)

        await self._writer.run(move)
        self.settled = settled

    def _start(self, connection: sqlite3.Connection) -> int:
        """The stored position, or 0 if it is of another version or of a longer journal."""
        at = checkpoints.read_reactor(connection, self.name)
        end = journal.last_position(connection)
        if at is not None and at.version == self._version and at.position <= end:
            return at.position
        if at is not None:
            log.warning(
                "%s begins at record 1: its checkpoint is not of this journal or version", self.name
            )
        self._writer.set_durable(connection, durable=False)
        with transaction(connection):
            checkpoints.reset(connection, checkpoints.REACTOR + self.name, self._version)
        return 0
