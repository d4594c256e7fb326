"""How quick the pages are on a long history, under streams and appends. A measurement, bounded.

The dashboard runs in a process of its own, this one asks. EVENTLOG_EVENTS says how long the
history is; the log is built again each time. What is held is what issue 5 promises, and the figures
are printed either way.
"""

from __future__ import annotations

import asyncio
import os
import re
import statistics
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from eventlog.dashboard.manage import add_token
from eventlog.facts import Detection, Ding, FaceResult, Motion, UnlockAction
from eventlog.followers.projector import project_batch
from eventlog.journal.append import Append, prepare
from eventlog.store import opening
from tests.dashboard.running import Running
from tests.support.logs import put, write_head, writing

pytestmark = [pytest.mark.faults, pytest.mark.anyio]

EVENTS = int(os.environ.get("EVENTLOG_EVENTS", "1000000"))
BATCH = 20_000
STREAMS = 20
APPENDING = 8
SECONDS = 20.0
PAGE_P99_MS = 50.0
SEEN_MS = 300.0
DURATION = re.compile(r"app;dur=([\d.]+)")


def visit(number: int, random: Random) -> Append:
    """A visit of a busy house: four cameras, ten people, some strangers."""
    at = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=3 * number)
    opener = Ding if number % 7 == 0 else Motion
    facts: list[Any] = [opener(camera_id=f"camera{random.randrange(4)}", recorded_at=at)]
    facts.append(Detection(label=random.choice(("person", "cat", "car")), confidence=0.8))
    if number % 3 == 0:
        name = random.choice([None, *(f"person{n}" for n in range(10))])
        facts.append(FaceResult(name=name, distance=0.4, tolerance=0.6))
        facts.append(UnlockAction(granted=name is not None, person=name, actor="face"))
    return prepare(facts)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, list[str]]]:
    """A dashboard over the history, and tokens that read and append."""
    folder: Path = tmp_path_factory.mktemp("speed")
    path = folder / "events.db"
    random = Random(5)
    with writing(path) as connection:
        opening.prepare(connection, path)
        for start in range(1, EVENTS + 1, BATCH):
            end = min(start + BATCH, EVENTS + 1)
            put(connection, [visit(number, random) for number in range(start, end)])
            while not project_batch(connection).at_end:
                pass
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        write_head(path, connection)
    # Two, as one of them may not hold all of the streams.
    tokens = [add_token(str(path), f"speed {n}", ["read", "append"]) for n in range(2)]
    with Running(folder) as started:
        yield started, tokens


class Load:
    """What goes on at once, until a time: appends, streams and one who looks at pages."""

    def __init__(self, tokens: list[str]) -> None:
        self.headers = [{"authorization": f"Bearer {token}"} for token in tokens]
        self.until = time.monotonic() + SECONDS
        self.sent: dict[str, float] = {}
        self.seen_ms: list[float] = []
        self.pages_ms: dict[str, list[float]] = {}

    async def append(self, client: httpx.AsyncClient) -> None:
        """Append a visit ten times a second at most."""
        while time.monotonic() < self.until:
            at = datetime.now(UTC).isoformat()
            fact = {"kind": "motion", "camera_id": "camera0", "recorded_at": at}
            began = time.monotonic()
            answer = await client.post(
                "/api/facts", json={"facts": [fact]}, headers=self.headers[0]
            )
            assert answer.status_code == 201
            self.sent[answer.json()["positions"][0]] = began
            await asyncio.sleep(0.1)

    async def watch(self, client: httpx.AsyncClient, number: int) -> None:
        """Hold a stream; the first one notes when each position came."""
        headers = self.headers[number % len(self.headers)]
        came: dict[str, float] = {}
        async with client.stream("GET", "/api/stream", headers=headers, timeout=None) as stream:
            assert stream.status_code == 200
            async for line in stream.aiter_lines():
                if time.monotonic() > self.until:
                    break
                if line.startswith("id: "):
                    position, _, _ = line.removeprefix("id: ").partition(":")
                    came[position] = time.monotonic()
        if number == 0:
            both = self.sent.keys() & came.keys()
            self.seen_ms = [(came[one] - self.sent[one]) * 1000 for one in both]

    async def look(self, client: httpx.AsyncClient) -> None:
        """Ask for pages, one after the other, and note the server's own time for each."""
        random = Random(7)
        while time.monotonic() < self.until:
            for name, path in (
                ("timeline", "/"),
                ("event", f"/events/{random.randrange(1, EVENTS)}"),
                ("filtered", f"/?person=person{random.randrange(10)}&outcome=granted"),
            ):
                answer = await client.get(path, follow_redirects=True)
                assert answer.status_code == 200
                match = DURATION.search(answer.headers["server-timing"])
                assert match is not None
                self.pages_ms.setdefault(name, []).append(float(match[1]))
                await asyncio.sleep(0.01)


async def test_pages_are_quick_while_twenty_watch_and_eight_append(
    running: tuple[Running, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Server time (p99) of timeline and event page, and the delay of a fact in a stream."""
    dashboard, tokens = running
    async with (
        httpx.AsyncClient(base_url=dashboard.url, limits=httpx.Limits()) as programs,
        httpx.AsyncClient(base_url=dashboard.url) as browser,
    ):
        await sign_in(browser, dashboard)
        load = Load(tokens)
        async with asyncio.TaskGroup() as tasks:
            for number in range(STREAMS):
                tasks.create_task(load.watch(programs, number))
            for _ in range(APPENDING):
                tasks.create_task(load.append(programs))
            tasks.create_task(load.look(browser))
    with capsys.disabled():
        for name, measured in load.pages_ms.items():
            sys.stdout.write(f"\n{name}: {len(measured)} pages, {figures(measured)}")
        sys.stdout.write(f"\n{len(load.sent)} appended, stream {figures(load.seen_ms)}\n")
    assert percentile(load.pages_ms["timeline"], 99) <= PAGE_P99_MS
    assert percentile(load.pages_ms["event"], 99) <= PAGE_P99_MS
    assert percentile(load.seen_ms, 99) <= SEEN_MS


async def sign_in(client: httpx.AsyncClient, dashboard: Running) -> None:
    """Use the link."""
    page = (await client.get("/sign-in")).text
    match = re.search(r'name="csrf_token" value="(\w+)"', page)
    assert match is not None
    form = {"csrf_token": match[1], "code": dashboard.link.partition("#")[2]}
    answer = await client.post("/sign-in", data=form, headers={"origin": dashboard.url})
    assert answer.status_code == 303


def percentile(measured: list[float], percent: int) -> float:
    """A percentile, in the unit of what was measured."""
    return statistics.quantiles(measured, n=100)[percent - 1]


def figures(measured: list[float]) -> str:
    """Median, p99 and the longest, in milliseconds."""
    middle, high = statistics.median(measured), percentile(measured, 99)
    return f"median {middle:.1f} ms, p99 {high:.1f} ms, longest {max(measured):.1f} ms"
