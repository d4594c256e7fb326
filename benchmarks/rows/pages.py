"""The pages of a long history: the server's own time while others watch and append.

The dashboard runs in a process of its own over a copy of the log, this one asks. Twenty programs
hold a stream and eight append ten times a second at most; one browser asks for pages, one after the
other. The times are those of the header `Server-Timing`, the delay of a record is from the request
that appended it to the stream.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Final

import httpx

from benchmarks import workload
from benchmarks.bench import Bench
from benchmarks.logs import copy
from benchmarks.measures import Row, Series, figure, quantile
from eventlog.dashboard.manage import add_token
from tests.dashboard.running import Running

STREAMS: Final = 20
APPENDING: Final = 8
SECONDS: Final = (20, 3)
PAGE_P99_MS: Final = 50
SEEN_P99_MS: Final = 300
WARM_UP: Final = 3  # pages of each kind before the clock starts: the first ones fill caches
_DURATION: Final = re.compile(r"app;dur=([\d.]+)")
_STRANGERS: Final = 40  # of today, so that the page has what it shows of a day


async def pages(bench: Bench) -> Row:
    """Pages and streams under load."""
    events = bench.sizes[-1]
    async with served(bench, events) as (running, tokens):
        load = _Load(tokens, events, bench.size(*SECONDS))
        async with (
            httpx.AsyncClient(base_url=running.url, limits=httpx.Limits()) as programs,
            httpx.AsyncClient(base_url=running.url) as browser,
        ):
            await sign_in(browser, running)
            for _ in range(WARM_UP):
                await load.look_once(browser)
            load.pages_ms.clear()
            load.until = time.monotonic() + load.seconds
            async with asyncio.TaskGroup() as tasks:
                for number in range(STREAMS):
                    tasks.create_task(load.watch(programs, number))
                for number in range(APPENDING):
                    tasks.create_task(load.append(programs, number))
                tasks.create_task(load.look(browser))
    return Row(
        name=f"pages at {events:,} events, {STREAMS} streams, {APPENDING} append",
        figures=[
            *(
                figure(f"{name}, p99", [quantile(some, 0.99)], "ms", at_most=PAGE_P99_MS)
                for name, some in load.pages_ms.items()
            ),
            figure(
                "a record in a stream, p99",
                [quantile(load.seen_ms, 0.99)],
                "ms",
                at_most=SEEN_P99_MS,
            ),
        ],
        series=[Series(f"{name}, median", "ms", [median(s)]) for name, s in load.pages_ms.items()],
        notes=[f"{len(load.sent):,} appends in {load.seconds} s"],
    )


class _Load:
    """What goes on at once, until a time: appends, streams and one who looks at pages."""

    def __init__(self, tokens: list[str], events: int, seconds: int) -> None:
        self.seconds = seconds
        self.until = 0.0
        self.sent: dict[str, float] = {}
        self.seen_ms: list[float] = []
        self.pages_ms: dict[str, list[float]] = {}
        self._headers = [{"authorization": f"Bearer {token}"} for token in tokens]
        self._events = events
        self._random = random.Random(workload.SEED)

    async def append(self, client: httpx.AsyncClient, number: int) -> None:
        """Append a visit ten times a second at most, by a token of its own: each has a rate."""
        headers = self._headers[number % len(self._headers)]
        while time.monotonic() < self.until:
            began = time.monotonic()
            answer = await client.post("/api/facts", json={"facts": [motion()]}, headers=headers)
            assert answer.status_code == 201, answer.text
            self.sent[answer.json()["positions"][0]] = began
            await asyncio.sleep(0.1)

    async def watch(self, client: httpx.AsyncClient, number: int) -> None:
        """Hold a stream; the first one notes when each position came."""
        headers = self._headers[number % len(self._headers)]
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
        """Ask for pages, one after the other."""
        while time.monotonic() < self.until:
            await self.look_once(client)

    async def look_once(self, client: httpx.AsyncClient) -> None:
        """Ask for a page of each kind, and note the server's own time for each."""
        event_id = self._random.randrange(1, self._events)
        for name, path in (
            ("timeline", "/"),
            ("event", f"/events/{event_id}"),
            ("filter by person and door", "/?person=1&outcome=granted"),
            ("text and time of day", f"/?text={workload.RARE_LABEL}&hour_from=08:00&hour_to=20:00"),
            ("cards live", f"/timeline/live?ids={event_id}"),
            ("unlocks", "/unlocks"),
        ):
            answer = await client.get(path, follow_redirects=True)
            assert answer.status_code == 200, path
            match = _DURATION.search(answer.headers["server-timing"])
            assert match is not None
            self.pages_ms.setdefault(name, []).append(float(match[1]))
            await asyncio.sleep(0.01)


def motion() -> dict[str, str]:
    """A visit of the present moment, as the API takes it."""
    at = datetime.now(UTC).isoformat()
    return {"kind": "motion", "camera_id": "front_door", "recorded_at": at}


@asynccontextmanager
async def served(bench: Bench, events: int) -> AsyncIterator[tuple[Running, list[str]]]:
    """A dashboard over a copy of the log of that size, with some visits of today, and two tokens.

    Two, as one of them may not hold all of the streams.
    """
    made = bench.logs.past(events)
    async with bench.spare() as folder:
        path: Path = copy(made, folder)
        tokens = [add_token(str(path), f"bench {n}", ["read", "append"]) for n in range(APPENDING)]
        with Running(folder) as running:
            headers = {"authorization": f"Bearer {tokens[0]}"}
            async with httpx.AsyncClient(base_url=running.url, headers=headers) as client:
                face = {"kind": "face_result", "distance": 0.8, "tolerance": 0.5}
                for _ in range(_STRANGERS):
                    facts = [motion(), face]
                    answer = await client.post("/api/facts", json={"facts": facts})
                    assert answer.status_code == 201, answer.text
            yield running, tokens


async def sign_in(client: httpx.AsyncClient, running: Running) -> None:
    """Use the link that signs in once."""
    page = (await client.get("/sign-in")).text
    match = re.search(r'name="csrf_token" value="(\w+)"', page)
    assert match is not None
    form = {"csrf_token": match[1], "code": running.link.partition("#")[2]}
    answer = await client.post("/sign-in", data=form, headers={"origin": running.url})
    assert answer.status_code == 303
