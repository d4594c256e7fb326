"""Several processes on one log: appenders, a replay and a follower, all at once."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from eventlog import EventStore
from tests.support.dumps import journal_of, soundness_of, views_of

HERE = Path(__file__).resolve().parent.parent.parent
EVENTS = int(os.environ.get("EVENTS", "1500"))

APPENDER = """
import asyncio, json, sys
from datetime import UTC, datetime
from eventlog import Detection, EventStore, Motion

async def main(path, name, events):
    receipts = {}
    async with EventStore(path, path + ".thumbnails") as store:
        async def one(n):
            at = datetime(2026, 2, 25, tzinfo=UTC)
            receipt = await store.append(
                Motion(camera_id=name, recorded_at=at, recording_id=str(n)),
                Detection(label="person", confidence=0.9),
                key=f"{name}:{n}",
            )
            receipts[n] = [list(receipt.positions), receipt.event_id]
        async def caller(first):
            for n in range(first, events, 16):
                await one(n)
        await asyncio.gather(*(caller(first) for first in range(16)))
    print(json.dumps(receipts))

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""

REPLAYER = """
import asyncio, sys
from eventlog import EventStore

async def main(path, end):
    replays = 0
    async with EventStore(path, path + ".thumbnails") as store:
        while replays < 2 or await store.reader.last_position() < end:
            await store.replay()
            replays += 1
    print(replays)

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""

FOLLOWER = """
import asyncio, json, sys
from pathlib import Path
from eventlog import Reader

async def main(path, end):
    seen = []
    async with await Reader.open(Path(path)) as reader:
        async for record in reader.subscribe():
            seen.append(record.position)
            if record.position == end:
                break
    print(json.dumps(seen))

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    """A Python process that runs the code with these arguments."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code, *map(str, arguments)],
        cwd=HERE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answer(process: subprocess.Popen[str]) -> Any:
    """What a process printed, as JSON, once it has ended well."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert err == ""
    return json.loads(out)


async def _make(path: Path) -> None:
    async with EventStore(str(path), str(path) + ".thumbnails"):
        pass


def test_two_appenders_a_replay_and_a_follower_share_one_log(tmp_path: Path) -> None:
    """Every receipt is true, positions have no hole, and the follower sees each record once.

    EVENTS in the environment is the number of events of each appender.
    """
    path = tmp_path / "events.db"
    asyncio.run(_make(path))
    end = 2 * 2 * EVENTS
    follower = start(FOLLOWER, path, end)
    replayer = start(REPLAYER, path, end)
    appenders = {name: start(APPENDER, path, name, EVENTS) for name in ("front", "back")}
    receipts = {name: answer(process) for name, process in appenders.items()}
    seen, replays = answer(follower), answer(replayer)

    rows = journal_of(path)
    assert [row[0] for row in rows] == list(range(1, end + 1)) == seen
    assert replays >= 2
    for name, by_number in receipts.items():
        assert len(by_number) == EVENTS
        for number, (positions, event_id) in by_number.items():
            first = rows[positions[0] - 1]
            assert (first[8], first[1]) == (f"{name}:{number}", event_id)
    assert sorted(e for own in receipts.values() for _, e in own.values()) == list(
        range(1, 2 * EVENTS + 1)
    )
    assert soundness_of(path) == [("ok",)]
    assert len(views_of(path)["events"]) == 2 * EVENTS


@pytest.mark.anyio
async def test_what_many_processes_wrote_replays_to_the_same_views(tmp_path: Path) -> None:
    """Each record was applied exactly once, though four projectors ran."""
    path = tmp_path / "events.db"
    await _make(path)
    processes = [start(APPENDER, path, name, 200) for name in ("a", "b", "c", "d")]
    for process in processes:
        await asyncio.to_thread(answer, process)
    live = views_of(path)
    async with EventStore(str(path), str(path) + ".thumbnails") as store:
        await store.replay()

    assert views_of(path) == live
