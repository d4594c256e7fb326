"""Ten thousand appends while the views are rebuilt: they go on, and readers see whole tables.

The figures are promised: an append waits 50 ms at most (p99), the swap takes 500 ms. Where
others keep the machine busy a round may miss them, and then there is another.
"""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
import time
from pathlib import Path

import pytest

from eventlog import EventStore
from eventlog.facts import Detection, Motion
from eventlog.followers import compare as replay_check
from eventlog.followers.replay import Replay
from eventlog.store.reader import Reader
from tests.support.dumps import views_of
from tests.support.logs import T0, build_log

APPEND_P99_S = 0.05
SWAP_S = 0.5
CALLERS = 8
ROUNDS = 3


class Watched:
    """What appends and readers meet while a log is replayed again and again."""

    def __init__(self, path: Path, appends: int) -> None:
        self.path = path
        self.waited_s: list[float] = []
        self.replays = 0
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
            began = time.perf_counter()
            await store.append(motion, Detection(label="person", confidence=0.5))
            self.waited_s.append(time.perf_counter() - began)

    async def _replay(self, store: EventStore) -> None:
        while not self._done.is_set():
            await store.replay()
            self.replays += 1

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
def test_appends_go_on_while_the_views_are_rebuilt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """10,000 appends by eight callers: quick ones, and views that equal a rebuild afterwards."""
    swaps_s: list[float] = []
    swap = Replay._swap

    def timed(replay: Replay, connection: sqlite3.Connection) -> None:
        began = time.perf_counter()
        swap(replay, connection)
        swaps_s.append(time.perf_counter() - began)

    monkeypatch.setattr(Replay, "_swap", timed)
    p99_s = 0.0
    for number in range(ROUNDS):
        swaps_s.clear()
        p99_s = one_round(build_log(tmp_path / f"{number}.db", 3_000), swaps_s)
        if p99_s <= APPEND_P99_S and max(swaps_s) <= SWAP_S:
            return
    raise AssertionError(f"an append waited {p99_s:.3f} s (p99), a swap took {max(swaps_s):.3f} s")


def one_round(path: Path, swaps_s: list[float]) -> float:
    """Do it all on this log, see that nothing came of it, and answer the appends' p99."""
    watched = Watched(path, 10_000)
    asyncio.run(watched.run())
    p99_s = statistics.quantiles(watched.waited_s, n=100)[98]
    print(  # noqa: T201 - the figures belong to the result
        f"{len(watched.waited_s)} appends, p99 {p99_s * 1000:.1f} ms, {watched.replays} replays,"
        f" longest swap {max(swaps_s) * 1000:.0f} ms, {watched.looks} looks"
    )
    assert len(watched.waited_s) == 10_000
    assert watched.replays >= 1
    assert watched.looks > 100
    live = views_of(path)
    assert replay_check.check(path) == []
    asyncio.run(_replay(path))
    assert views_of(path) == live
    return p99_s


async def _replay(path: Path) -> None:
    async with EventStore(str(path), str(path.parent / "t")) as store:
        await store.replay()
