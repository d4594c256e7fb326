"""Ten thousand appends while the views are rebuilt: they go on, and readers see whole tables.

How long an append waits and a swap takes is measured by `make bench ARGS="--only replay"`.
"""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from eventlog import EventStore
from eventlog.facts import Detection, Motion
from eventlog.followers import compare as replay_check
from eventlog.store.reader import Reader
from tests.support.dumps import views_of
from tests.support.logs import T0, build_log

APPENDS = 10_000
CALLERS = 8
BESIDE_ONE = 100  # a replay that kept appends waiting would let one of each caller through


class Watched:
    """What appends and readers meet while a log is replayed again and again."""

    def __init__(self, path: Path, appends: int) -> None:
        self.path = path
        self.appended = 0
        self.beside: list[int] = []  # how many appends each replay let through
        self.looks = 0
        self._numbers = iter(range(appends))
        self._done = asyncio.Event()

    async def run(self) -> None:
        """Append it all."""
        async with EventStore(str(self.path), str(self.path.parent / "t")) as store:
            replays = asyncio.create_task(self._replay(store))
            reads = asyncio.create_task(self._read())
            await asyncio.gather(*(self._append(store) for _ in range(CALLERS)))
            self._done.set()
            await asyncio.gather(replays, reads)
            await store.caught_up(await store.reader.last_position())

    async def _append(self, store: EventStore) -> None:
        for number in self._numbers:
            motion = Motion(camera_id="door", recorded_at=T0, recording_id=str(number))
            await store.append(motion, Detection(label="person", confidence=0.5))
            self.appended += 1

    async def _replay(self, store: EventStore) -> None:
        while not self._done.is_set():
            before = self.appended
            await store.replay()
            self.beside.append(self.appended - before)

    async def _read(self) -> None:
        """See that the tables hold what they held before, at least, and no half visit."""
        events = 0
        async with await Reader.open(self.path) as reader:
            while not self._done.is_set():
                now, detected = await reader.run(_counted)
                assert now >= events, "a reader saw tables that were being filled"
                assert detected
                events = now
                self.looks += 1
                await asyncio.sleep(0.001)


def _counted(connection: sqlite3.Connection) -> tuple[int, bool]:
    connection.execute("BEGIN")
    try:
        (events,) = connection.execute("SELECT count(*) FROM events").fetchone()
        (bare,) = connection.execute(
            "SELECT count(*) FROM (SELECT id FROM events WHERE recording_id GLOB '[0-9]*'"
            " ORDER BY id DESC LIMIT 50) AS e WHERE NOT EXISTS"
            " (SELECT 1 FROM detections WHERE event_id = e.id)"
        ).fetchone()
        return events, bare == 0
    finally:
        connection.execute("COMMIT")


@pytest.mark.faults
def test_appends_go_on_while_the_views_are_rebuilt(tmp_path: Path) -> None:
    """10,000 appends by eight callers go through, and the views equal a rebuild afterwards."""
    path = build_log(tmp_path / "events.db", 3_000)
    watched = Watched(path, APPENDS)
    asyncio.run(watched.run())
    print(f"appends beside each replay: {watched.beside}, {watched.looks} looks")  # noqa: T201 - the figures belong to the result
    assert watched.appended == APPENDS
    assert max(watched.beside) >= BESIDE_ONE
    assert watched.looks > 100
    live = views_of(path)
    assert replay_check.check(path) == []
    asyncio.run(_replay(path))
    assert views_of(path) == live


async def _replay(path: Path) -> None:
    async with EventStore(str(path), str(path.parent / "t")) as store:
        await store.replay()
