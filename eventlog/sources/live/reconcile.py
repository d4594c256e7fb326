"""Compares a source's own history with the journal, and appends what is missing.

Asked at a start, after each connect, when the source was just heard of, and every so often; each
time from a little before the last good moment. History and messages make the same keys, so overlap
costs nothing.

The first start of a source reaches back as far as its owner says, and no later one reaches further.
`source_silent` with the reason "first_start" goes before what comes so, and `source_back` after it:
no alert is sent for it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from eventlog.facts import FIRST_START, SourceBack, SourceSilent
from eventlog.sources.feed import Tally
from eventlog.sources.keys import Store
from eventlog.sources.live.report import Report

log = logging.getLogger("eventlog")

OVERLAP_S: Final = 3600.0
TICK_S: Final = 1.0
# What was just heard of is asked for after a moment, in which the source finishes its picture.
SOON_S: Final = 5.0

# From a moment in unix seconds to what became of everything since then.
Ask = Callable[[float], Awaitable[Tally]]


class Known(Struct, frozen=True, kw_only=True):
    """What the journal knows of a source at a start, in unix seconds.

    `last_good` is when its newest record was appended, None if it has none. `started_at` is when
    its first start began, None before that, and `unfinished` whether that did not come to its end.
    """

    last_good: float | None = None
    started_at: float | None = None
    unfinished: bool = False


class Reconciler:
    """The loop of one source."""

    def __init__(
        self,
        source: str,
        ask: Ask,
        store: Store,
        report: Report,
        known: Known,
        *,
        every_s: float,
        history_s: float,
        heard: Callable[[], tuple[int, int]] = lambda: (0, 0),
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Touch nothing yet.

        Args:
            source: what the config calls it.
            ask: feeds what happened since a moment, and says what became of it.
            store: where the marks of a first start go.
            report: Gets what was found.
            known: what the journal knows of it.
            every_s: the pause between two questions while nothing happens.
            history_s: how far a first start reaches back.
            heard: how often it was connected, and how many messages came by now.
            wall: the wall time in unix seconds.
        """
        self._source = source
        self._ask = ask
        self._store = store
        self._report = report
        self._last_good = known.last_good
        self._started_at = known.started_at
        # A log from before the marks of a first start has records and no mark.
        self._is_first = known.unfinished or (
            known.started_at is None and (history_s > 0 or known.last_good is None)
        )
        self._every_s = every_s
        self._history_s = history_s
        self._heard = heard
        self._wall = wall

    async def run(self) -> None:
        """Ask forever. Raises what asking raises, and DatabaseError."""
        while True:
            heard = self._heard()
            await self.once()
            await self._pause(heard)

    async def once(self) -> None:
        """Ask for all that is not known yet."""
        if self._is_first:
            await self._first()
            self._is_first = False
            return
        asked_at = self._wall()
        since = self._earliest()
        if self._last_good is not None:
            since = max(since, self._last_good - OVERLAP_S)
        tally = await self._ask(since)
        self._report.reconciled(self._source, tally, late=tally.events)
        self._last_good = max(self._last_good or 0.0, asked_at)

    def _earliest(self) -> float:
        """What happened before is never asked for: no start reaches back further than the first."""
        return 0.0 if self._started_at is None else max(0.0, self._started_at - self._history_s)

    async def _first(self) -> None:
        asked_at = self._wall()
        if self._started_at is None:
            since = datetime.fromtimestamp(asked_at, UTC)
            await self._store.append(
                SourceSilent(source=self._source, since=since, reason=FIRST_START)
            )
            self._started_at = asked_at
        tally = Tally()
        if self._history_s > 0:
            tally = await self._ask(self._earliest())
            self._report.reconciled(self._source, tally, late=tally.events)
        await self._store.append(
            SourceBack(
                source=self._source,
                until=datetime.fromtimestamp(self._wall(), UTC),
                reconciled=tally.facts,
                late=tally.events,
            )
        )
        self._last_good = asked_at

    async def _pause(self, heard: tuple[int, int]) -> None:
        """Wait until it is time, until it was connected again, or until something was heard."""
        waited = 0.0
        while waited < self._every_s:
            await asyncio.sleep(TICK_S)
            waited += TICK_S
            connects, messages = self._heard()
            if connects != heard[0]:
                return
            if messages != heard[1] and waited >= SOON_S:
                return
