"""The projector: reads records after the checkpoint, applies them, moves the checkpoint.

A batch and its checkpoint are one transaction inside the writer's lock. So any number of processes
may run a projector, and each record is applied exactly once. `run_to_end` and `run` repeat
`run_once`.

Does not know what the views contain.
"""

from __future__ import annotations

import asyncio
import math
import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct

from eventlog.errors import DatabaseError, DiskFull, EventLogError, KeysMissing, LockTimeout
from eventlog.followers import checkpoints, fold
from eventlog.followers.checkpoints import Checkpoint
from eventlog.followers.opening import Opening
from eventlog.journal.nudge import Nudge
from eventlog.projections import VIEWS
from eventlog.projections.projection import Projection
from eventlog.storage.connections import transaction
from eventlog.storage.lock import AT_ONCE, TIMEOUT_S
from eventlog.storage.writer import Writer

# A batch of this many records holds the lock for about 10 ms on a fast machine.
BATCH: Final = 1000
# Under load the projector applies larger batches less often: a first record at once, the next batch
# this much later unless a reader waits.
PACE_S: Final = 0.05
# While appends go on, a batch is followed by a pause of this many times its duration, unless a
# reader waits: the projector takes an eleventh of the writer's time, or more where the pause would
# be longer than REST_MAX_S.
REST_FOR_WORK: Final = 10
REST_MAX_S: Final = 0.1
# Hints may be lost, so the journal is read at this interval without one.
POLL_S: Final = 1.0
# The pause before another try, after an error of the disk or a lock that was not free.
RETRY_S: Final = 1.0
# Where the lock is not free, it is tried again after a pause, which grows.
FIRST_PAUSE_S: Final = 0.002
LONGEST_PAUSE_S: Final = 0.05


class Reached(Struct, frozen=True):
    """The position that all views have reached, and whether that was the journal's end."""

    position: int
    at_end: bool


def project_batch(
    connection: sqlite3.Connection,
    views: Sequence[Projection] = VIEWS,
    *,
    limit: int = BATCH,
    opening: Opening | None = None,
) -> Reached:
    """Apply up to `limit` records to the views, in one transaction inside the writer's lock.

    Raises JournalHole, KeysMissing, DatabaseError for a view of a newer program, and SQLite's
    errors.
    """
    at = checked_checkpoints(connection, views)
    after = min(at[view.name].position for view in views)
    batch = fold.read(connection, after, limit, opening)
    if batch is None:
        return Reached(after, at_end=True)
    with transaction(connection):
        behind = {
            view: at[view.name].position for view in views if at[view.name].position < batch.last
        }
        for name, parked in fold.apply(connection, behind, batch).items():
            checkpoints.park(connection, name, parked)
            checkpoints.move(connection, name, at[name], batch.last)
    return Reached(batch.last, at_end=batch.last - after < limit)


def checked_checkpoints(
    connection: sqlite3.Connection, views: Sequence[Projection]
) -> dict[str, Checkpoint]:
    """The checkpoints of these views. Raises DatabaseError if one is not of our version."""
    at = checkpoints.read(connection)
    for view in views:
        state = checkpoints.version_state(at, view.name, view.version)
        if state == "missing":
            raise DatabaseError(f"the view {view.name} has no checkpoint: initialize the store")
        if state != "same":
            raise DatabaseError(
                f"the view {view.name} has version {at[view.name].version},"
                f" this program {view.version}: replay it"
            )
    return at


class Projector:
    """Follows the journal. `on_progress` gets the position that all views have reached."""

    def __init__(
        self,
        writer: Writer,
        on_progress: Callable[[int], None],
        *,
        views: Sequence[Projection] = VIEWS,
        opening: Opening | None = None,
    ) -> None:
        self._writer = writer
        self._on_progress = on_progress
        self._views = views
        self._opening = Opening() if opening is None else opening
        self._awaited = asyncio.Event()

    async def run_once(self, *, since: float | None = None) -> Reached:
        """Apply one batch. Raises what `project_batch` raises.

        The lock is waited for from `since` on; None is now, AT_ONCE does not wait.
        """
        reached = await self._writer.run(self._project, since=since)
        self._on_progress(reached.position)
        return reached

    def _project(self, connection: sqlite3.Connection) -> Reached:
        # Views can be computed from the journal again, so they need no sync.
        self._writer.set_durable(connection, durable=False)
        return project_batch(connection, self._views, opening=self._opening)

    async def run_to_end(self, *, within_s: float = math.inf) -> Reached:
        """Apply batches until the journal's end, or until the time is over; one at least."""
        until = time.monotonic() + within_s
        while not (reached := await self.run_once()).at_end and time.monotonic() < until:
            self._writer.look_soon()
        return reached

    async def run(
        self,
        nudge: Nudge,
        on_error: Callable[[EventLogError], None],
        *,
        may_run: Callable[[], bool] = lambda: True,
    ) -> None:
        """Follow the journal until cancelled: at once after a hint, else at a fixed interval.

        An error of the disk, or a name that can't be opened, is passed to `on_error`, and the
        batch is tried again. While `may_run` returns False, nothing is applied: the space on the
        disk is kept for appends.
        """
        while True:
            if not may_run():
                on_error(DiskFull("the views wait until the disk has room"))
                await asyncio.sleep(RETRY_S)
                continue
            seen = nudge.count
            started = time.monotonic()
            self._awaited.clear()
            try:
                reached = await self._run_without_waiting()
            except (DatabaseError, KeysMissing) as error:
                on_error(error)
                await asyncio.sleep(RETRY_S)
                continue
            await self._pause(reached, nudge, seen, started)

    async def _run_without_waiting(self) -> Reached:
        """Apply one batch when the lock is free; until then, appends can use the thread.

        Raises LockTimeout if it was not free for TIMEOUT_S.
        """
        give_up, pause_s = time.monotonic() + TIMEOUT_S, FIRST_PAUSE_S
        while True:
            try:
                return await self.run_once(since=AT_ONCE)
            except LockTimeout:
                if time.monotonic() >= give_up:
                    raise
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def stop_waiting(self) -> None:
        """Note that a reader waits: make no pause before the next batch."""
        self._awaited.set()

    async def _pause(self, reached: Reached, nudge: Nudge, seen: int, started: float) -> None:
        ended = time.monotonic()
        rested = ended + min((ended - started) * REST_FOR_WORK, REST_MAX_S)
        if reached.at_end:
            await nudge.wait(seen, timeout_s=POLL_S)
            await self._rest_until(max(started + PACE_S, rested))
            return
        self._writer.look_soon()
        if nudge.count != seen:  # appends go on
            await self._rest_until(rested)

    async def _rest_until(self, moment: float) -> None:
        pause_s = moment - time.monotonic()
        if pause_s <= 0:
            return
        try:
            async with asyncio.timeout(pause_s):
                await self._awaited.wait()
        except TimeoutError:
            return
