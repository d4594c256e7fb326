"""A running door over a real broker: Frigate and a lock in, alerts and Home Assistant out."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Final

import aiomqtt
import pytest

from tests.live.mosquitto import Mosquitto
from tests.run.house import counted, listening, named, seen, turned, until
from tests.run.running import RunningDoor
from tests.support.http_servers import receiver

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
