"""A running door over a real broker: Frigate and a lock in, alerts and Home Assistant out."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiomqtt
import pytest

from tests.live.mosquitto import Mosquitto
from tests.reactors.alerts.test_channels import receiver
from tests.run.running import LONGEST_S, RunningDoor

pytestmark = [pytest.mark.anyio, pytest.mark.servers, pytest.mark.slow]

KILLS: Final = 30
CONFIG: Final = """
mqtt = {{ port = {port} }}
[home_assistant]
[door.front]
cameras = ["front_door"]
lock = {{ z2m = "front lock" }}
[source.frigate]
kind = "frigate"
silent_after = "5m"
[source.z2m]
kind = "zigbee2mqtt"
devices = ["front lock"]
[channel.page]
webhook = "http://{page}/"
[alert.seen]
when = "stranger"
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


async def test_a_visit_and_an_opening_go_in_and_out_once(tmp_path: Path) -> None:
    """They are recorded, sent to the webhook and published; the will reports a killed process."""
    with Mosquitto(tmp_path) as broker, receiver() as (page, alerts):
        config = CONFIG.format(port=broker.port, page=page)
        with RunningDoor(tmp_path, config) as door:
            async with (
                listening(broker.port) as got,
                aiomqtt.Client("127.0.0.1", broker.port) as house,
            ):
                await until(lambda: bool(named(got, "/config")))
                await until(lambda: counted(tmp_path, "rule_armed") == 2)
                await house.publish("frigate/events", seen(1), qos=1)
                await house.publish("zigbee2mqtt/front lock", turned(1), qos=1)
                await until(lambda: len(alerts) == 1)
                await until(lambda: bool(named(got, "/front/bolt")))
                door.end(signal.SIGKILL)
                await until(lambda: b"offline" in named(got, "/status"))
                door.start()
                await until(lambda: named(got, "/status")[-1] == b"online")
                assert door.end()[0] == 0
                await until(lambda: named(got, "/status")[-1] == b"offline")
    assert [body["title"] for _, body in alerts] == ["front was opened"]
    assert len(named(got, "/front/motion")) == 1
    assert len(named(got, "/front/access")) == 1
    assert named(got, "/front/bolt") == [b"unlocked"]
    assert counted(tmp_path, "motion") == 1
    assert counted(tmp_path, "unlock_action") == 1


async def test_thirty_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    """The journal is the union of what the sources published, once; and no alert is doubled."""
    with Mosquitto(tmp_path) as broker, receiver() as (page, alerts):
        config = CONFIG.format(port=broker.port, page=page)
        door = RunningDoor(tmp_path, config)
        door.start()
        async with aiomqtt.Client("127.0.0.1", broker.port) as house:
            await until(lambda: counted(tmp_path, "rule_armed") == 2)
            for kill in range(KILLS):
                for number in range(5):
                    await house.publish("frigate/events", seen(kill * 5 + number), qos=1)
                await house.publish("zigbee2mqtt/front lock", turned(kill), qos=1)
                await asyncio.sleep(0.02 * (kill % 4))
                door.end(signal.SIGKILL)
                door.start()
            await until(lambda: counted(tmp_path, "motion") >= 5 * KILLS)
            await until(lambda: counted(tmp_path, "unlock_action") >= KILLS)
        assert door.end()[0] == 0
    assert counted(tmp_path, "motion") == 5 * KILLS
    assert counted(tmp_path, "unlock_action") == KILLS
    sent = [body["id"] for _, body in alerts if not body["again"]]
    assert len(sent) == len(set(sent))
