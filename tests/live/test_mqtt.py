"""Messages of a broker, without one: what is taken, counted, refused, and not acknowledged."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiomqtt
import paho.mqtt.client as paho
import pytest

from eventlog.errors import DiskFull
from eventlog.facts import Fact
from eventlog.record import Receipt
from eventlog.run.config import Config
from eventlog.run.config_file import parse
from eventlog.run.health import Board
from eventlog.run.parts import ADAPTERS, listening
from eventlog.sources import SOURCES
from eventlog.sources.adapter import Message, mqtt_message
from eventlog.sources.live.mqtt import Broker, MqttIn, Session, make_client
from eventlog.store.event_store import EventStore

pytestmark = pytest.mark.anyio

BROKER: Final = Broker(host="127.0.0.1", port=1)
CONFIG: Final = """
log = { db = "events.db", thumbnails = "thumbnails" }
mqtt = {}
[source.frigate]
kind = "frigate"
[source.z2m]
kind = "zigbee2mqtt"
[source.ring]
kind = "ring_mqtt"
[source.zwave]
kind = "zwave_js"
[source.nuki]
kind = "nuki"
[source.faces]
kind = "double_take"
[source.stream]
kind = "statestream"
"""
SEEN: Final = {
    "type": "new",
    "before": None,
    "after": {
        "id": "1772015400.000001-abc",
        "camera": "front_door",
        "label": "person",
        "frame_time": 1772015400.5,
        "start_time": 1772015400.000001,
        "score": 0.8,
        "top_score": 0.8,
    },
}


def config() -> Config:
    """A config with every source that comes by a broker."""
    return parse(CONFIG)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EventStore]:
    """An open log."""
    async with EventStore(str(tmp_path / "events.db"), str(tmp_path / "thumbnails")) as opened:
        yield opened


def message(topic: str, payload: Any, *, retained: bool = False) -> Message:
    """A message that arrives now."""
    content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return mqtt_message(topic, content, received_at=datetime.now(UTC), retained=retained)


def follower(store: Any, board: Board) -> MqttIn:
    """A follower of all sources."""
    return MqttIn(BROKER, "eventlog-test", listening(config()), store, board)


def test_every_kind_of_source_has_its_adapter_and_topics() -> None:
    """The table of kinds names adapters that are there, each with topics below its prefix."""
    assert set(ADAPTERS.values()) <= SOURCES.keys()
    for one in listening(config()):
        assert one.topics
        assert all(topic.startswith(f"{one.settings.prefix}/") for topic in one.topics)


async def test_a_bad_message_is_counted_and_the_others_go_in(store: EventStore) -> None:
    """Invalid JSON, another form, bytes that are not text, an unknown topic."""
    board = Board()
    await follower(store, board).take(
        [
            message("frigate/events", b"{"),
            message("frigate/events", b"\xff\xfe\x00"),
            message("frigate/events", {"type": "new", "after": {"id": 1}}),
            message("frigate/events", SEEN),
            message("kitchen/light", {"state": "on"}),
        ]
    )
    frigate = board.source("frigate")
    assert (frigate.events, sum(frigate.refused.values())) == (1, 3)


async def test_signs_of_life_are_told(store: EventStore) -> None:
    """A retained word says whether a source is there; only what comes now is a sign of life."""
    board = Board()
    live = follower(store, board)
    await live.take([message("frigate/available", b"online", retained=True)])
    assert (board.source("frigate").available, board.source("frigate").signs) == (True, 0)
    await live.take([message("frigate/stats", {"service": {}})])
    await live.take([message("zigbee2mqtt/bridge/state", {"state": "offline"})])
    assert board.source("frigate").signs == 1
    assert board.source("z2m").available is False


class FullDisk:
    """A store whose disk is full."""

    async def append(
        self, *_: Fact, event_id: int | None = None, key: str | None = None
    ) -> Receipt:
        """Refuse."""
        del event_id, key
        raise DiskFull("no room")

    async def receipt(self, _key: str) -> None:
        """Nothing is known."""


async def test_a_full_disk_is_raised_so_that_nothing_is_acknowledged() -> None:
    """The broker sends the batch again after the next connect."""
    with pytest.raises(DiskFull):
        await follower(FullDisk(), Board()).take([message("frigate/events", SEEN)])


async def test_the_client_still_lets_us_acknowledge_by_hand() -> None:
    """What aiomqtt hides and paho has: without it, a kill would lose what was not stored yet."""
    client = make_client(BROKER, "eventlog-test", keep_session=True)
    Session(client)
    inner = client._client
    assert isinstance(inner, paho.Client)
    assert inner._manual_ack is True
    assert callable(inner.ack)
    assert isinstance(client, aiomqtt.Client)


@pytest.mark.parametrize("ticks", range(4))
async def test_a_cancellation_that_comes_with_the_brokers_answer_is_not_lost(ticks: int) -> None:
    """The client waits in a way that no moment of the cancellation can outrun."""
    client = make_client(BROKER, "id", keep_session=True)
    answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def follow() -> None:
        await client._wait_for(answer, timeout=None)  # what aiomqtt waits by everywhere
        await asyncio.Event().wait()

    task = asyncio.create_task(follow())
    await asyncio.sleep(0)
    answer.set_result(None)
    for _ in range(ticks):
        await asyncio.sleep(0)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=60)
    assert done == {task}
    assert task.cancelled()
