"""Keeps the parts of the process running: restarts one that fails, while the others continue.

    starting ──> running ──(raises, or returns)──> stopped ──(1, 2, 4 … 60 s)──> running
                    └──(10 minutes without an error)──> the wait begins at 1 s again

Only the change is recorded: `part_stopped` when a part goes down and once an hour while it stays
down, `part_back` when it has run for ten minutes again. Never once a restart.

Knows no part; a part is a function that runs until it is cancelled.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, Protocol

from msgspec import Struct

from eventlog.errors import EventLogError
from eventlog.facts import Fact, PartBack, PartStopped
from eventlog.record import Receipt
from eventlog.run.error_code import error_code, where
from eventlog.run.health import Board

log = logging.getLogger("eventlog")

FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 60.0
WELL_AFTER_S: Final = 600.0
TOLD_EVERY_S: Final = 3600.0
# A part that has not ended so long after its cancellation is cancelled again.
CANCEL_AGAIN_S: Final = 3.0


class Part(Struct, frozen=True):
    """A part: its name, what it depends on in the config, and what it does until it is cancelled.

    A part whose `settings` differ after a reload is stopped and started with the new ones.
    """

    name: str
    settings: object
    run: Callable[[], Awaitable[None]]


class Store(Protocol):
    """What the supervisor needs of a store."""

    async def append(self, *facts: Fact) -> Receipt:
        """Append facts."""


class Supervisor:
    """Runs parts. `told_down` names those that the journal already says are down, and since when.

    The times are seconds since 1970.
    """

    def __init__(
        self,
        store: Store,
        board: Board,
        *,
        told_down: dict[str, float] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._board = board
        self._told_down = dict(told_down or {})
        self._sleep = sleep
        self._wall = wall
        self._monotonic = monotonic
        self._parts: dict[str, Part] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @property
    def names(self) -> set[str]:
        """The parts that are kept running."""
        return set(self._tasks)

    async def keep(self, parts: Iterable[Part]) -> set[str]:
        """Run these parts and no others; what is unchanged runs on.

        Returns:
            The names of the parts that were stopped or started.
        """
        wanted = {part.name: part for part in parts}
        stale = {
            name
            for name, part in self._parts.items()
            if name not in wanted or wanted[name].settings != part.settings
        }
        await self._cancel(stale)
        for name in stale - wanted.keys():
            self._board.forget_part(name)
        new = wanted.keys() - self._parts.keys()
        for name in sorted(new):
            self._parts[name] = wanted[name]
            self._board.part(name, "starting")
            self._tasks[name] = asyncio.create_task(self._keep(wanted[name]), name=f"part {name}")
        return stale | new

    async def stop(self) -> None:
        """Stop all parts; returns when each has ended."""
        await self._cancel(set(self._parts))

    async def _cancel(self, names: Iterable[str]) -> None:
        tasks = [self._tasks.pop(name) for name in names]
        for name in names:
            del self._parts[name]
        pending = set(tasks)
        # Once is not enough: before Python 3.12 `asyncio.wait_for`, which libraries use, forgets a
        # cancellation that comes together with what it waits for.
        while pending:
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_S)
            for task in pending:
                log.warning("the %s has not ended and is cancelled again", task.get_name())

    async def _keep(self, part: Part) -> None:
        wait_s = FIRST_WAIT_S
        while True:
            started = self._monotonic()
            error = await self._run_once(part)
            if (task := asyncio.current_task()) is not None and task.cancelling():
                return  # it was told to stop, and something that it uses made an error of that
            if self._monotonic() - started >= WELL_AFTER_S:
                wait_s = FIRST_WAIT_S
            log.error(
                "the part %s stopped and starts again in %.0f s: %s", part.name, wait_s, error
            )
            await self._tell_stopped(part.name, error)
            await self._sleep(wait_s)
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)

    async def _run_once(self, part: Part) -> str:
        """Run a part until it fails; the answer is the error's class and code."""
        self._board.part(part.name, "running")
        well = asyncio.create_task(self._tell_back(part.name))
        try:
            await part.run()
        except EventLogError as error:
            # Our own sentence says what to do next; only its class is recorded.
            log.error("the part %s: %s", part.name, error)  # noqa: TRY400 - an expected error, not a bug
            said = error_code(error)
        except Exception as error:  # noqa: BLE001 - whatever a part raises, the others go on
            log.info("the part %s: %s", part.name, where(error))
            said = error_code(error)
        else:
            said = "ended"
        finally:
            well.cancel()
            await asyncio.wait([well])
        self._board.part(part.name, "stopped", error=said)
        return said

    async def _tell_stopped(self, name: str, error: str) -> None:
        now = self._wall()
        last = self._told_down.get(name)
        if last is not None and 0 <= now - last < TOLD_EVERY_S:
            return
        if await self._append(
            PartStopped(part=name, error=error, restarts=self._board.part_restarts(name))
        ):
            self._told_down[name] = now

    async def _tell_back(self, name: str) -> None:
        await self._sleep(WELL_AFTER_S)
        if name in self._told_down and await self._append(
            PartBack(part=name, restarts=self._board.part_restarts(name))
        ):
            del self._told_down[name]

    async def _append(self, fact: Fact) -> bool:
        try:
            await self._store.append(fact)
        except EventLogError as error:
            # The disk's own trouble is shown by the dashboard's health; the part goes on.
            log.warning("the state of a part is not recorded: %s", error)
            return False
        return True
