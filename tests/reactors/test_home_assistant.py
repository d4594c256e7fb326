"""The door in Home Assistant: what is announced, what is published, and what never is."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from eventlog.facts import (
    ActuatorOutcome,
    Ding,
    DoorState,
    FaceResult,
    LockState,
    PersonErased,
    SourceBack,
    SourceSilent,
    UnlockAction,
)
from eventlog.followers.reactor import Reactor
from eventlog.reactors.alerts.rules import Doors
from eventlog.reactors.home_assistant import Publisher
from eventlog.reactors.home_assistant_device import Outward, Publication
from eventlog.store.event_store import EventStore

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)


def outward(**more: Any) -> Outward:
    """What is published of one door."""
    return Outward(log_id="0123abcd", doors=("front",), version="0.1", **more)


class Broker:
    """Keeps what is published."""

    def __init__(self, store: EventStore, **more: Any) -> None:
        self.published: list[Publication] = []
        self.store = store
        self.outward = outward(**more)
        self.restart()

    def restart(self) -> None:
        """A new process."""

        async def publish(one: Publication) -> None:
            self.published.append(one)

        async def read(path: str) -> bytes:
            return path.encode()

        doors = Doors({"front_door": "front", "front lock": "front"})
        self.publisher = Publisher(self.outward, doors, publish, read, lambda: NOW)
        self.reactor = Reactor(
            "ha", self.store._engine.writer, self.store.reader, self.publisher.act
        )

    async def told(self) -> list[tuple[str, str, bool]]:
        """What the new records brought: the topic's last part, the word or event type, retained."""
        self.published.clear()
        await self.reactor.run_to_end()
        found = []
        for topic, payload, retain in self.published:
            text = payload.decode()
            word = json.loads(text)["event_type"] if text.startswith("{") else text
            found.append((topic.rpartition("/")[2], word, retain))
        return found


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EventStore]:
    """An open log."""
    async with EventStore(str(tmp_path / "events.db"), str(tmp_path / "thumbnails")) as opened:
        yield opened


def test_one_device_is_announced_with_all_that_it_must_have() -> None:
    """Retained, on the device's topic; every component with a platform and a unique id."""
    (one,) = outward().announcements()
    payload = json.loads(one.payload)
    assert one.topic == "homeassistant/device/eventlog_0123abcd_front/config"
    assert one.retain
    assert {"device", "origin", "components", "availability_topic"} <= payload.keys()
    for component in payload["components"].values():
        assert component["unique_id"].startswith("eventlog_0123abcd_front_")
        assert component["platform"] in {"event", "binary_sensor", "sensor"}
    assert payload["components"]["doorbell"]["event_types"] == ["ring"]


@pytest.mark.parametrize("more", [{}, {"last_person": True, "picture": True}])
def test_no_lock_is_ever_announced(more: dict[str, Any]) -> None:
    """It would offer to unlock; and names and pictures only where they were asked for."""
    (one,) = outward(**more).announcements()
    components = json.loads(one.payload)["components"]
    assert "lock" not in {component["platform"] for component in components.values()}
    assert ("last_person" in components, "picture" in components) == (bool(more), bool(more))


def test_an_older_home_assistant_gets_one_message_an_entity() -> None:
    """Per platform, with the device in each."""
    found = list(outward(per_entity=True).announcements())
    assert len(found) == 7
    for one in found:
        payload = json.loads(one.payload)
        assert payload["device"]["identifiers"] == ["eventlog_0123abcd_front"]
        assert "platform" not in payload


async def test_two_tellers_of_one_ring_publish_one(store: EventStore) -> None:
    """An event is never retained; the time of the last ring is."""
    broker = Broker(store)
    await store.append(Ding(camera_id="front_door", recorded_at=NOW))
    await store.append(Ding(camera_id="front lock", recorded_at=NOW + timedelta(seconds=3)))
    assert await broker.told() == [
        ("doorbell", "ring", False),
        ("last_ring", NOW.isoformat(), True),
    ]
    broker.restart()
    assert await broker.told() == []


async def test_what_is_old_rings_no_bell(store: EventStore) -> None:
    """A first start over a long journal publishes states, no events."""
    broker = Broker(store)
    await store.append(Ding(camera_id="front_door", recorded_at=NOW - timedelta(days=1)))
    assert [what for what, _, _ in await broker.told()] == ["last_ring"]


async def test_the_bolt_shows_what_the_lock_did(store: EventStore) -> None:
    """Not what was wished, and no trial."""
    broker = Broker(store)
    part = "front lock"
    await store.append(
        UnlockAction(granted=True, door_action="unlocked", intent="i", door_id=part),
        UnlockAction(granted=True, door_action="unlocked", dry_run=True, door_id=part),
    )
    assert await broker.told() == []
    await store.append(ActuatorOutcome(intent="i", outcome="done", recorded_at=NOW))
    assert await broker.told() == [("access", "granted", False), ("bolt", "unlocked", True)]
    await store.append(LockState(door_id=part, state="locked", source="z2m"))
    await store.append(DoorState(door_id=part, state="ajar", source="z2m"))
    await store.append(UnlockAction(granted=False, door_id=part, recorded_at=NOW))
    assert await broker.told() == [
        ("bolt", "locked", True),
        ("door", "open", True),
        ("access", "refused", False),
    ]


async def test_a_silent_source_is_a_problem(store: EventStore) -> None:
    """Until it is back."""
    broker = Broker(store)
    await store.append(SourceSilent(source="frigate", since=NOW, reason="no_sign"))
    assert await broker.told() == [("problem", "ON", True)]
    await store.append(SourceBack(source="frigate", until=NOW))
    assert await broker.told() == [("problem", "OFF", True)]


async def test_an_erased_person_is_taken_off_the_broker(store: EventStore) -> None:
    """The retained name and picture are overwritten."""
    broker = Broker(store, last_person=True)
    await store.append(Ding(camera_id="front_door", recorded_at=NOW), FaceResult(name="ada"))
    assert ("last_person", "ada", True) in await broker.told()
    await store.append(PersonErased(sealed=(bytes(32),), reason="asked", requested_at=NOW))
    assert await broker.told() == [("last_person", "", True), ("picture", "", True)]
