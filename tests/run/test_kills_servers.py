"""Kills of `eventlog run` under all its sources at once: the journal has all of them, once."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiomqtt
import httpx
import pytest
from websockets.asyncio.server import serve

from eventlog.dashboard import manage
from tests.live.assistant import Assistant
from tests.live.mosquitto import Mosquitto, free_port
from tests.run.house import LOCK_AND_BELL, counted, frigate_api, now_state, seen, turned, until
from tests.run.running import RunningDoor
from tests.support.http_servers import receiver

pytestmark = [pytest.mark.anyio, pytest.mark.servers, pytest.mark.slow]

KILLS: Final = 30
CONFIG: Final = (
    """
mqtt = {{ port = {broker} }}
dashboard = {{ port = {port} }}
[home_assistant]
[door.front]
cameras = ["front_door", "front_bell"]
lock = {{ z2m = "front lock" }}
[source.frigate]
kind = "frigate"
api = "{frigate}"
every = "2s"
[source.ha]
kind = "home_assistant"
url = "http://127.0.0.1:{assistant}"
token_file = "{token}"
entities = ["lock.back"]
every = "2s"
[source.gate]
kind = "webhook"
fact = "ding"
id = "id"
fields = {{ camera_id = "= gate", recorded_at = "at" }}
"""
    + LOCK_AND_BELL
)


class House:
    """What happens in the house, as each of its sources has it. `keys` is what a journal needs."""

    def __init__(self, mqtt: aiomqtt.Client, assistant: Assistant, page: int, token: str) -> None:
        self.keys: set[str] = set()
        self.recorded_by_frigate: list[dict[str, Any]] = []
        self.turns = 0
        self._mqtt = mqtt
        self._assistant = assistant
        self._hook = f"http://127.0.0.1:{page}/api/hooks/gate"
        self._headers = {"authorization": f"Bearer {token}"}
        self._posts: set[asyncio.Task[None]] = set()

    async def happen(self, number: int) -> None:
        """One thing at each source, and one that Frigate's own history alone has."""
        await self._frigate(seen(number), told=True)
        await self._frigate(seen(number + 1000), told=False)
        self.turns += 1
        await self._mqtt.publish("zigbee2mqtt/front lock", turned(number), qos=1)
        second = int(time.time()) - 100_000 + number * 60
        at = datetime.fromtimestamp(second, UTC).isoformat().replace("+00:00", "Z")
        rung = json.dumps({"lastDing": second, "lastDingTime": at})
        await self._mqtt.publish("ring/home/camera/front_bell/ding/attributes", rung, qos=1)
        self.keys.add(f"ring:front_bell:ding:{second}")
        await self._turn_back_lock("unlocked" if number % 2 else "locked")
        post = asyncio.create_task(self._post(number))
        self._posts.add(post)

    async def settle(self) -> None:
        """Wait until every webhook has its 201."""
        await asyncio.gather(*self._posts)

    async def _frigate(self, message: bytes, *, told: bool) -> None:
        event = json.loads(message)["after"]
        if told:
            await self._mqtt.publish("frigate/events", message, qos=1)
        data = {"type": "object", "score": 0.8, "top_score": 0.8}
        end = event["start_time"] + 1
        self.recorded_by_frigate.append({**event, "end_time": end, "data": data})
        self.keys.add(f"frigate:{event['id']}")

    async def _turn_back_lock(self, value: str) -> None:
        states = self._assistant.history.setdefault("lock.back", [])
        before, after = (states[-1] if states else None), now_state("lock.back", value)
        states.append(after)
        if before is not None:
            self.keys.add(f"home-assistant:lock.back:{after['last_changed']}")
        data = {"entity_id": "lock.back", "old_state": before, "new_state": after}
        event = {"type": "event", "event": {"event_type": "state_changed", "data": data}}
        await asyncio.gather(
            *(one.send(json.dumps(event)) for one in self._assistant.sockets),
            return_exceptions=True,  # the door was killed
        )

    async def _post(self, number: int) -> None:
        body = json.dumps({"id": number, "at": datetime.now(UTC).isoformat()})
        self.keys.add(f"hook:gate:{number}")
        async with httpx.AsyncClient(headers=self._headers) as client:
            while True:
                try:
                    answer = await client.post(self._hook, content=body)
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
                    continue
                assert answer.status_code == 201, answer.text
                return


def openers(folder: Path) -> list[str]:
    """The keys of all that happened, as the journal has them, but for Zigbee2MQTT's hashed ones."""
    with closing(sqlite3.connect(f"file:{folder}/events.db?mode=ro", uri=True)) as connection:
        sql = (
            "SELECT key FROM journal WHERE kind IN ('motion', 'ding', 'unlock_action')"
            " AND key NOT GLOB 'zigbee2mqtt:*'"
        )
        return [row[0] for row in connection.execute(sql)]


async def test_thirty_kills_under_all_sources_at_once(tmp_path: Path) -> None:
    """By the broker, by Frigate's API, by Home Assistant and by webhooks: the union, once."""
    assistant = Assistant()
    token_file = tmp_path / "token"
    token_file.write_text(assistant.token, encoding="utf-8")
    token = manage.add_token(str(tmp_path / "events.db"), "gate", ["append"])
    page = free_port()
    with Mosquitto(tmp_path) as broker, receiver() as (address, alerts):
        async with (
            serve(assistant.handle, "127.0.0.1", 0, process_request=assistant.answer) as server,
            aiomqtt.Client("127.0.0.1", broker.port) as mqtt,
        ):
            house = House(mqtt, assistant, page, token)
            with frigate_api(house.recorded_by_frigate) as api:
                config = CONFIG.format(
                    broker=broker.port,
                    port=page,
                    frigate=api,
                    assistant=next(iter(server.sockets)).getsockname()[1],
                    token=token_file,
                    page=address,
                )
                door = RunningDoor(tmp_path, config)
                try:
                    await asyncio.to_thread(door.start, "ha is connected")
                    await until(lambda: counted(tmp_path, "rule_armed") == 2)
                    await until(lambda: counted(tmp_path, "source_back") == 2)
                    for kill in range(KILLS):
                        await house.happen(kill)
                        await asyncio.sleep(0.1 * (kill % 6))
                        await asyncio.to_thread(door.end, signal.SIGKILL)
                        await asyncio.to_thread(door.start, "running:" if kill % 3 else "")
                    await house.settle()
                    await until(lambda: set(openers(tmp_path)) >= house.keys)
                    await until(lambda: counted(tmp_path, "unlock_action") >= 2 * house.turns - 1)
                    assert (await asyncio.to_thread(door.end))[0] == 0
                finally:
                    door.__exit__()
    found = openers(tmp_path)
    assert sorted(found) == sorted(house.keys)
    assert counted(tmp_path, "unlock_action") == 2 * house.turns - 1
    sent = [body["id"] for _, body in alerts if not body["again"]]
    assert len(sent) == len(set(sent))
