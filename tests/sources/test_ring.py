"""Ring: one ring is one event, by push and by history, and ids stay exact."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from eventlog.errors import BadPayload
from eventlog.facts import (
    Detection,
    DeviceState,
    Ding,
    DoorState,
    LockState,
    Motion,
    Observation,
    ThumbnailSaved,
    UnlockAction,
    VisitEnded,
)
from eventlog.sources.adapter import Settings, mqtt_message
from eventlog.sources.feed import Feeder, Tally, feed
from eventlog.sources.items import (
    Addition,
    Item,
    Occurrence,
    Refused,
    Skipped,
    Standalone,
    Unknown,
    Visit,
)
from eventlog.sources.reading import read as read_file
from eventlog.sources.ring import adapter as ring
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
    """Its name becomes an id; without a name, the default is used."""
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
    """Their times differ by fractions, and so do their cameras: the first report counts."""
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


@pytest.mark.parametrize("kind", ["on_demand", "alarm"])
def test_kinds_that_are_no_visit_are_skipped_and_counted(kind: str) -> None:
    """Watching the live picture is not a visit."""
    assert read(history(kind=kind)) == [Skipped(f"kind {kind}")]


def test_a_kind_that_nobody_knows_is_counted_by_name() -> None:
    """It is not guessed, and not passed over either."""
    assert read(history(kind="something_new")) == [Unknown("kind something_new")]


@pytest.mark.parametrize(
    "changes",
    [
        {"cv_properties": {"person_detected": True, "detection_type": "human"}},
        {"cv_properties": {"detection_types": [{"detection_type": "human"}]}},
        {"cv": {"person_detected": True}},
        {"detection_type": "human"},
    ],
)
def test_a_person_is_a_detection_without_a_confidence(changes: dict[str, Any]) -> None:
    """Ring reports that it saw a person, but not how certain it is."""
    key = f"ring:{ID}:motion"
    opening, seen = read(history(kind="motion", **changes))
    assert isinstance(opening, Visit)
    assert seen == Addition(
        key,
        f"{key}:person",
        (Detection(label="person", recorded_at=RANG),),
        opening.facts,
    )


@pytest.mark.parametrize("answered", [True, False])
def test_a_duration_ends_the_visit(answered: bool) -> None:
    """And says whether somebody answered."""
    end = read(history(answered=answered, duration=40.0))[-1]
    assert isinstance(end, Addition)
    assert end.facts == (
        VisitEnded(ended_at=RANG + timedelta(seconds=40), reason="source", answered=answered),
    )


def test_a_knock_is_an_observation_and_a_key_an_unlock() -> None:
    """`door_activity` opens a visit, `key_access` is an operation of the lock."""
    (knock,) = read(history(kind="door_activity"))
    assert isinstance(knock, Visit)
    assert knock.facts == (
        Observation(
            camera_id="front_door",
            recorded_at=RANG,
            recording_id=str(ID),
            label="knock",
            medium="sound",
        ),
    )
    (key,) = read(history(kind="key_access"))
    assert isinstance(key, Standalone)
    (fact,) = key.facts
    assert isinstance(fact, UnlockAction)
    assert (fact.granted, fact.door_action, fact.actor) == (True, "unlocked", "key")


def test_pages_of_a_history_are_their_elements() -> None:
    """`events` with `ding_id_str`, `evm/v2/history` with `event_id`; ids stay exact."""
    element = {"ding_id": float(ID), "ding_id_str": str(ID), "kind": "ding"}
    rounded, exact = read({"events": [{**element, "created_at": "2024-02-02T11:21:24Z"}]})
    assert isinstance(rounded, Refused)
    assert [exact] == read(history())
    page = {"items": [{"event_id": str(ID), "event_type": "ding", "start_time": 1706872884000}]}
    assert read(page) == read(history())
    bad = {"items": [{"event_type": "ding"}, *page["items"]]}
    refused, good = read(bad)
    assert refused == Refused("element 1 of its page", "id: is missing")
    assert isinstance(good, Visit)


# ── pushes ─────────────────────────────────────────────────────────────────────────────────


def push_v2(category: str = "com.ring.pn.live-event.ding", **event: object) -> dict[str, Any]:
    """A push of version 2: its parts are JSON inside JSON."""
    ding = {"id": str(ID), "created_at": "2024-02-02T11:21:24.549Z", "subtype": "ding", **event}
    inner = {
        "device": {"id": 987652, "kind": "lpd_v4", "name": "Side Door"},
        "event": {"ding": {k: v for k, v in ding.items() if v is not None}},
    }
    data = {
        "android_config": json.dumps({"category": category, "body": "Ada is at the door"}),
        "analytics": json.dumps({"triggered_at": 1706872884549}),
        "data": json.dumps(inner),
    }
    return {"data": data, "fcmMessageId": "m-1"}


def test_a_push_of_version_2_is_the_ring_of_the_history() -> None:
    """Under the same key, from its own device; an intercom's too."""
    for category in ("ding", "intercom"):
        (item,) = read(push_v2(f"com.ring.pn.live-event.{category}"))
        assert isinstance(item, Visit)
        assert item.key == f"ring:{ID}:ding"
        (fact,) = item.facts
        assert isinstance(fact, Ding)
        assert fact.camera_id == "side_door"


def test_a_motion_push_of_a_person_has_a_detection() -> None:
    """Its subtype says so."""
    opening, seen = read(push_v2("com.ring.pn.live-event.motion", subtype="human"))
    assert isinstance(opening, Visit)
    assert isinstance(seen, Addition)
    assert isinstance(opening.facts[0], Motion)


@pytest.mark.anyio
async def test_two_pushes_of_one_ring_without_an_id_are_one() -> None:
    """An intercom's press is known by its device and the time that it was triggered at."""
    message = push_v2("com.ring.pn.live-event.intercom", id=None)
    store, tally = await fed(read(message), read(message))
    assert (len(store.events), tally.known) == (1, 1)


@pytest.mark.anyio
async def test_a_battery_bell_pushes_twice_with_one_id() -> None:
    """The second push has another message's id and a later time: the first one counts."""
    first = push_v2()
    second = {**push_v2(created_at="2024-02-02T11:21:27.100Z"), "fcmMessageId": "m-9"}
    for order in ((first, second), (second, first)):
        store, tally = await fed(*(read(message) for message in order))
        assert (len(store.events), tally.known) == (1, 1)


def test_a_push_of_version_1_is_json_inside_json() -> None:
    """Its action is the kind; the ding has the history's id."""
    ding = {"id": ID, "created_at": "2024-02-02T11:21:24Z", "doorbot_description": "Side Door"}
    gcm = {"action": "com.ring.push.HANDLE_NEW_DING", "ding": ding, "subtype": "ding"}
    (item,) = read({"data": {"gcmData": json.dumps(gcm)}})
    assert isinstance(item, Visit)
    assert item.key == f"ring:{ID}:ding"


def test_an_unlock_by_the_app_is_an_operation_under_the_messages_id() -> None:
    """The alert's text is not read: it may hold a name."""
    gcm = {
        "action": "com.ring.push.INTERCOM_UNLOCK_FROM_APP",
        "alarm_meta": {"device_zid": 185036587},
        "aps": {"alert": "Ada unlocked the door at 12:21"},
    }
    (item,) = read({"data": {"gcmData": json.dumps(gcm)}, "fcmMessageId": "m-2"})
    assert isinstance(item, Standalone)
    assert item.key == "ring:push:m-2"
    assert item.facts == (
        UnlockAction(granted=True, door_action="unlocked", actor="app", door_id="185036587"),
    )


def test_other_pushes_are_skipped_and_unknown_ones_named() -> None:
    """An alarm that is armed is known; a category of another house is not."""
    mode = "com.ring.push.HANDLE_NEW_SECURITY_PANEL_MODE_NONE_NOTICE"
    assert read(push_v2(mode)) == [Skipped(f"push {mode}")]
    assert read(push_v2("org.example.x")) == [Unknown("push org.example.x")]


# ── ring-mqtt ──────────────────────────────────────────────────────────────────────────────

NOW = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)
CAMERA = "ring/loc-1/camera/abc123"


def published(topic: str, payload: bytes, *, retained: bool = False) -> list[Item]:
    """The items of a message as a broker delivers it now."""
    return ring.ADAPTER.read(mqtt_message(topic, payload, received_at=NOW, retained=retained))


def test_a_ring_is_told_by_its_attributes() -> None:
    """The state comes before, without a time; old attributes are sent again at each start."""
    attributes = b'{"lastDing": 1706872884, "lastDingTime": "2024-02-02T11:21:24Z"}'
    assert published(f"{CAMERA}/ding/attributes", attributes) == [
        Visit("ring:abc123:ding:1706872884", (Ding(camera_id="abc123", recorded_at=RANG),))
    ]
    assert published(f"{CAMERA}/ding/state", b"ON") == [
        Skipped("a state whose attributes have its time")
    ]
    assert published(f"{CAMERA}/ding/attributes", b'{"lastDing": 0}') == [
        Skipped("a ding that never was")
    ]
    motion = b'{"lastMotion": 1706872884, "personDetected": true}'
    opening, seen = published(f"{CAMERA}/motion/attributes", motion)
    assert isinstance(opening, Visit)
    assert isinstance(seen, Addition)


def test_an_intercoms_timer_is_no_locking() -> None:
    """UNLOCKED is an operation; LOCKED five seconds later is a timer."""
    topic = "ring/loc-1/intercom/i1/lock/state"
    (item,) = published(topic, b"UNLOCKED")
    assert isinstance(item, Occurrence)
    (fact,) = item.facts
    assert isinstance(fact, UnlockAction)
    assert fact.door_action == "unlocked"
    assert isinstance(published(topic, b"LOCKED")[0], Skipped)
    assert isinstance(published(topic, b"UNLOCKED", retained=True)[0], Skipped)
    (rang,) = published("ring/loc-1/intercom/i1/ding/state", b"ON")
    assert isinstance(rang, Occurrence)
    assert rang.facts == (Ding(camera_id="i1", recorded_at=NOW),)


def test_an_alarms_lock_and_contact_are_states() -> None:
    """LOCKING is on the way; a device that is offline, or whose battery is low, is said."""
    (lock,) = published("ring/loc-1/alarm/l1/lock/state", b"LOCKED")
    (door,) = published("ring/loc-1/alarm/c1/contact/state", b"ON")
    (gone,) = published(f"{CAMERA}/status", b"offline")
    (low,) = published(f"{CAMERA}/info/state", b'{"batteryLevel": 9, "lastUpdate": 1}')
    assert [item.facts for item in (lock, door, gone, low) if isinstance(item, Occurrence)] == [
        (LockState(door_id="l1", state="locked", source="ring", recorded_at=NOW),),
        (DoorState(door_id="c1", state="open", source="ring", recorded_at=NOW),),
        (DeviceState(device_id="abc123", what="connectivity", state="offline", recorded_at=NOW),),
        (DeviceState(device_id="abc123", what="battery", state="low", value=9.0, recorded_at=NOW),),
    ]
    assert isinstance(published("ring/loc-1/alarm/l1/lock/state", b"LOCKING")[0], Skipped)
    assert isinstance(published("ring/loc-1/alarm/l1/lock/state", b"?")[0], Refused)


@pytest.mark.anyio
async def test_a_snapshot_becomes_the_thumbnail_of_the_latest_event_once() -> None:
    """Later pictures of the same event are known already."""

    class Folder:
        async def save_async(self, frame_bytes: bytes, event_timestamp: str) -> ThumbnailSaved:
            return ThumbnailSaved(path=f"thumbnails/{event_timestamp}-{len(frame_bytes)}.jpg")

    store = ModelStore()
    feeder = Feeder(store, Folder())
    for topic, payload in (
        (f"{CAMERA}/motion/attributes", b'{"lastMotion": 1706872884}'),
        (f"{CAMERA}/snapshot/image", b"\xff\xd8\xff1"),
        (f"{CAMERA}/snapshot/image", b"\xff\xd8\xff22"),
    ):
        await feeder.feed(published(topic, payload))
    assert [type(fact) for fact in store.events[1]] == [Motion, ThumbnailSaved]
    assert feeder.tally == Tally(events=1, facts=2, known=1)


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
        ("intercom_history.json", Tally(events=1, facts=2, skipped={"kind on_demand": 2})),
    ],
)
async def test_a_recorded_payload_goes_in_once(shared_data: Path, file: str, first: Tally) -> None:
    """What the first feeding adds, the second knows; what is skipped is counted both times."""
    data = (shared_data / "home-assistant-core/ring" / file).read_bytes()
    store = ModelStore()
    assert await feed(store, read_file(ring.ADAPTER, data)) == first
    assert await feed(store, read_file(ring.ADAPTER, data)) == Tally(
        known=first.facts, skipped=first.skipped
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


@pytest.mark.anyio
async def test_a_ring_by_push_and_by_two_histories_is_one_event() -> None:
    """Whichever comes first; the histories end it, and say that it was not answered."""
    page: dict[str, Any] = {
        "items": [
            {
                "event_id": str(ID),
                "event_type": "ding",
                "start_time": "2024-02-02T11:21:24.000Z",
                "duration": 40,
                "answered": False,
            }
        ]
    }
    messages = [push_v2(), history(duration=40.0), page, push()]
    for order in (messages, messages[::-1], messages[2:] + messages[:2]):
        store, _ = await fed(*(read(message) for message in order))
        assert len(store.events) == 1
        assert [type(fact) for fact in store.events[1]] == [Ding, VisitEnded]
