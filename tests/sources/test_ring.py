"""Ring: one ring is one event, by push and by history, and ids stay exact."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from eventlog.errors import BadPayload
from eventlog.facts import Ding, Motion
from eventlog.sources import ring
from eventlog.sources.adapter import Settings
from eventlog.sources.feed import Tally, feed
from eventlog.sources.items import Item, Refused, Skipped, Visit
from eventlog.sources.reading import read as read_file
from tests.sources.store_model import ModelStore, fed

ID = 7330963245622279024
RANG = datetime(2024, 2, 2, 11, 21, 24, tzinfo=UTC)


def history(**changes: object) -> dict[str, Any]:
    """An element of a doorbot's history."""
    return {
        "id": ID,
        "created_at": "2024-02-02T11:21:24.000Z",
        "kind": "ding",
        "answered": False,
        "recording": {"status": "ready"},
        "cv_properties": {"person_detected": None, "detection_type": "null"},
        **changes,
    }


def push(**changes: object) -> dict[str, Any]:
    """An active ding."""
    return {
        "id": ID,
        "kind": "ding",
        "now": RANG.timestamp() + 0.549,
        "doorbot_id": 987652,
        "doorbot_description": "Side Door",
        "expires_in": 180,
        "state": "ringing",
        **changes,
    }


def read(*messages: object) -> list[Item]:
    """The items of a file that lists these messages."""
    return list(read_file(ring.ADAPTER, json.dumps(messages).encode()))


def test_a_ding_of_the_history_opens_an_event_under_id_and_kind() -> None:
    """The id keeps all its 19 digits, in the key and as the recording's id."""
    assert read(history()) == [
        Visit(
            "ring:7330963245622279024:ding",
            (Ding(camera_id="front_door", recorded_at=RANG, recording_id="7330963245622279024"),),
        )
    ]


@pytest.mark.parametrize(
    "created_at",
    [
        "2024-02-02T11:21:24.000Z",
        "2024-02-02T11:21:24Z",
        "2024-02-02T11:21:24",
        "2024-02-02T13:21:24+02:00",
    ],
)
def test_times_become_utc(created_at: str) -> None:
    """With or without milliseconds, in another zone, or naive, which is UTC."""
    assert read(history(created_at=created_at)) == read(history())


def test_an_id_may_come_as_text() -> None:
    """The same ring has the same key."""
    assert read(history(id=str(ID))) == read(history())


@pytest.mark.parametrize(
    ("changes", "camera_id"),
    [
        ({}, "front_door"),
        ({"doorbot_description": "Front Door"}, "front_door"),
        ({"device_name": "Haustür (Hof)"}, "haustür_hof"),
        ({"doorbot": {"description": "Ingresso"}}, "ingresso"),
        ({"doorbot": {"description": "../../etc/x"}}, "etc_x"),
        ({"doorbot_description": "?!"}, "front_door"),
        ({"doorbot_description": "d" * 99}, "d" * 64),
    ],
)
def test_a_named_device_is_the_camera(changes: dict[str, Any], camera_id: str) -> None:
    """Its name becomes a word; where none is named, the default stands."""
    (item,) = read(history(**changes))
    assert isinstance(item, Visit)
    (fact,) = item.facts
    assert isinstance(fact, Ding)
    assert fact.camera_id == camera_id


def test_the_camera_of_a_history_can_be_chosen() -> None:
    """A history names no device, so its owner does."""
    (item,) = read_file(ring.ADAPTER, json.dumps(history()).encode(), Settings(camera_id="porch"))
    assert isinstance(item, Visit)
    assert item.facts == (Ding(camera_id="porch", recorded_at=RANG, recording_id=str(ID)),)


@pytest.mark.anyio
@pytest.mark.parametrize("order", [(history(), push()), (push(), history())], ids=["late", "early"])
async def test_a_ring_by_push_and_by_history_is_one_event(
    order: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    """Their times differ by fractions, and their cameras: the first telling stands."""
    first, second = (read(message) for message in order)
    store, tally = await fed(first, second)
    assert tally == Tally(known=1)
    assert isinstance(first[0], Visit)
    assert store.events == {1: list(first[0].facts)}


@pytest.mark.anyio
async def test_two_presses_a_second_apart_stay_two() -> None:
    """Different ids are different rings, however near."""
    _, tally = await fed(read(history(), history(id=ID + 1, created_at="2024-02-02T11:21:25.000Z")))
    assert tally == Tally(events=2, facts=2)


@pytest.mark.anyio
async def test_one_id_may_serve_two_kinds() -> None:
    """A motion and a ding of one id are two events."""
    store, _ = await fed(read(history(), history(kind="motion")))
    assert [type(facts[0]) for facts in store.events.values()] == [Ding, Motion]


@pytest.mark.parametrize("kind", ["on_demand", "alarm", "something_new"])
def test_kinds_that_are_no_visit_are_skipped_and_counted(kind: str) -> None:
    """A look at the live picture is nobody at the door; what is not known is not guessed."""
    assert read(history(kind=kind)) == [Skipped(f"kind {kind}")]


def test_a_person_without_a_confidence_is_counted_and_no_detection() -> None:
    """Ring tells that it saw a person, and not how sure it is."""
    items = read(history(cv_properties={"person_detected": True, "detection_type": "human"}))
    assert items[1:] == [Skipped("a person detected, without a confidence")]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": 1.5}, "id: "),
        ({"id": -1}, "id: "),
        ({"id": 2**63}, "id: "),
        ({"id": "12a"}, "id: "),
        ({"id": None}, "id: "),
        ({"kind": None}, "kind: "),
        ({"kind": ""}, "kind: "),
        ({"created_at": "yesterday"}, "created_at: "),
        ({"created_at": "2024-13-02T11:21:24Z"}, "created_at: "),
        ({"created_at": "9999-12-31T23:59:59-10:00"}, "created_at: "),
        ({"created_at": None}, "has neither"),
        ({"created_at": None, "now": -1}, "now: "),
    ],
)
def test_a_bad_field_is_named_and_refuses_its_element_alone(
    changes: dict[str, Any], reason: str
) -> None:
    """Alone in its file it raises; in a list the others go in."""
    bad = history(**changes)
    with pytest.raises(BadPayload, match=f"^ring: {reason}"):
        read_file(ring.ADAPTER, json.dumps(bad).encode())
    refused, good = read(bad, history())
    assert isinstance(refused, Refused)
    assert refused.reason.startswith(reason)
    assert isinstance(good, Visit)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("file", "first"),
    [
        ("doorbot_history.json", Tally(events=2, facts=2)),
        ("ding_active.json", Tally(events=1, facts=1)),
        ("intercom_history.json", Tally(events=1, facts=1, skipped={"kind on_demand": 2})),
    ],
)
async def test_a_recorded_payload_goes_in_once(shared_data: Path, file: str, first: Tally) -> None:
    """What the first feeding adds, the second knows; what is skipped is counted both times."""
    data = (shared_data / "home-assistant-core/ring" / file).read_bytes()
    store = ModelStore()
    assert await feed(store, read_file(ring.ADAPTER, data)) == first
    assert await feed(store, read_file(ring.ADAPTER, data)) == Tally(
        known=first.events, skipped=first.skipped
    )


def test_a_recorded_push_keeps_its_microseconds(shared_data: Path) -> None:
    """Unix seconds with fractions are rounded to the nearest microsecond."""
    data = (shared_data / "home-assistant-core/ring/ding_active.json").read_bytes()
    (item,) = read_file(ring.ADAPTER, data)
    assert item == Visit(
        "ring:123456789:ding",
        (
            Ding(
                camera_id="front_door",
                recorded_at=datetime(2017, 3, 31, 8, 37, 49, 549899, tzinfo=UTC),
                recording_id="123456789",
            ),
        ),
    )
