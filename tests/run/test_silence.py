"""A source is silent after a while, and back after another; one pair an hour at most."""

from __future__ import annotations

import pytest

from eventlog.facts import Fact, SourceBack, SourceSilent
from eventlog.record import Author, Position, Receipt
from eventlog.run.health import Board
from eventlog.run.silence import Silence
from eventlog.sources.live.life import Life

pytestmark = pytest.mark.anyio


class Street:
    """A board, a clock, and what was recorded."""

    def __init__(self, *, periodic: bool = True, told_silent: bool = False) -> None:
        self.now = 1_000_000.0
        self.facts: list[Fact] = []
        self.board = Board(lambda: self.now)
        life = Life(300, periodic=periodic, now=self.now, told_silent=told_silent)
        self.silence = Silence(
            self,  # type: ignore[arg-type]  # a store of one call
            self.board,
            {"frigate": life},
            wall=lambda: self.now,
            monotonic=lambda: self.now,
        )

    async def append(self, *facts: Fact, writer: Author | None = None) -> Receipt:
        """Keep facts."""
        del writer
        self.facts += facts
        return Receipt((Position(len(self.facts)),), None)

    async def pass_time(self, seconds: int, *, sign_every: int = 0) -> None:
        """Look once a second, with a sign of life every so often."""
        for second in range(seconds):
            self.now += 1
            if sign_every and second % sign_every == 0:
                self.board.sign("frigate")
            await self.silence.look()

    @property
    def kinds(self) -> list[type[Fact]]:
        """What was recorded."""
        return [type(fact) for fact in self.facts]


async def test_a_quiet_street_is_no_silence() -> None:
    """Signs of life come, and no visit: nothing is recorded."""
    street = Street()
    street.board.connected("frigate", up=True)
    await street.pass_time(3600, sign_every=60)
    assert street.facts == []


async def test_silence_and_return_are_recorded_with_their_times() -> None:
    """Since the last sign, until the first one; back only after a minute of life."""
    street = Street()
    street.board.connected("frigate", up=True)
    await street.pass_time(1, sign_every=1)
    last = street.now
    await street.pass_time(400)
    street.board.connected("frigate", up=False)
    await street.pass_time(100)
    street.board.connected("frigate", up=True)
    await street.pass_time(61, sign_every=30)
    silent, back = street.facts
    assert isinstance(silent, SourceSilent)
    assert isinstance(back, SourceBack)
    assert (silent.since.timestamp(), silent.reason) == (last, "no_sign")
    assert back.until.timestamp() == last + 501


async def test_a_source_that_flaps_is_told_once_an_hour() -> None:
    """However often it comes and goes."""
    street = Street(periodic=False)
    for _ in range(10):
        street.board.connected("frigate", up=False)
        await street.pass_time(400)
        street.board.connected("frigate", up=True)
        await street.pass_time(100)
    assert len(street.kinds) <= 4
    assert street.kinds[:2] == [SourceSilent, SourceBack]


async def test_a_bridge_that_says_it_is_offline_is_silent() -> None:
    """Though the broker is connected."""
    street = Street(periodic=False)
    street.board.connected("frigate", up=True)
    street.board.available("frigate", up=False)
    await street.pass_time(301)
    assert street.kinds == [SourceSilent]


async def test_a_restart_meanwhile_tells_only_the_return() -> None:
    """The journal says already that it is silent."""
    street = Street(told_silent=True)
    await street.pass_time(1000)
    street.board.connected("frigate", up=True)
    await street.pass_time(100, sign_every=30)
    assert street.kinds == [SourceBack]
