"""Items fed to a real store: the journal holds what the plain model holds, once."""

from __future__ import annotations

import json
from collections import defaultdict
from itertools import chain
from pathlib import Path

import pytest

from eventlog import codecs
from eventlog.facts import Ding, Motion
from eventlog.sources.feed import Tally, feed
from eventlog.sources.frigate import adapter as frigate
from eventlog.sources.items import Addition, Item, Visit
from eventlog.sources.reading import read as read_file
from eventlog.sources.ring import adapter as ring
from eventlog.store.event_store import EventStore
from tests.sources.frigate.frigate_messages import START, api, attempt, mqtt, read, review, state
from tests.sources.store_model import ModelStore

pytestmark = pytest.mark.anyio


def store_in(folder: Path) -> EventStore:
    """A store with everything in one folder."""
    return EventStore(str(folder / "events.db"), str(folder / "thumbnails"))


async def stories(store: EventStore, head: int) -> dict[str, frozenset[bytes]]:
    """The facts of each event up to a position, as bytes, by the key of its opener."""
    facts: defaultdict[int | None, set[bytes]] = defaultdict(set)
    openers: dict[int | None, str] = {}
    if head:
        async for record in store.subscribe():
            facts[record.event_id].add(codecs.encode(record.fact)[2])
            if record.event_id not in openers:
                openers[record.event_id] = record.key or ""
            if record.position == head:
                break
    return {openers[event_id]: frozenset(story) for event_id, story in facts.items()}


def a_day_at_the_door() -> list[Item]:
    """Objects, rings, repeats, and elements that are refused, by each source."""
    gone = state(3, sub_label=["John", 0.95])
    objects = [
        [
            api(id=f"{START + n}-obj", label="dog" if n % 2 else "person"),
            mqtt("new", None, state(1, id=f"{START + n}-obj")),
            mqtt("end", gone, gone | {"id": f"{START + n}-obj"}),
        ]
        for n in range(40)
    ]
    bad = [
        api(start_time=-1),
        api(model_type="m" * 300),  # only the journal's own gate refuses this one
    ]
    rings = [
        {"id": n, "kind": kind, "now": START + n} for n in range(20) for kind in ("ding", "motion")
    ]
    messages = [*chain(*objects), attempt(), review(), *bad, *objects[7]]
    return [*read(*messages), *read_file(ring.ADAPTER, json.dumps([*rings, *rings[:5]]).encode())]


async def test_a_real_store_holds_what_the_model_holds(tmp_path: Path) -> None:
    """Events, facts, repeats and refusals are the same, and a second feeding adds nothing."""
    model = ModelStore()
    expected = await feed(model, a_day_at_the_door())
    assert expected.events == len(model.events) == 81
    assert sum(expected.refused.values()) == 2
    async with store_in(tmp_path) as store:
        assert await feed(store, a_day_at_the_door()) == expected
        told = await stories(store, model.head)
        again = await feed(store, a_day_at_the_door())
        everything = await stories(store, model.head)
    openers = [key for key, (facts, _) in model.keys.items() if isinstance(facts[0], Motion | Ding)]
    assert told == everything == {key: model.story(key) for key in openers}
    fed_items = sum(isinstance(item, Visit | Addition) for item in a_day_at_the_door())
    assert again == Tally(known=fed_items, skipped=expected.skipped, refused=expected.refused)


async def test_fifty_recorded_events_are_fifty_and_none_after_a_restart(
    shared_data: Path, tmp_path: Path
) -> None:
    """The owner's list shows each with what was seen; the file a second time changes nothing."""
    data = (shared_data / "frigate-hass-integration/events_front_door.json").read_bytes()
    async with store_in(tmp_path) as store:
        assert await feed(store, read_file(frigate.ADAPTER, data)) == Tally(events=50, facts=150)
    async with store_in(tmp_path) as store:
        assert await feed(store, read_file(frigate.ADAPTER, data)) == Tally(known=100)
        events = await store.get_recent_events(limit=100)
    assert len(events) == 50
    assert all([seen["label"] for seen in event["detections"]] == ["person"] for event in events)
    assert {event["recording_id"] for event in events} == {e["id"] for e in json.loads(data)}
