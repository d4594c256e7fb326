"""Messages of a real broker into the journal: how many a second, and how soon each is committed.

The broker's queue is filled before we connect, so that no publisher limits the rate, and the broker
keeps it in memory: one that saves at each change writes its whole file each time, which limits it
long before we do. The delay is from the publisher's own time in the message to the commit, at 50
messages a second, by one clock, with a broker that saves.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
import sqlite3
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Final

import aiomqtt

from benchmarks.bench import Bench
from benchmarks.measures import Row, Series, figure
from tests.live.follower import FOLLOWER
from tests.run.house import seen

QUEUED: Final = (10_000, 3_000)
SAVED: Final = 500
PACE_S: Final = 0.02
PACED: Final = (1_000, 150)
STARTS_S: Final = 30.0
QUEUES: Final = "max_queued_messages 0\nqueue_qos0_messages true\n"
MORE_UNDER_WAY: Final = "max_inflight_messages 256\n"
# What docs/deploy/mosquitto.conf asks for as well: at each change the broker writes its whole file.
SAVES: Final = "persistence true\nautosave_interval 1\nautosave_on_changes true\n"


async def mqtt(bench: Bench) -> Row:
    """The rate of a full queue, and the delay at 50 messages a second."""
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if program is None:
        return Row(name="MQTT: mosquitto is not installed, nothing was measured", figures=[])
    number = bench.size(*QUEUED)
    rates = [await _rate(bench, program, number, MORE_UNDER_WAY) for _ in range(bench.rounds)]
    usual = [await _rate(bench, program, number, "") for _ in range(bench.rounds)]
    saving = await _rate(bench, program, SAVED, MORE_UNDER_WAY + SAVES)
    delays = sorted(await _delays(bench, program, bench.size(*PACED)))
    p50, p95 = (delays[int(len(delays) * part)] * 1000 for part in (0.5, 0.95))
    return Row(
        name="MQTT to the journal, acknowledged after the commit",
        figures=[
            figure("rate of a full queue", rates, "messages/s", at_least=1000),
            figure("message to commit, p95", [p95], "ms", at_most=50),
        ],
        series=[
            Series("256 messages under way", "messages/s", rates),
            Series("mosquitto's usual 20 under way", "messages/s", usual),
            Series("the broker saves at each change, a queue of 500", "messages/s", [saving]),
            Series("message to commit, p50", "ms", [p50]),
        ],
    )


async def _rate(bench: Bench, program: str, number: int, lines: str) -> float:
    async with bench.spare() as folder, _broker(program, folder, lines) as port:
        await _end(await _follow(folder, port))  # the session is there from now on
        await _publish(port, number, pace_s=0.0)
        began = time.perf_counter()
        follower = await _follow(folder, port)
        while _stored(folder) < number:  # noqa: ASYNC110 - another process stores them
            await asyncio.sleep(0.01)
        took = time.perf_counter() - began
        await _end(follower)
    return number / took


async def _delays(bench: Bench, program: str, number: int) -> list[float]:
    async with bench.spare() as folder, _broker(program, folder, SAVES) as port:
        follower = await _follow(folder, port)
        await _publish(port, number, pace_s=PACE_S)
        while _stored(folder) < number:  # noqa: ASYNC110 - another process stores them
            await asyncio.sleep(0.05)
        await _end(follower)
        with closing(sqlite3.connect(folder / "events.db")) as connection:
            sql = "SELECT key, appended_at FROM journal WHERE kind = 'motion'"
            return [at / 1e6 - float(key.split(":")[1][:17]) for key, at in connection.execute(sql)]


@asynccontextmanager
async def _broker(program: str, folder: Path, lines: str) -> AsyncIterator[int]:
    """A mosquitto of our own on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    config = folder / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\nlog_dest none\n"
        f"persistence_location {folder}/\nset_tcp_nodelay true\n{QUEUES}{lines}",
        encoding="utf-8",
    )
    process = await asyncio.create_subprocess_exec(program, "-c", str(config))
    try:
        async with asyncio.timeout(STARTS_S):
            while not await _answers(port):  # noqa: ASYNC110 - another process starts
                await asyncio.sleep(0.02)
        yield port
    finally:
        process.kill()
        await process.wait()


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def _follow(folder: Path, port: int) -> Process:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", FOLLOWER, str(folder), str(port), stdout=PIPE
    )
    assert child.stdout is not None
    assert await child.stdout.readline() == b"following\n"
    return child


async def _end(child: Process) -> None:
    child.send_signal(signal.SIGKILL)
    await child.wait()


async def _publish(port: int, number: int, *, pace_s: float) -> None:
    """Publish at QoS 1, many at once or one at a time, each with the time of its own."""
    async with aiomqtt.Client("127.0.0.1", port) as client:
        client.pending_calls_threshold = number
        for start in range(0, number, 1 if pace_s else 200):
            some = range(start, min(start + (1 if pace_s else 200), number))
            await asyncio.gather(
                *(client.publish("frigate/events", seen(one), qos=1) for one in some)
            )
            await asyncio.sleep(pace_s)


def _stored(folder: Path) -> int:
    path = f"file:{folder}/events.db?mode=ro"
    with closing(sqlite3.connect(path, uri=True)) as connection:
        sql = "SELECT count(*) FROM journal WHERE kind = 'motion'"
        found: int = connection.execute(sql).fetchone()[0]
        return found
