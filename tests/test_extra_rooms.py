"""The core works without any extra room: each can be removed without a change of the core."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXTRA = (
    *("evidence", "sources", "decision", "reactors", "run", "dashboard", "maintenance"),
    "cli",
)
# What a pipeline does, in a process in which the rooms of the command line can't be imported.
PIPELINE = """
import asyncio, io, sys
from importlib.abc import MetaPathFinder
from datetime import UTC, datetime

class Blocked(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if any(name == room or name.startswith(room + ".") for room in BLOCKED):
            raise ImportError(f"{name} is blocked")
        return None

BLOCKED = [f"eventlog.{room}" for room in sys.argv[2:]]
sys.meta_path.insert(0, Blocked())
import eventlog
from eventlog.facts import Ding, FaceResult, PersonNamed, UnlockAction
from PIL import Image

async def main():
    picture = io.BytesIO()
    Image.new("RGB", (40, 30)).save(picture, "JPEG")
    async with eventlog.EventStore(sys.argv[1], sys.argv[1] + ".thumbnails") as store:
        path = store.save_thumbnail(picture.getvalue(), "2026-02-25T10:30:00")
        event = await store.write_event(
            "front_door", "2026-02-25T10:30:00", person_name="anna", unlock_granted=True,
            door_action="unlocked", thumbnail_path=path,
            detections=[{"label": "person", "confidence": 0.9}],
        )
        receipt = await store.append(
            Ding(camera_id="front_door", recorded_at=datetime.now(UTC)),
            FaceResult(name="anna", distance=0.3),
            UnlockAction(granted=True, door_action="unlocked", person="anna"),
            key="visit",
        )
        await store.append(PersonNamed(name="anna", display_name="Anna"))
        await store.caught_up(receipt.positions[-1])
        before = await store.get_recent_events()
        await store.replay()
        assert await store.get_recent_events() == before
        assert (await store.get_event(event))["person_name"] == "anna"
        assert len(before) == 2
    async with eventlog.EventStore(sys.argv[1], sys.argv[1] + ".thumbnails") as store:
        assert await store.get_recent_events() == before

asyncio.run(main())
"""


@pytest.mark.parametrize("rooms", [*((room,) for room in EXTRA), EXTRA], ids="+".join)
def test_the_core_works_without_the_room(rooms: tuple[str, ...], tmp_path: Path) -> None:
    """A pipeline writes, reads, replays and starts again where the room can't be imported."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PIPELINE, str(tmp_path / "events.db"), *rooms],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
