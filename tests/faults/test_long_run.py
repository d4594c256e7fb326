"""A year at a door in minutes, and callers that come and go: nothing grows that should not.

Memory, descriptors, threads and the WAL are measured from inside, in a process of its own for
the long run.
"""

from __future__ import annotations

import asyncio
import gc
import io
import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from PIL import Image

from eventlog.facts import AlertSent, Detection, FaceResult, Motion, UnlockAction
from eventlog.maintenance.verify.log import verify
from eventlog.record import Receipt
from eventlog.storage.paths import wal_path
from eventlog.store.event_store import EventStore

CHECKOUT = Path(__file__).resolve().parents[2]
AT = datetime(2026, 1, 1, tzinfo=UTC)
MB: Final = 1024 * 1024

# A hundred visits a day.
VISITS_A_YEAR: Final = 36_500
AT_ONCE: Final = 32
# After so much of the run nothing may grow any more but what stands below.
WARM: Final = 0.2
MEMORY_GROWTH_MAX: Final = 24 * MB
MEMORY_MAX: Final = 150 * MB
WAL_MAX: Final = 16 * MB


def size_bytes() -> int:
    """The memory that this process has in use."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def peak_bytes() -> int:
    """The most that this process ever had in use."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def things_open() -> tuple[int, int]:
    """How many descriptors and threads this process has."""
    return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()


def open_store(folder: Path) -> EventStore:
    """A store in a folder."""
    return EventStore(str(folder / "events.db"), str(folder / "thumbnails"))


# ── a year ─────────────────────────────────────────────────────────────────────────────────


async def live_a_year(folder: Path, visits: int) -> dict[str, Any]:
    """Visits as fast as they go in, with all that a house does beside; answers the figures."""
    figures: dict[str, Any] = {"wal": 0}
    buffer = io.BytesIO()
    Image.new("RGB", (320, 240), (9, 99, 199)).save(buffer, "JPEG")
    async with open_store(folder) as store:
        follower = asyncio.create_task(_follow(store))
        for first in range(0, visits, AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, visits))
            await asyncio.gather(*(_visit(store, number) for number in numbers))
            await _beside(store, first, visits, buffer.getvalue())
            wal = wal_path(Path(store.db_path))
            figures["wal"] = max(figures["wal"], wal.stat().st_size if wal.exists() else 0)
            if first <= visits * WARM < first + AT_ONCE:
                gc.collect()
                figures["warm"], figures["open"] = size_bytes(), things_open()
        follower.cancel()
        with suppress(asyncio.CancelledError):
            await follower
        gc.collect()
        figures["end"], figures["open at the end"] = size_bytes(), things_open()
    figures["peak"] = peak_bytes()
    figures["sound"] = verify(folder / "events.db").ok
    return figures


async def _visit(store: EventStore, number: int) -> None:
    at = AT + timedelta(minutes=14 * number)
    facts = (
        Motion(camera_id="front_door", recorded_at=at, recording_id=str(number)),
        Detection(label="person", confidence=0.9),
        FaceResult(name=f"person {number % 50}", distance=0.3),
        UnlockAction(granted=number % 3 == 0, door_action="unlocked"),
    )
    receipt = await store.append(*facts, key=f"visit:{number}")
    await store.append(AlertSent(channel="chat"), event_id=receipt.event_id, durability="relaxed")


async def _beside(store: EventStore, first: int, visits: int, frame: bytes) -> None:
    if first % (20 * AT_ONCE) == 0:
        at = (AT + timedelta(minutes=first)).isoformat()
        path = await store.save_thumbnail_async(frame, at, keep_jpeg=True)
        await store.write_event("front_door", at, thumbnail_path=path)
        assert len(await store.get_recent_events(limit=50)) > 0
        waiting = asyncio.create_task(store.append(Motion(camera_id="cancelled", recorded_at=AT)))
        await asyncio.sleep(0)
        waiting.cancel()
    if first and first % (visits // 4 // AT_ONCE * AT_ONCE) == 0:
        await store.replay()


async def _follow(store: EventStore) -> None:
    async for _ in store.subscribe():
        pass


@pytest.mark.faults
def test_a_year_at_a_door_leaves_memory_and_wal_bounded(tmp_path: Path) -> None:
    """36,500 visits: no descriptor and no thread more than after the first fifth, little memory."""
    code = (
        "import asyncio, json, sys; from pathlib import Path;"
        "from tests.faults.test_long_run import live_a_year;"
        "print(json.dumps(asyncio.run(live_a_year(Path(sys.argv[1]), int(sys.argv[2])))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), str(VISITS_A_YEAR)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    print(figures)  # noqa: T201 - the figures belong to the result
    assert figures["sound"]
    assert figures["open at the end"] == figures["open"]
    assert figures["end"] - figures["warm"] < MEMORY_GROWTH_MAX
    assert figures["peak"] < MEMORY_MAX
    assert figures["wal"] < WAL_MAX


# ── who comes and goes ─────────────────────────────────────────────────────────────────────


async def come_and_go(folder: Path, times: int) -> None:
    """Appends that are cancelled, stores that are opened and closed, subscribers that go away."""
    async with open_store(folder) as store:
        first = await store.append(Motion(camera_id="first", recorded_at=AT), key="first")
        for number in range(times):
            waiting = [
                asyncio.create_task(store.append(Motion(camera_id="door", recorded_at=AT)))
                for _ in range(10)
            ]
            await asyncio.sleep(0)
            for task in waiting[number % 2 :]:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            subscriber = store.subscribe()
            assert (await anext(subscriber)).key == "first"
            gone = asyncio.create_task(_follow(store))
            await asyncio.sleep(0)
            gone.cancel()
        for _ in range(times // 5):
            async with open_store(folder) as another:
                assert await another.receipt("first") == first
        # Those that were cancelled have been written, and the store still answers.
        last = await store.append(Motion(camera_id="last", recorded_at=AT))
        assert isinstance(last, Receipt)
        await store.caught_up(last.positions[-1])


async def require_all_goes_back(folder: Path, times: int) -> None:
    """Let them come and go, and see that nothing is left open."""
    await come_and_go(folder, 5)
    gc.collect()
    before = things_open()
    await come_and_go(folder, times)
    gc.collect()
    descriptors, threads = things_open()
    # Fewer is not a leak: what an earlier test left may end meanwhile.
    assert descriptors <= before[0]
    assert threads <= before[1]


@pytest.mark.anyio
async def test_whoever_comes_and_goes_leaves_nothing_open(tmp_path: Path) -> None:
    """Descriptors and threads are back to the start."""
    await require_all_goes_back(tmp_path, 30)


@pytest.mark.faults
@pytest.mark.anyio
async def test_ten_thousand_who_come_and_go_leave_nothing_open(tmp_path: Path) -> None:
    """The same with 10,000 appends, most of them cancelled, and 200 stores."""
    before = size_bytes()
    await require_all_goes_back(tmp_path, 1000)
    assert size_bytes() - before < 2 * MEMORY_GROWTH_MAX
