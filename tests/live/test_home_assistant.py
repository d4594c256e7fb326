"""Home Assistant: its websocket is followed, its history fills gaps, our own entities are left out.

The server here is one of the test's own; `test_home_assistant_servers.py` has the real one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from websockets.asyncio.server import serve

from eventlog.errors import BadArgument
from eventlog.run.health import Board
from eventlog.sources import SOURCES
from eventlog.sources.live.home_assistant import HomeAssistantIn
from eventlog.store.event_store import EventStore
from tests.live.assistant import OWN, T0, Assistant, state

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EventStore]:
    """An open log."""
    async with EventStore(str(tmp_path / "events.db"), str(tmp_path / "thumbnails")) as opened:
        yield opened


@pytest.fixture
async def assistant() -> AsyncIterator[Assistant]:
    """A Home Assistant on loopback."""
    one = Assistant()
    async with serve(one.handle, "127.0.0.1", 0) as server:
        one.server = server
        yield one


def follower(assistant: Assistant, store: EventStore, *, token: str = "right") -> HomeAssistantIn:  # noqa: S107 - a test's token
    """A follower of it."""
    assert assistant.server is not None
    port = next(iter(assistant.server.sockets)).getsockname()[1]
    return HomeAssistantIn(
        "ha",
        f"http://127.0.0.1:{port}",
        token,
        entities=["lock.front", "binary_sensor.*"],
        adapter=SOURCES["home-assistant"],
        store=store,
        report=Board(),
        get=assistant.get,
        own_ids=OWN,
    )


async def kinds(store: EventStore) -> list[str]:
    """The kinds in the journal."""
    rows = await store.reader.run(lambda c: c.execute("SELECT kind FROM journal").fetchall())
    return [row[0] for row in rows]


async def until(store: EventStore, count: int) -> None:
    """Wait until the journal has so many records."""
    async with asyncio.timeout(60):
        while await store.reader.last_position() < count:
            seen = store.reader.nudge.count
            await store.reader.nudge.wait(seen, timeout_s=0.05)


async def test_changes_are_pushed_and_gaps_are_filled(
    assistant: Assistant, store: EventStore
) -> None:
    """The same change by both ways is one; what happened while we were away is found."""
    await assistant.change("lock.front", "locked", 0)
    live = follower(assistant, store)
    following = asyncio.create_task(live.run())
    await live.ready.wait()
    await assistant.change("lock.front", "unlocked", 1)
    await assistant.change("lock.front", "locked", 2)
    await until(store, 2)
    assistant.sockets.clear()
    await assistant.change("lock.front", "unlocked", 3)
    tally = await live.ask(T0.timestamp())
    again = await live.ask(T0.timestamp())
    following.cancel()
    await asyncio.wait([following])
    assert (await kinds(store)).count("unlock_action") == 3
    assert (tally.facts, tally.known) == (2, 2)  # the first state of all, and what was lost
    assert again.facts == 0


async def test_what_we_publish_ourselves_is_left_out(
    assistant: Assistant, store: EventStore
) -> None:
    """By the unique id in its registry; others that the pattern names are taken."""
    live = follower(assistant, store)
    following = asyncio.create_task(live.run())
    await live.ready.wait()
    await assistant.change("binary_sensor.own_lock", "on", 1)
    await assistant.change("sensor.kitchen", "20", 2)
    await assistant.change("binary_sensor.other", "on", 3)
    await until(store, 1)
    following.cancel()
    await asyncio.wait([following])
    assert await kinds(store) == ["lock_state"]


async def test_an_entity_of_ours_is_left_out_from_its_first_state_on(
    assistant: Assistant, store: EventStore
) -> None:
    """It comes into the registry after we connected, and its state comes right behind."""
    live = follower(assistant, store)
    following = asyncio.create_task(live.run())
    await live.ready.wait()
    for number in range(5):
        await assistant.register(f"binary_sensor.ours_{number}", f"{OWN}front_{number}")
        await assistant.change(f"binary_sensor.ours_{number}", "on", number)
    await assistant.register("binary_sensor.other", "another_1")
    await assistant.change("binary_sensor.other", "on", 9)
    await until(store, 1)
    following.cancel()
    await asyncio.wait([following])
    rows = await store.reader.run(lambda c: c.execute("SELECT key FROM journal").fetchall())
    assert [row[0].split(":")[1] for row in rows] == ["binary_sensor.other"]


async def users(store: EventStore) -> list[tuple[str | None, object]]:
    """The actor and the user of each operation in the journal."""
    rows = await store.reader.run(
        lambda c: c.execute("SELECT actor, user_ref FROM unlock_actions ORDER BY id").fetchall()
    )
    return [(row[0], row[1]) for row in rows]


async def test_who_turned_the_lock_comes_with_both_ways(
    assistant: Assistant, store: EventStore
) -> None:
    """Pushed with the change, and from the logbook after a gap; a person is called by name."""
    person = state("person.ada", "home", 0)
    person["attributes"] = {"user_id": "5f", "friendly_name": "Ada"}
    assistant.history["person.ada"] = [person]
    await assistant.change("lock.front", "locked", 0)
    live = follower(assistant, store)
    following = asyncio.create_task(live.run())
    await live.ready.wait()
    await assistant.change("lock.front", "unlocked", 1, user="5f")
    await until(store, 1)
    assistant.sockets.clear()
    await assistant.change("lock.front", "locked", 2)
    await assistant.change("lock.front", "unlocked", 3)
    await assistant.change("lock.front", "locked", 4)
    changed = [one["last_changed"] for one in assistant.history["lock.front"]]
    assistant.logbook = [
        {"entity_id": "lock.front", "when": changed[1], "context_user_id": "5f"},
        {"entity_id": "lock.front", "when": changed[2], "context_user_id": "a0"},
        {"entity_id": "lock.front", "when": changed[3], "context_user_id": "5f"},
        {"entity_id": "lock.front", "when": changed[4]},
    ]
    await live.ask(T0.timestamp())
    following.cancel()
    await asyncio.wait([following])
    await store.caught_up(await store.reader.last_position())
    assert await users(store) == [("app", "Ada"), ("app", "a0"), ("app", "Ada"), (None, None)]


async def test_a_refused_token_stops_the_part(assistant: Assistant, store: EventStore) -> None:
    """It is reported as an error of the config."""
    with pytest.raises(BadArgument, match="refuses the token"):
        await follower(assistant, store, token="wrong").run()  # noqa: S106 - a test's token
