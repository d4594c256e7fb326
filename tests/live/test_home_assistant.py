"""Home Assistant: its websocket is followed, its history fills gaps, our own entities are left out.

The server here is one of the test's own; `test_home_assistant_servers.py` has the real one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from eventlog.errors import BadArgument
from eventlog.reactors.alerts.channels import Answer
from eventlog.run.health import Board
from eventlog.sources import SOURCES
from eventlog.sources.live.home_assistant import HomeAssistantIn
from eventlog.store.event_store import EventStore

pytestmark = pytest.mark.anyio

T0 = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)
OWN = "eventlog_0123abcd_"


def state(entity: str, value: str, second: int) -> dict[str, Any]:
    """A state as Home Assistant has it."""
    at = (T0 + timedelta(seconds=second, microseconds=123456)).isoformat()
    attributes = {"device_class": "lock"} if entity.startswith("binary_sensor") else {}
    return {
        "entity_id": entity,
        "state": value,
        "attributes": attributes,
        "last_changed": at,
        "last_updated": at,
    }


class Assistant:
    """A Home Assistant: changes are pushed to those who are connected, and kept in its history."""

    def __init__(self) -> None:
        self.history: dict[str, list[dict[str, Any]]] = {}
        self.sockets: set[ServerConnection] = set()
        self.registry = [{"entity_id": "binary_sensor.own_lock", "unique_id": f"{OWN}front_bolt"}]
        self.logbook: list[dict[str, Any]] | None = None
        self.listeners: set[ServerConnection] = set()
        self.token = "right"  # noqa: S105 - a test's token
        self.server: Server | None = None

    async def handle(self, socket: ServerConnection) -> None:
        """One connection."""
        await socket.send(json.dumps({"type": "auth_required"}))
        answer = json.loads(await socket.recv())
        if answer["access_token"] != self.token:
            await socket.send(json.dumps({"type": "auth_invalid"}))
            return
        await socket.send(json.dumps({"type": "auth_ok"}))
        newest = 0
        async for text in socket:
            asked = json.loads(text)
            assert asked["id"] > newest, "the numbers of questions grow"
            newest = asked["id"]
            result: Any = None
            if asked["type"] == "config/entity_registry/list":
                result = self.registry
            elif asked["type"] == "get_states":
                result = [one[-1] for one in self.history.values()]
            elif asked["event_type"] == "state_changed":
                self.sockets.add(socket)
            else:
                self.listeners.add(socket)
            await socket.send(json.dumps({"id": asked["id"], "type": "result", "result": result}))

    async def register(self, entity: str, unique_id: str) -> None:
        """An integration brings a new entity."""
        self.registry.append({"entity_id": entity, "unique_id": unique_id})
        data = {"action": "create", "entity_id": entity}
        event = {"event_type": "entity_registry_updated", "data": data}
        for socket in self.listeners:
            await socket.send(json.dumps({"id": 1, "type": "event", "event": event}))

    async def change(
        self, entity: str, value: str, second: int, *, user: str | None = None
    ) -> None:
        """An entity changes; its history does not say for whom."""
        states = self.history.setdefault(entity, [])
        before = states[-1] if states else None
        states.append(state(entity, value, second))
        pushed = {**states[-1], "context": {"id": "c", "user_id": user}}
        data = {"entity_id": entity, "old_state": before, "new_state": pushed}
        event = {"type": "event", "event": {"event_type": "state_changed", "data": data}}
        for socket in self.sockets:
            with suppress(OSError):
                await socket.send(json.dumps(event))

    async def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """Its pages over HTTP: the history and the logbook; None for the websocket."""
        if request.path == "/api/websocket":
            return None
        found = await self.get(request.path, {"authorization": request.headers["authorization"]})
        return connection.respond(HTTPStatus(found.status), found.body.decode())

    async def get(self, url: str, headers: Mapping[str, str]) -> Answer:
        """Answer its history, and its logbook where it has one."""
        assert headers["authorization"] == f"Bearer {self.token}"
        if "/api/logbook/" in url:
            if self.logbook is None:
                return Answer(404, b"404: Not Found")
            return Answer(200, json.dumps(self.logbook).encode())
        return Answer(200, json.dumps(list(self.history.values())).encode())


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
