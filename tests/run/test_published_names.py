"""Home Assistant gets names as the household knows them, of a sealed log as well."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from eventlog.facts import FaceResult, Motion
from eventlog.reactors.alerts.rules import Doors
from eventlog.reactors.home_assistant import Publisher
from eventlog.reactors.home_assistant_device import Outward, Publication
from eventlog.run.home_assistant import make_reactor
from eventlog.store.event_store import EventStore

pytestmark = pytest.mark.anyio

AT = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize("sealed", [False, True])
async def test_the_last_person_is_published_by_name(tmp_path: Path, *, sealed: bool) -> None:
    """And never by a seal, which says nothing to anybody."""
    (tmp_path / "log").mkdir()
    (tmp_path / "keys").mkdir(mode=0o700)
    published: list[Publication] = []

    async def publish(one: Publication) -> None:
        published.append(one)

    async def no_picture(_: str) -> Any:
        return None

    outward = Outward(log_id="0123abcd", doors=("front",), version="1", last_person=True)
    doors = Doors({"front_door": "front"})
    publisher = Publisher(outward, doors, publish, no_picture, lambda: AT)
    keys = str(tmp_path / "keys") if sealed else None
    async with EventStore(
        str(tmp_path / "log/events.db"), str(tmp_path / "log/thumbnails"), keys_dir=keys
    ) as store:
        seen = Motion(recorded_at=AT, camera_id="front_door")
        await store.append(seen, FaceResult(name="ada", distance=0.3))
        await make_reactor(store, publisher).run_to_end()
    told = [one.payload for one in published if one.topic.endswith("/last_person")]
    assert told == [b"ada"]
