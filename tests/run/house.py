"""A house as its sources report it: Frigate, a lock, a bell, Home Assistant. Support code."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import aiomqtt

from eventlog.run.check import Finding, check
from tests.live.assistant import Assistant, state_at
from tests.run.running import LONGEST_S
from tests.support.http_servers import answering

# The lock and the bell of a config, and what is told of them; format it with `page`.
LOCK_AND_BELL: Final = """
[source.z2m]
kind = "zigbee2mqtt"
devices = ["front lock"]
[source.bell]
kind = "ring_mqtt"
[channel.page]
webhook = "http://{page}/"
[alert.bell]
when = "ring"
channels = ["page"]
[alert.opened]
when = "opened"
channels = ["page"]
"""


def seen(number: int) -> bytes:
    """Frigate sees somebody now."""
    seconds = datetime.now(UTC).timestamp()
    after = {
        "id": f"{seconds:.6f}-n{number}",
        "camera": "front_door",
        "label": "person",
        "frame_time": seconds,
        "start_time": seconds,
        "score": 0.8,
        "top_score": 0.8,
    }
    return json.dumps({"type": "new", "before": None, "after": after}).encode()


def turned(number: int, action: str = "unlock") -> bytes:
    """The lock reports what was done at its keypad."""
    at = datetime.now(UTC).isoformat()
    content = {"action": action, "action_source_name": "keypad", "action_user": number % 7 + 1}
    return json.dumps({**content, "last_seen": at, "state": action.upper()}).encode()


def counted(folder: Path, kind: str) -> int:
    """How many records of a kind the journal has."""
    with closing(sqlite3.connect(f"file:{folder}/events.db?mode=ro", uri=True)) as connection:
        sql = "SELECT count(*) FROM journal WHERE kind = ?"
        found: int = connection.execute(sql, (kind,)).fetchone()[0]
        return found


async def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(LONGEST_S):
        while not is_so():  # noqa: ASYNC110 - another process does it
            await asyncio.sleep(0.05)


@asynccontextmanager
async def listening(port: int) -> AsyncIterator[list[tuple[str, bytes, bool]]]:
    """All that is published, as another client receives it."""
    got: list[tuple[str, bytes, bool]] = []
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe("#", qos=1)

        async def keep() -> None:
            async for message in client.messages:
                got.append((str(message.topic), message.payload, message.retain))  # noqa: PERF401 - read while it grows

        task = asyncio.create_task(keep())
        try:
            yield got
        finally:
            task.cancel()
            await asyncio.wait([task])


def named(got: list[tuple[str, bytes, bool]], ending: str) -> list[Any]:
    """The payloads of the topics with an ending."""
    return [payload for topic, payload, _ in got if topic.endswith(ending)]


def now_state(entity: str, value: str, **attributes: str) -> dict[str, Any]:
    """A state of Home Assistant of now."""
    return state_at(entity, value, datetime.now(UTC).isoformat(), attributes)


async def push(assistant: Assistant, before: Any, after: Any) -> None:
    """Home Assistant says that a state changed."""
    data = {"entity_id": after["entity_id"], "old_state": before, "new_state": after}
    event = {"type": "event", "event": {"event_type": "state_changed", "data": data}}
    for socket in assistant.sockets:
        await socket.send(json.dumps(event))


async def findings(folder: Path, more: str) -> list[Finding]:
    """What `eventlog run --check` finds of a config whose log is in a folder below this one."""
    (folder / "log").mkdir(exist_ok=True)
    config = folder / "eventlog.toml"
    log = f'log = {{ db = "{folder}/log/events.db", thumbnails = "{folder}/log/thumbnails" }}'
    config.write_text(f"{log}\n{more}\n", encoding="utf-8")
    return [found async for found in check(config)]


async def said(folder: Path, more: str) -> dict[str, str]:
    """The same by where in the config: a grade and a sentence."""
    return {one.where: f"{one.grade}: {one.said}" for one in await findings(folder, more)}


@contextmanager
def frigate_api(events: list[dict[str, Any]]) -> Iterator[str]:
    """Frigate's events API on loopback."""

    def answer(path: str) -> tuple[int, Any]:
        query = {k: float(v[0]) for k, v in parse_qs(urlsplit(path).query).items()}
        found = [
            one
            for one in reversed(events)
            if query["after"] < one["start_time"] < query.get("before", float("inf"))
        ]
        return 200, found[: int(query["limit"])]

    with answering(answer) as address:
        yield address
