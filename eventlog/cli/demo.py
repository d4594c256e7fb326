"""`eventlog demo`: a visit goes into a log of its own and comes out as a list and a story.

Never touches the owner's log: it knows no configuration.
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

from eventlog.facts import Detection, Ding, FaceResult, UnlockAction
from eventlog.store import EventStore


async def demo(folder: Path) -> int:
    """Make a log in `folder` anew, put a visit into it, and print what the views say."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    at = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)
    async with EventStore(str(folder / "events.db"), str(folder / "thumbnails")) as store:
        await store.append(
            Ding(camera_id="front_door", recorded_at=at),
            Detection(label="person", confidence=0.91, recorded_at=at),
            FaceResult(name="alice", distance=0.38, tolerance=0.6, recorded_at=at),
            UnlockAction(granted=True, door_action="unlocked", person="alice", actor="face"),
        )
        for event in await store.get_recent_events():
            print(event["id"], event["recorded_at"], event["person_name"], event["door_action"])
    print(f"The log lies in {folder}")
    return 0
