"""A real Home Assistant that knows device-based discovery: the door's log in and out at once."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import aiomqtt
import pytest

from eventlog.run.check import check
from tests.live.hass import NEW, HomeAssistant
from tests.live.mosquitto import KEEPS_ALL, Mosquitto
from tests.run.house import LOCK_AND_BELL, counted, listening, named, seen, turned, until
from tests.run.running import RunningDoor
from tests.support.http_servers import receiver

pytestmark = [pytest.mark.anyio, pytest.mark.servers, pytest.mark.slow]

CONFIG: Final = (
    """
mqtt = {{ port = {broker} }}
[home_assistant]
[door.front]
cameras = ["front_door", "front_bell", "front_bell_ding"]
lock = {{ z2m = "front lock" }}
[source.frigate]
kind = "frigate"
[source.ha]
kind = "home_assistant"
url = "{url}"
token_file = "{token}"
entities = ["lock.front_lock", "event.*", "binary_sensor.*"]
every = "2s"
"""
    + LOCK_AND_BELL
)
BELL: Final = "ring/home/camera/front_bell/ding"
# What Zigbee2MQTT and ring-mqtt announce of their devices, so that Home Assistant has them too.
ANNOUNCED: Final = {
    "homeassistant/lock/0x00158d0001/lock/config": {
        "name": None,
        "unique_id": "0x00158d0001_lock_zigbee2mqtt",
        "state_topic": "zigbee2mqtt/front lock",
        "value_template": "{{ value_json.state }}",
        "command_topic": "zigbee2mqtt/front lock/set",
        "state_locked": "LOCK",
        "state_unlocked": "UNLOCK",
        "device": {"identifiers": ["zigbee2mqtt_0x00158d0001"], "name": "front lock"},
    },
    "homeassistant/event/front_bell/ding/config": {
        "name": "Ding",
        "unique_id": "front_bell_ding",
        "device_class": "doorbell",
        "event_types": ["ring"],
        "state_topic": f"{BELL}/event",
        "device": {
            "identifiers": ["front_bell"],
            "name": "front bell",
            "manufacturer": "Ring",
        },
    },
}
# What the door's log announces of itself: never a lock.
OURS: Final = {
    "event.front_doorbell",
    "event.front_motion",
    "event.front_access",
    "binary_sensor.front_lock",
    "binary_sensor.front_door",
    "binary_sensor.front_log_problem",
}
THEIRS: Final = {"lock.front", "lock.front_lock", "event.front_bell_ding"}


async def ring(house: aiomqtt.Client) -> None:
    """Somebody presses the bell; ring-mqtt and Home Assistant both report it."""
    second = int(time.time())
    at = datetime.fromtimestamp(second, UTC).isoformat().replace("+00:00", "Z")
    told = json.dumps({"lastDing": second, "lastDingTime": at})
    await house.publish(f"{BELL}/attributes", told, qos=1)
    await house.publish(f"{BELL}/event", json.dumps({"event_type": "ring"}), qos=1)


def hears(broker: Mosquitto, *topics: str) -> bool:
    """Whether somebody has subscribed to each topic: Home Assistant does so with a delay."""
    return all(f" {topic}\n" in broker.log for topic in topics)


@pytest.fixture
async def assistant(tmp_path: Path) -> AsyncIterator[HomeAssistant]:
    """A Home Assistant that runs."""
    one = HomeAssistant(tmp_path, NEW)
    await asyncio.to_thread(one.start)
    try:
        yield one
    finally:
        one.kill()


async def test_one_ring_is_one_event_and_one_publish(
    tmp_path: Path, assistant: HomeAssistant
) -> None:
    """The bell and the lock come by two systems each, and what we publish comes back to us.

    One opening, one alert of each, nothing heard of ourselves, and a restart of Home Assistant
    changes nothing of it.
    """
    token = tmp_path / "token"
    token.write_text(assistant.token, encoding="utf-8")
    lines = f"{KEEPS_ALL}log_type subscribe\n"
    with Mosquitto(tmp_path, lines) as broker, receiver() as (page, alerts):
        config = CONFIG.format(broker=broker.port, url=assistant.url, token=token, page=page)
        async with listening(broker.port) as got, aiomqtt.Client("127.0.0.1", broker.port) as house:
            assistant.connect_broker(broker.port)
            for topic, payload in ANNOUNCED.items():
                await house.publish(topic, json.dumps(payload), qos=1, retain=True)
            with RunningDoor(tmp_path, config) as door:
                await until(lambda: counted(tmp_path, "rule_armed") == 2)
                door.read_to("ha is connected")
                await until(
                    lambda: assistant.entities("event", "lock", "binary_sensor") >= OURS | THEIRS
                )
                noted = [one.said async for one in check(door.config) if "entities" in one.where]
                assert [one.split()[0] for one in noted] == ["event.front_bell_ding"]
                await until(lambda: bool(named(got, "/status")))
                ours = next(topic for topic, _, _ in got if topic.endswith("/status"))
                doorbell = f"{ours.removesuffix('status')}front/doorbell"
                await until(
                    lambda: hears(broker, "zigbee2mqtt/front lock", f"{BELL}/event", doorbell)
                )
                await house.publish("zigbee2mqtt/front lock", turned(0, "lock"), qos=1)
                await until(lambda: assistant.state("lock.front_lock") == "locked")
                await house.publish("frigate/events", seen(1), qos=1)
                await ring(house)
                await house.publish("zigbee2mqtt/front lock", turned(1), qos=1)
                await until(lambda: assistant.state("binary_sensor.front_lock") == "on")
                await until(lambda: assistant.state("lock.front_lock") == "unlocked")
                await until(lambda: (assistant.state("event.front_doorbell") or "?")[0] == "2")
                await until(lambda: counted(tmp_path, "ding") == 2)
                await until(lambda: len(alerts) >= 2)
                assert assistant.entities("lock") == {"lock.front", "lock.front_lock"}
                assert assistant.state("binary_sensor.front_log_problem") == "off"
                door.end()
                await until(lambda: assistant.state("binary_sensor.front_lock") == "unavailable")
                assistant.kill()
                door.start()
                await asyncio.to_thread(assistant.start)
                door.read_to("ha is connected")
                await until(lambda: assistant.state("binary_sensor.front_lock") == "on")
                assert door.end()[0] == 0
    assert counted(tmp_path, "unlock_action") == 2
    assert [counted(tmp_path, kind) for kind in ("lock_state", "door_state")] == [0, 0]
    assert len(named(got, "/front/doorbell")) == 1
    assert [json.loads(one)["event_type"] for one in named(got, "/front/access")] == [
        "locked",
        "granted",
    ]
    assert sorted(body["rule"] for _, body in alerts) == ["bell", "opened"]
    assert "Error" not in "".join(line for line in assistant.log.splitlines() if "mqtt" in line)
