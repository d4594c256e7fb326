"""A house with several tellers of one door, and gaps that only a history fills."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiomqtt
import pytest
from websockets.asyncio.server import serve

from tests.live.assistant import Assistant
from tests.live.mosquitto import Mosquitto
from tests.run.house import LOCK_AND_BELL, counted, frigate_api, now_state, push, turned, until
from tests.run.running import RunningDoor
from tests.support.http_servers import receiver

pytestmark = [pytest.mark.anyio, pytest.mark.servers, pytest.mark.slow]

HOUSE: Final = (
    """
mqtt = {{ port = {broker} }}
[door.front]
cameras = ["front_door", "front_bell"]
lock = {{ z2m = "front lock" }}
[source.frigate]
kind = "frigate"
[source.ha]
kind = "home_assistant"
url = "http://127.0.0.1:{assistant}"
token_file = "{token}"
entities = ["lock.*", "event.*"]
"""
    + LOCK_AND_BELL
)


async def test_one_ring_one_opening_one_alert(tmp_path: Path) -> None:
    """The bell comes by ring-mqtt and by Home Assistant, the lock by Zigbee2MQTT and by both."""
    assistant = Assistant()
    token = tmp_path / "token"
    token.write_text(assistant.token, encoding="utf-8")
    with Mosquitto(tmp_path) as broker, receiver() as (page, alerts):
        async with serve(assistant.handle, "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            config = HOUSE.format(broker=broker.port, assistant=port, token=token, page=page)
            with RunningDoor(tmp_path, config) as door:
                await until(lambda: counted(tmp_path, "rule_armed") == 2)
                await until(lambda: bool(assistant.sockets))
                async with aiomqtt.Client("127.0.0.1", broker.port) as house:
                    second = int(time.time())
                    at = datetime.fromtimestamp(second, UTC).isoformat().replace("+00:00", "Z")
                    rung = json.dumps({"lastDing": second, "lastDingTime": at})
                    topic = "ring/home/camera/front_bell/ding/attributes"
                    await house.publish(topic, rung, qos=1)
                    ring = now_state("event.front_door", at, device_class="doorbell")
                    await push(assistant, None, ring)
                    await house.publish("zigbee2mqtt/front lock", turned(1), qos=1)
                    locked = now_state("lock.front_lock", "locked")
                    await push(assistant, locked, now_state("lock.front_lock", "unlocked"))
                    await until(lambda: counted(tmp_path, "ding") == 2)
                    await until(lambda: len(alerts) >= 2)
                    await asyncio.sleep(2)
                assert door.end()[0] == 0
    assert counted(tmp_path, "unlock_action") == 1
    assert sorted(body["rule"] for _, body in alerts) == ["bell", "opened"]


async def test_what_frigate_saw_while_the_broker_was_away_is_found(tmp_path: Path) -> None:
    """Frigate drops what it publishes then; its history has it, and it is reported as late."""
    events: list[dict[str, Any]] = []
    broker = Mosquitto(tmp_path)
    broker.start()
    try:
        with frigate_api(events) as api:
            config = (
                f"mqtt = {{ port = {broker.port} }}\ndashboard = {{ port = 0 }}\n"
                f'[source.frigate]\nkind = "frigate"\napi = "{api}"\nsilent_after = "2s"\n'
            )
            with RunningDoor(tmp_path, config) as door:
                async with aiomqtt.Client("127.0.0.1", broker.port) as house:
                    await house.publish("frigate/stats", b"{}", qos=1)
                broker.kill()
                await until(lambda: counted(tmp_path, "source_silent") == 1)
                for number in range(5):
                    seconds = time.time()
                    events.append(
                        {
                            "id": f"{seconds:.6f}-lost{number}",
                            "camera": "front_door",
                            "label": "person",
                            "start_time": seconds,
                            "end_time": seconds + 1,
                            "data": {"type": "object", "score": 0.8, "top_score": 0.8},
                        }
                    )
                broker.start()
                await until(lambda: counted(tmp_path, "motion") == 5)
                assert door.end()[0] == 0
    finally:
        broker.kill()
