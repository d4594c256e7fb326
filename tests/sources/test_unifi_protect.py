"""UniFi Protect: the recorded list, and messages that carry only what changed."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from eventlog.facts import (
    Box,
    CredentialPresented,
    Detection,
    DeviceState,
    Ding,
    DoorState,
    FaceResult,
    Motion,
    Observation,
    VisitEnded,
    kind_of,
)
from eventlog.sources.feed import Tally, feed
from eventlog.sources.items import Addition, Item, Refused, Skipped, Standalone, Unknown, Visit
from eventlog.sources.messages import millis
from eventlog.sources.reading import read
from eventlog.sources.unifi_protect.adapter import ADAPTER
from tests.sources.published import facts, payloads, standing, told
from tests.sources.store_model import ModelStore, fed

START = 1735690000000
TYPES: list[str] = payloads("unifi_protect")["event_types"]


def event(kind: str = "smartDetectZone", **changes: object) -> dict[str, Any]:
    """An event of the REST list."""
    return {
        "id": "4f50b25130a6a955b0aba44d",
        "type": kind,
        "start": START,
        "end": None,
        "camera": "e2ff0ade6be0f2a2beb61869",
        "modelKey": "event",
        **changes,
    }


def update(**changes: object) -> dict[str, Any]:
    """A message of the public WebSocket: what changed, and the id."""
    return {
        "type": "update",
        "item": {"id": "4f50b25130a6a955b0aba44d", "modelKey": "event", **changes},
    }


@pytest.mark.anyio
async def test_the_recorded_list_is_its_own_reading(shared_data: Path) -> None:
    """So many of each, at their times; in any order, and twice, nothing changes."""
    data = (shared_data / "uiprotect/raw_events_sample.json").read_bytes()
    events = json.loads(data)
    by_type = Counter(one["type"] for one in events)
    visits = ("motion", "smartDetectZone", "sensorMotion", "lightMotion")
    detected = sum(len(one["smartDetectTypes"]) for one in events)
    ended = sum(one["type"] in visits and one["end"] is not None for one in events)
    store = ModelStore()
    tally = await feed(store, read(ADAPTER, data))
    assert tally.events == sum(by_type[kind] for kind in visits) == 120
    assert tally.facts == 120 + detected + ended + by_type["sensorClosed"] + by_type["disconnect"]
    assert tally.skipped == {"a login to the web page, and not the door": by_type["access"]}
    assert not tally.refused
    assert not tally.unknown
    for one in events:
        if one["type"] not in visits:
            continue
        receipt = await store.receipt(f"unifi-protect:{one['id']}")
        assert receipt is not None
        assert receipt.event_id is not None
        opener, *more = store.events[receipt.event_id]
        assert isinstance(opener, Motion)
        assert opener.recorded_at == millis(one["start"])
        assert opener.camera_id == (one["camera"] or opener.camera_id)
        seen = [(f.label, f.confidence) for f in more if isinstance(f, Detection)]
        assert seen == [(kind, one["score"] / 100) for kind in one["smartDetectTypes"]]
        ends = [f.ended_at for f in more if isinstance(f, VisitEnded)]
        assert ends == ([] if one["end"] is None else [millis(one["end"])])
    doors = [fact for fact in standing(store) if isinstance(fact, DoorState)]
    assert Counter(fact.state for fact in doors) == {"closed": 2}
    backwards = json.dumps(events[::-1]).encode()
    assert (await feed(store, read(ADAPTER, backwards))).facts == 0


@pytest.mark.parametrize(
    ("file", "kinds"),
    [
        ("light_motion_add.json", ["motion"]),
        ("nfc_add_with_end.json", ["credential_presented"]),
        ("open_unknown_update.json", ["motion", "detection"]),
    ],
)
def test_a_recorded_message_is_its_own_reading(
    shared_data: Path, file: str, kinds: list[str]
) -> None:
    """An event that is first met by an update opens by it; a card opens nothing."""
    message = json.loads((shared_data / "uiprotect" / file).read_text(encoding="utf-8"))
    found = facts(told(ADAPTER, message))
    assert [kind_of(type(fact)) for fact in found] == kinds
    assert getattr(found[0], "recorded_at", None) == millis(message["item"]["start"])


@pytest.mark.anyio
async def test_updates_in_any_order_give_the_same_event_once() -> None:
    """The same end three times, a person and a name that come later."""
    person = {"detectedThumbnails": [{"type": "person", "confidence": 88, "clockBestWall": START}]}
    face: dict[str, Any] = {
        "type": "face",
        "confidence": 90,
        "group": {"matchedName": "Ada", "confidence": 96},
    }
    named = {"detectedThumbnails": [face]}
    messages = [
        {"type": "add", "item": event(camera=None, device="aabb")},
        update(type="smartDetectZone", start=START, smartDetectTypes=["person"], device="aabb"),
        update(type="smartDetectZone", start=START, device="aabb", metadata=person),
        update(
            type="smartDetectZone",
            start=START,
            device="aabb",
            metadata=named,
        ),
        *[update(type="smartDetectZone", start=START, device="aabb", end=START + 9000)] * 3,
    ]
    stories = set()
    for order in (messages, messages[::-1], [*messages[3:], *messages[:3]]):
        store, _ = await fed([item for message in order for item in told(ADAPTER, message)])
        assert len(store.events) == 1
        stories.add(store.story("unifi-protect:4f50b25130a6a955b0aba44d"))
        kinds = Counter(kind_of(type(fact)) for fact in store.events[1])
        assert kinds == {"motion": 1, "detection": 2, "face_result": 1, "visit_ended": 1}
        (found,) = [fact for fact in store.events[1] if isinstance(fact, FaceResult)]
        assert found.score is not None
        assert (found.name, found.score.value) == ("Ada", 0.96)
    assert len(stories) == 1


@pytest.mark.anyio
async def test_a_partial_update_joins_the_event_that_is_known() -> None:
    """It has neither type nor start: alone it opens no event, and the reason is reported."""
    end = told(ADAPTER, update(end=START + 9000))
    _, tally = await fed(end)
    assert tally.refused == {"its event was never opened, and it can't open it": 1}
    store, tally = await fed(told(ADAPTER, event("motion")), end)
    assert tally == Tally(facts=1)
    assert isinstance(store.events[1][1], VisitEnded)
    assert told(ADAPTER, update()) == [Skipped("an update that changes nothing that is kept")]
    private = {"action": {"action": "update", "id": "x1", "modelKey": "event"}, "data": {"end": 5}}
    (item,) = told(ADAPTER, private)
    assert isinstance(item, Addition)
    assert item.opener_key == "unifi-protect:x1"


def test_a_start_that_is_no_time_opens_nothing() -> None:
    """It is refused by name, and the end joins what is known."""
    items = told(ADAPTER, update(type="motion", start="not a time", end=START))
    assert [type(item) for item in items] == [Refused, Addition]
    assert isinstance(items[0], Refused)
    assert items[0].reason.startswith("start: ")


def test_thumbnails_have_boxes_in_thousandths_and_plates() -> None:
    """The plate is the vehicle's; confidences are fractions of one."""
    vehicle = {
        "type": "vehicle",
        "confidence": 77,
        "clockBestWall": START,
        "coord": [100, 200, 335, 302],
        "group": {"matchedName": "ABC 123", "confidence": 90},
    }
    found = facts(told(ADAPTER, event(metadata={"detectedThumbnails": [vehicle, {"type": 7}]})))
    (seen,) = [fact for fact in found if isinstance(fact, Detection)]
    assert (seen.label, seen.confidence, seen.plate) == ("vehicle", 0.77, "ABC 123")
    assert seen.box == Box(x1=0.1, y1=0.2, x2=0.435, y2=0.502, unit="fractions")
    assert seen.recorded_at == millis(START)


def test_rings_sounds_doors_and_devices_are_what_they_are() -> None:
    """Each type is a kind of its own."""
    sensor = {"sensorName": {"text": "Back Door"}, "sensorId": {"text": "02ee"}}
    (rang,) = facts(told(ADAPTER, event("ring")))
    (heard,) = facts(told(ADAPTER, event("smartAudioDetect", smartDetectTypes=["alrmGlassBreak"])))
    (opened,) = facts(told(ADAPTER, event("sensorOpened", camera=None, metadata=sensor)))
    (gone,) = facts(told(ADAPTER, event("disconnect")))
    assert isinstance(rang, Ding)
    assert isinstance(heard, Observation)
    assert (heard.label, heard.medium) == ("glass_break", "sound")
    assert opened == DoorState(
        door_id="back_door", state="open", source="unifi-protect", recorded_at=millis(START)
    )
    assert isinstance(gone, DeviceState)
    assert (gone.what, gone.state) == ("connectivity", "offline")


@pytest.mark.parametrize(
    ("kind", "metadata", "expected"),
    [
        ("nfcCardScanned", {"nfc": {"ulpId": "u-1"}}, ("nfc", "u-1", None)),
        ("nfcCardScanned", {"nfc": {"nfcId": "n-1", "userId": "u-2"}}, ("nfc", "u-2", None)),
        (
            "fingerprintIdentified",
            {"fingerprint": {"ulpId": None}},
            ("fingerprint", None, "not_identified"),
        ),
    ],
)
def test_a_credential_is_shown_and_opens_nothing(
    kind: str, metadata: dict[str, Any], expected: tuple[str | None, ...]
) -> None:
    """Both forms of a card; an unknown finger."""
    (item,) = told(ADAPTER, event(kind, metadata=metadata))
    assert isinstance(item, Standalone)
    (fact,) = item.facts
    assert isinstance(fact, CredentialPresented)
    assert (fact.credential_kind, fact.user_ref, fact.reason) == expected


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_of_the_library_is_known(kind: str) -> None:
    """It becomes a fact, or is skipped by name."""
    items = told(ADAPTER, event(kind))
    assert not any(isinstance(item, Unknown | Refused) for item in items)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (event("dance"), Unknown),
        (event(id="a:b"), Refused),
        ({"type": "update", "item": {"id": "x", "modelKey": "camera"}}, Skipped),
        (7, Refused),
    ],
)
def test_what_is_no_fact_is_counted(message: object, kind: type[Item]) -> None:
    """Skipped, named, or refused."""
    (item,) = told(ADAPTER, message)
    assert isinstance(item, kind)
    assert not isinstance(item, Visit)
