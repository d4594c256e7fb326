"""A house with several tellers of one door, and gaps that only a history fills."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import aiomqtt
import pytest
from websockets.asyncio.server import serve

from tests.live.mosquitto import Mosquitto
from tests.live.test_home_assistant import Assistant
from tests.reactors.alerts.test_channels import receiver
from tests.run.running import RunningDoor
from tests.run.test_door_servers import counted, turned, until

pytestmark = [pytest.mark.anyio, pytest.mark.servers, pytest.mark.slow]

HOUSE: Final = """
mqtt = {{ port = {broker} }}
[door.front]
cameras = ["front_door", "front_bell"]
lock = {{ z2m = "front lock" }}
[source.frigate]
kind = "frigate"
[source.z2m]
kind = "zigbee2mqtt"
devices = ["front lock"]
[source.bell]
kind = "ring_mqtt"
[source.ha]
kind = "home_assistant"
url = "http://127.0.0.1:{assistant}"
token_file = "{token}"
entities = ["lock.*", "event.*"]
[channel.page]
webhook = "http://{page}/"
[alert.bell]
when = "ring"
channels = ["page"]
[alert.opened]
when = "opened"
channels = ["page"]
"""


def now_state(entity: str, value: str, **attributes: str) -> dict[str, Any]:
    """A state of Home Assistant of now."""
    at = datetime.now(UTC).isoformat()
    return {
        "entity_id": entity,
        "state": value,
        "attributes": attributes,
        "last_changed": at,
        "last_updated": at,
    }


async def push(assistant: Assistant, before: Any, after: Any) -> None:
    """Home Assistant says that a state changed."""
    data = {"entity_id": after["entity_id"], "old_state": before, "new_state": after}
    event = {"type": "event", "event": {"event_type": "state_changed", "data": data}}
    for socket in assistant.sockets:
        await socket.send(json.dumps(event))


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


@contextmanager
def frigate_api(events: list[dict[str, Any]]) -> Iterator[str]:
    """Frigate's events API on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = {k: float(v[0]) for k, v in parse_qs(urlsplit(self.path).query).items()}
            found = [
                one
                for one in reversed(events)
                if query["after"] < one["start_time"] < query.get("before", float("inf"))
            ]
            body = json.dumps(found[: int(query["limit"])]).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


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
