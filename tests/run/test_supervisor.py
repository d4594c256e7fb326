"""The supervisor: a part that fails is started again, and only the change is recorded."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from eventlog.errors import BadArgument, DiskFull
from eventlog.facts import Fact, PartBack, PartStopped
from eventlog.record import Position, Receipt
from eventlog.run import supervisor as supervising
from eventlog.run.error_code import error_code
from eventlog.run.health import Board
from eventlog.run.supervisor import Part, Supervisor

pytestmark = pytest.mark.anyio


class World:
    """A clock that moves when somebody sleeps, and a store that keeps facts in a list."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.facts: list[Fact] = []
        self.slept: list[float] = []
        self.full = False
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    async def append(self, *facts: Fact) -> Receipt:
        """Keep facts."""
        if self.full:
            raise DiskFull("no room")
        self.facts += facts
        return Receipt((Position(len(self.facts)),), None)

    async def sleep(self, seconds: float) -> None:
        """Wait until `pass_time` comes so far."""
        self.slept.append(seconds)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.now + seconds, future))
        await future

    async def pass_time(self, seconds: float) -> None:
        """Let the time pass, waking each sleeper in its turn."""
        end = self.now + seconds
        while True:
            await _settle()
            due = [one for one in self._sleepers if one[0] <= end and not one[1].done()]
            if not due:
                break
            first = min(due, key=lambda one: one[0])
            self._sleepers.remove(first)
            self.now = max(self.now, first[0])
            first[1].set_result(None)
        self.now = end

    def supervisor(self, **told_down: float) -> Supervisor:
        """A supervisor in this world."""
        return Supervisor(
            self,
            Board(lambda: self.now),
            told_down=told_down,
            sleep=self.sleep,
            wall=lambda: self.now,
            monotonic=lambda: self.now,
        )


async def _settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def failing(times: int, started: list[float], world: World) -> Callable[[], Awaitable[None]]:
    """A part that fails so many times, and then runs."""

    async def run() -> None:
        started.append(world.now)
        if len(started) <= times:
            raise ConnectionRefusedError(111, "ada's broker is away")
        await asyncio.Event().wait()

    return run


async def test_a_part_that_fails_is_started_again_ever_later() -> None:
    """After 1, 2, 4 … seconds, a minute at most."""
    world, started = World(), list[float]()
    supervisor = world.supervisor()
    await supervisor.keep([Part("mqtt", 1, failing(10**6, started, world))])
    await world.pass_time(300)
    await supervisor.stop()
    gaps = [later - earlier for earlier, later in itertools.pairwise(started)]
    assert gaps == [1, 2, 4, 8, 16, 32, 60, 60, 60]


async def test_only_the_change_is_recorded() -> None:
    """A failure is reported once an hour; recovery is recorded after ten minutes of running."""
    world, started = World(), list[float]()
    supervisor = world.supervisor()
    await supervisor.keep([Part("mqtt", 1, failing(600, started, world))])
    await world.pass_time(36_000)
    await world.pass_time(3600)
    await supervisor.stop()
    told = [type(fact) for fact in world.facts]
    assert told[-1] is PartBack
    assert told.count(PartBack) == 1
    assert 9 <= told.count(PartStopped) <= 11


async def test_what_is_recorded_of_an_error_repeats_no_text_of_it() -> None:
    """Class and code; a message may hold a name or an address."""
    world, started = World(), list[float]()
    supervisor = world.supervisor()
    await supervisor.keep([Part("mqtt", 1, failing(1, started, world))])
    await world.pass_time(1)
    await supervisor.stop()
    assert world.facts == [PartStopped(part="mqtt", error="ConnectionRefusedError 111", restarts=1)]


async def test_our_own_errors_are_logged_with_their_sentence(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """They say what to do next; the record has the class alone."""
    world = World()

    async def refuse() -> None:
        raise BadArgument("source.ring: there is no token: `eventlog ring login`")

    supervisor = world.supervisor()
    await supervisor.keep([Part("source.ring", 1, refuse)])
    await world.pass_time(0.5)
    await supervisor.stop()
    assert "eventlog ring login" in caplog.text
    assert world.facts == [PartStopped(part="source.ring", error="BadArgument", restarts=1)]


def test_a_brokers_refusal_is_told_by_its_number() -> None:
    """As with every error that has a code."""
    refused = MqttConnectError(ReasonCode(PacketTypes.CONNACK, identifier=135))
    assert error_code(refused) == "MqttConnectError 135"
    assert error_code(ConnectionRefusedError(111, "refused")) == "ConnectionRefusedError 111"
    assert error_code(ExceptionGroup("two", [ValueError("ada")])) == "ValueError"


async def test_a_restart_of_the_process_does_not_tell_again() -> None:
    """What the journal said within the last hour is not said once more."""
    world, started = World(), list[float]()
    supervisor = world.supervisor(mqtt=world.now - 600)
    await supervisor.keep([Part("mqtt", 1, failing(3, started, world))])
    await world.pass_time(60)
    assert world.facts == []
    await world.pass_time(700)
    await supervisor.stop()
    assert [type(fact) for fact in world.facts] == [PartBack]


async def test_one_part_that_fails_leaves_the_others_alone() -> None:
    """And a disk that is full, too."""
    world, failed, fine = World(), list[float](), list[float]()
    world.full = True
    supervisor = world.supervisor()
    await supervisor.keep(
        [
            Part("bad", 1, failing(10**6, failed, world)),
            Part("fine", 1, failing(0, fine, world)),
        ]
    )
    await world.pass_time(100)
    await supervisor.stop()
    assert len(fine) == 1
    assert len(failed) > 5


async def test_a_part_that_ends_is_started_again() -> None:
    """A part has no end of its own."""
    world, runs = World(), list[float]()

    async def short() -> None:
        runs.append(world.now)

    supervisor = world.supervisor()
    await supervisor.keep([Part("short", 1, short)])
    await world.pass_time(3)
    await supervisor.stop()
    assert len(runs) == 3
    assert world.facts[0] == PartStopped(part="short", error="ended", restarts=1)


async def test_a_part_that_misses_its_cancellation_is_cancelled_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A library that loses one cancellation does not keep the process from stopping."""
    monkeypatch.setattr(supervising, "CANCEL_AGAIN_S", 0.01)
    world = World()

    async def forgetful() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    supervisor = world.supervisor()
    await supervisor.keep([Part("mqtt", 1, forgetful)])
    await _settle()
    async with asyncio.timeout(60):
        await supervisor.stop()
    assert "the part mqtt has not ended and is cancelled again" in caplog.text


async def test_a_part_whose_end_fails_is_not_started_again() -> None:
    """An error while it stops, such as a broker that is away, is its end."""
    world, started = World(), list[float]()

    async def failing_at_its_end() -> None:
        started.append(world.now)
        try:
            await asyncio.Event().wait()
        finally:
            raise ConnectionResetError("the broker is away")

    supervisor = world.supervisor()
    await supervisor.keep([Part("mqtt", 1, failing_at_its_end)])
    await _settle()
    async with asyncio.timeout(60):
        await supervisor.stop()
    assert started == [world.now]
    assert world.facts == []


async def test_a_reload_restarts_what_changed_only() -> None:
    """Parts with the same settings keep running; changed, new and removed ones are named."""
    world = World()
    starts: dict[str, list[float]] = {name: [] for name in ("same", "other", "new", "gone")}
    supervisor = world.supervisor()

    def part(name: str, settings: int) -> Part:
        return Part(name, settings, failing(0, starts[name], world))

    await supervisor.keep([part("same", 1), part("other", 1), part("gone", 1)])
    await _settle()
    changed = await supervisor.keep([part("same", 1), part("other", 2), part("new", 1)])
    await _settle()
    assert changed == {"other", "new", "gone"}
    assert supervisor.names == {"same", "other", "new"}
    assert {name: len(times) for name, times in starts.items()} == {
        "same": 1,
        "other": 2,
        "new": 1,
        "gone": 1,
    }
    await supervisor.stop()
    assert supervisor.names == set()
