"""Records when a source falls silent and when it is back."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from eventlog.facts import Fact, SourceBack, SourceSilent
from eventlog.run.author import Signed
from eventlog.run.health import Board, SourceHealth
from eventlog.sources.live.life import Life

log = logging.getLogger("eventlog")

LOOK_EVERY_S: Final = 1.0


class Silence:
    """Watches sources by what they say on the board."""

    def __init__(
        self,
        store: Signed,
        board: Board,
        lives: dict[str, Life],
        *,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._board = board
        self._lives = lives
        self._wall = wall
        self._monotonic = monotonic
        self._before: dict[str, tuple[int, int]] = {}

    async def run(self) -> None:
        """Watch forever. Raises DatabaseError."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Look at every source once, and record what has changed."""
        now = self._monotonic()
        for name, life in self._lives.items():
            source = self._board.source(name)
            up = source.connected is True and source.available is not False
            change = life.look(now, up=up, signs=source.signs)
            source.silent = life.told_silent
            if change is None:
                continue
            at = datetime.fromtimestamp(self._wall() - (now - life.since), UTC)
            fact: Fact
            if change == "silent":
                log.warning("the source %s is silent", name)
                self._before[name] = (source.reconciled, source.late)
                fact = SourceSilent(source=name, since=at, reason=_why(source))
            else:
                log.info("the source %s is back", name)
                reconciled, late = self._before.get(name, (source.reconciled, source.late))
                fact = SourceBack(
                    source=name,
                    until=at,
                    reconciled=source.reconciled - reconciled,
                    late=source.late - late,
                )
            await self._store.append(fact)


def _why(source: SourceHealth) -> str:
    if source.connected is not True:
        return "disconnected"
    return "unavailable" if source.available is False else "no_sign"
