"""`eventlog run --check` asks Home Assistant for its entities: names that fit none, doubles."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
from websockets.asyncio.server import serve

from tests.live.assistant import Assistant, state
from tests.run.house import findings

pytestmark = pytest.mark.anyio

CONFIG: Final = """
mqtt = {{ port = 1 }}
[door.front]
lock = {{ z2m = "front lock" }}
[source.z2m]
kind = "zigbee2mqtt"
prefix = "zigbee"
devices = ["front lock", "back lock"]
[source.bell]
kind = "ring_mqtt"
[source.wave]
kind = "zwave_js"
[source.ha]
kind = "home_assistant"
url = "http://127.0.0.1:{port}"
token_file = "{token}"
entities = ["lock.*", "event.bell_*", "light.porch"]
"""


def entry(entity: str, platform: str, unique_id: str, device: str) -> dict[str, str]:
    """An entry of the entity registry."""
    return {
        "entity_id": entity,
        "platform": platform,
        "unique_id": unique_id,
        "device_id": device,
    }


@pytest.fixture
async def assistant(tmp_path: Path) -> AsyncIterator[tuple[Assistant, str]]:
    """A Home Assistant with locks and a bell of several systems, and a config that follows it."""
    one = Assistant()
    one.devices = [
        {"id": "1", "name": "front lock", "manufacturer": "Nuki"},
        {"id": "2", "name": "back lock", "manufacturer": "Yale"},
        {"id": "3", "name": "Bell", "manufacturer": "Ring"},
    ]
    one.registry = [
        entry("lock.front_lock", "mqtt", "0x01_lock_zigbee", "1"),
        entry("lock.garden_gate", "mqtt", "0x02_lock_zigbee", "2"),
        entry("lock.shed", "mqtt", "0x03_lock_zigbee", "none"),
        entry("lock.of_another_bridge", "mqtt", "0x02_lock_zigbee2mqtt", "2"),
        entry("lock.cellar", "zwave_js", "3.node-7", "none"),
        entry("event.bell_ding", "mqtt", "abc_ding", "3"),
        entry("event.other_ding", "mqtt", "abd_ding", "3"),
    ]
    one.history = {"lock.template": [state("lock.template", "locked", 0)]}
    token = tmp_path / "token"
    token.write_text(one.token)
    async with serve(one.handle, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield one, CONFIG.format(port=port, token=token)


async def test_devices_that_another_source_reports_are_named(
    tmp_path: Path, assistant: tuple[Assistant, str]
) -> None:
    """By the integration that brought them; one that a door already gives to a source is not."""
    found = [f for f in await findings(tmp_path, assistant[1]) if f.where == "source.ha.entities"]
    assert {one.grade for one in found} == {"note"}
    assert [one.said.partition(":")[0] for one in found] == [
        "Home Assistant has no entity light.porch",
        "event.bell_ding is also reported by source.bell as 'Bell'",
        "lock.cellar is also reported by source.wave",
        "lock.garden_gate is also reported by source.z2m as 'back lock'",
    ]
    assert "leave it out of source.ha.entities" in found[1].said


async def test_a_refused_token_is_wrong(tmp_path: Path, assistant: tuple[Assistant, str]) -> None:
    """Before anything starts."""
    assistant[0].token = "other"  # noqa: S105 - a test's token
    found = {one.where: one for one in await findings(tmp_path, assistant[1])}
    assert found["source.ha.url"].grade == "wrong"
    assert "refuses the token" in found["source.ha.url"].said


async def test_a_home_assistant_that_is_away_is_wrong(tmp_path: Path) -> None:
    """With the kind of the error."""
    (tmp_path / "token").write_text("t")
    config = CONFIG.format(port=1, token=tmp_path / "token")
    found = {one.where: one for one in await findings(tmp_path, config)}
    assert found["source.ha.url"].grade == "wrong"
    assert "no answer: ConnectionRefusedError" in found["source.ha.url"].said
