"""Messages of a real broker: none is lost and none is stored twice, whoever dies."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import aiomqtt
import pytest

from eventlog.store.event_store import EventStore
from tests.live.follower import FOLLOWER
from tests.live.mosquitto import Mosquitto

pytestmark = [pytest.mark.anyio, pytest.mark.servers, pytest.mark.slow]

CHECKOUT: Final = Path(__file__).resolve().parents[2]
MESSAGES: Final = 3000
KILLS: Final = 20


@contextmanager
def following(folder: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """A follower in a process of its own, which ends with SIGKILL."""
    process = subprocess.Popen(
        [sys.executable, "-c", FOLLOWER, str(folder), str(port)],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "following\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def message(number: int) -> bytes:
    """What Frigate publishes when it sees an object for the first time."""
    seconds = 1_772_015_400 + number
    after = {
        "id": f"{seconds}.000001-abcdef",
        "camera": "front_door",
        "label": "person",
        "frame_time": seconds + 0.5,
        "start_time": seconds + 0.000001,
        "score": 0.8,
        "top_score": 0.8,
    }
    return json.dumps({"type": "new", "before": None, "after": after}).encode()


async def publish(port: int, numbers: range) -> None:
    """Publish messages at QoS 1, each acknowledged by the broker."""
    async with aiomqtt.Client("127.0.0.1", port) as client:
        for start in range(numbers.start, numbers.stop, 50):
            some = range(start, min(start + 50, numbers.stop))
            await asyncio.gather(
                *(client.publish("frigate/events", message(one), qos=1) for one in some)
            )


async def stored(folder: Path) -> list[str]:
    """The recordings of all events in the log, in order."""
    async with EventStore(f"{folder}/events.db", f"{folder}/thumbnails") as store:
        await store.caught_up(await store.reader.last_position())
        rows = await store.reader.run(
            lambda c: c.execute("SELECT recording_id FROM events ORDER BY recording_id").fetchall()
        )
    return [row[0] for row in rows]


def expected(count: int) -> list[str]:
    """The recordings of the first messages."""
    return [f"{1_772_015_400 + number}.000001-abcdef" for number in range(count)]


def count_stored(folder: Path) -> int:
    """How many events the journal has."""
    with closing(sqlite3.connect(f"file:{folder}/events.db?mode=ro", uri=True)) as connection:
        sql = "SELECT count(*) FROM journal WHERE kind = 'motion'"
        count: int = connection.execute(sql).fetchone()[0]
        return count


async def until_stored(folder: Path, port: int, count: int) -> None:
    """Follow until the broker has nothing more for us."""
    with following(folder, port):
        for _ in range(600):
            if count_stored(folder) >= count:
                return
            await asyncio.sleep(0.1)


async def test_a_subscriber_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    """3,000 messages, 20 kills -9: 0 lost, 0 twice."""
    with Mosquitto(tmp_path) as broker:
        with following(tmp_path, broker.port):
            pass  # the session is there from now on
        share = MESSAGES // KILLS
        for kill in range(KILLS):
            numbers = range(kill * share, (kill + 1) * share)
            publishing = asyncio.create_task(publish(broker.port, numbers))
            with following(tmp_path, broker.port):
                await asyncio.sleep(0.05 * (kill % 5))
            await publishing
        await until_stored(tmp_path, broker.port, MESSAGES)
    assert await stored(tmp_path) == expected(MESSAGES)


async def test_what_is_published_while_we_are_down_waits(tmp_path: Path) -> None:
    """5,000 messages queue at the broker, which has the lines that the README asks for."""
    with Mosquitto(tmp_path) as broker:
        with following(tmp_path, broker.port):
            pass
        await publish(broker.port, range(5000))
        await until_stored(tmp_path, broker.port, 5000)
    assert await stored(tmp_path) == expected(5000)


async def test_a_killed_broker_keeps_all_but_what_it_had_not_saved(tmp_path: Path) -> None:
    """With autosave_interval 1 on changes, a killed broker has all but its very last message.

    That one only Frigate's own history has: it is what reconciling is for.
    """
    broker = Mosquitto(tmp_path)
    broker.start()
    try:
        with following(tmp_path, broker.port):
            pass
        await publish(broker.port, range(1000))
        broker.kill()
        broker.start()
        await until_stored(tmp_path, broker.port, 999)
    finally:
        broker.kill()
    assert (await stored(tmp_path))[:999] == expected(999)


async def test_a_follower_comes_back_to_a_broker_that_was_away(tmp_path: Path) -> None:
    """The connection is made again without a restart of ours."""
    broker = Mosquitto(tmp_path)
    broker.start()
    try:
        with following(tmp_path, broker.port) as process:
            await publish(broker.port, range(10))
            broker.kill()
            broker.start()
            await publish(broker.port, range(10, 20))
            for _ in range(100):
                if count_stored(tmp_path) >= 20:
                    break
                await asyncio.sleep(0.1)
            assert process.poll() is None
    finally:
        broker.kill()
    assert await stored(tmp_path) == expected(20)
