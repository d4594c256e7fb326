"""Frigate's MQTT messages: what each becomes, and what says nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from eventlog.facts import Box, Detection, DeviceState, DoorState, FaceResult, Observation
from eventlog.sources.adapter import Settings, mqtt_message
from eventlog.sources.feed import Tally
from eventlog.sources.frigate.adapter import ADAPTER
from eventlog.sources.items import (
    Addition,
    Item,
    Occurrence,
    Picture,
    Refused,
    Skipped,
    Unknown,
    Visit,
)
from eventlog.sources.messages import moment
from tests.sources.frigate.frigate_messages import (
    END,
    ID,
    KEY,
    OPENER,
    PEOPLE,
    START,
    api,
    attempt,
    face,
    mqtt,
    read,
    review,
    state,
)
from tests.sources.store_model import fed

NOW = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)


def published(topic: str, payload: bytes, *, retained: bool = False) -> list[Item]:
    """The items of a message as a broker delivers it now."""
    return ADAPTER.read(mqtt_message(topic, payload, received_at=NOW, retained=retained))


def test_a_first_sighting_is_a_detection_in_pixels_with_its_frame() -> None:
    """The key is that of the object and the frame, and the last version's is known."""
    after = state(1.5, current_zones=["yard"], recognized_license_plate="ABC")
    assert read(mqtt("new", state(0, false_positive=True), after)) == [
        Addition(
            KEY,
            f"{KEY}:at:{START + 1.5!r}",
            (
                Detection(
                    label="person",
                    confidence=0.75,
                    box=Box(x1=100.0, y1=200.0, x2=300.0, y2=400.0, unit="pixels"),
                    recorded_at=moment(START + 1.5),
                    zones=("yard",),
                    plate="ABC",
                    track=ID,
                ),
            ),
            (OPENER,),
            distinct=True,
            old_key=f"{KEY}:{START + 1.5!r}",
        )
    ]


@pytest.mark.parametrize(
    ("kind", "changes", "kept"),
    [
        ("new", {}, True),
        ("end", {}, True),
        ("update", {}, False),
        ("update", {"score": 0.4}, False),
        ("update", {"top_score": 0.89}, False),
        ("update", {"top_score": 0.91}, True),
        ("update", {"label": "dog"}, True),
        ("update", {"sub_label": ["amazon", 0.9]}, True),
        ("update", {"recognized_license_plate": "ABC"}, True),
        ("update", {"stationary": True}, True),
        ("update", {"position_changes": 2}, True),
        ("update", {"box": [110, 210, 310, 410]}, False),
        ("update", {"box": [250, 200, 450, 400]}, True),
        ("update", {"box": [900, 200, 999, 400]}, True),
        ("update", {"box": None}, True),
    ],
)
def test_an_update_is_kept_where_it_tells_something(
    kind: str, changes: dict[str, Any], kept: bool
) -> None:
    """What did not change opens the event if need be, and adds nothing to it."""
    item = read(mqtt(kind, state(), state(10, **changes)))[0]
    assert item == Visit(KEY, (OPENER,)) or kept
    assert isinstance(item, Addition) is kept


@pytest.mark.parametrize("before", [None, {}, 7, state(0, false_positive=True)])
def test_an_update_after_nothing_certain_is_a_first_sighting(before: Any) -> None:
    """Whatever its type says, what was no object before is kept."""
    item = read(mqtt("update", before, state(1)))[0]
    assert isinstance(item, Addition)
    assert item.opener_facts == (OPENER,)


def test_the_end_of_an_object_ends_its_visit() -> None:
    """The reason is the source."""
    assert read(mqtt("end", state(3), state(3, end_time=START + 30)))[-1] == END


@pytest.mark.parametrize(
    ("message", "items"),
    [
        (
            mqtt("new", None, state(false_positive=True)),
            [Skipped("still a false positive")],
        ),
        (mqtt("new", None, state(camera="_replay_x")), [Skipped("a debug replay")]),
        (mqtt("other", None, state()), [Unknown("events message of type other")]),
        (attempt(type="lpr"), [Skipped("a licence plate without a reading")]),
        (attempt(type="x-ray"), [Unknown("tracked object update of type x-ray")]),
        (attempt(camera="_replay_x"), [Skipped("a debug replay")]),
        (
            {"type": "description", "id": ID, "description": "Ada walks"},
            [Skipped("tracked object update of type description")],
        ),
        ({"name": "x", "event_id": ID, "type": "thumbnail", "camera": "c"}, [Skipped("trigger")]),
        ({"topic": "frigate/stats", "payload": "{}"}, [Skipped("topic stats")]),
    ],
)
def test_what_is_no_fact_is_counted_by_its_kind(message: object, items: list[Item]) -> None:
    """Such messages give nothing but a count; unknown ones are counted apart."""
    assert read(message) == items


def test_a_sighting_without_a_score_opens_the_event_only() -> None:
    """A detection without a confidence would be a guess."""
    assert read(mqtt("new", None, state(score=None, top_score=None))) == [
        Skipped("an object without a score"),
        Visit(KEY, (OPENER,)),
    ]


def test_a_bad_frame_time_costs_the_detection_and_not_the_visit() -> None:
    """The id holds the time at which the object came."""
    items = read(mqtt("new", None, state(frame_time="now", start_time=None)))
    assert Visit(KEY, (OPENER,)) in items
    assert [item.reason[:10] for item in items if isinstance(item, Refused)] == [
        "frame_time",
    ]


# ── names ──────────────────────────────────────────────────────────────────────────────────


def names(*messages: object) -> list[tuple[object, float | None]]:
    """The names in the items of some messages, with seconds after the start."""
    return [
        (
            fact.name,
            None if fact.recorded_at is None else round(fact.recorded_at.timestamp() - START),
        )
        for item in read(*messages, settings=PEOPLE)
        if isinstance(item, Addition)
        for fact in item.facts
        if isinstance(fact, FaceResult)
    ]


def test_a_name_and_its_correction_are_two_facts_with_the_times_of_their_frames() -> None:
    """Frigate sends the old score along; both are kept, and the later one wins in the views."""
    first = mqtt("update", state(1), state(2, sub_label=["John", 0.8]))
    second = mqtt("update", state(2, sub_label=["John", 0.8]), state(4, sub_label=["ada", 0.8]))
    assert names(first, second) == [("John", 2), ("ada", 4)]


def test_a_name_that_is_cleared_is_taken_back() -> None:
    """[null, null] is how that comes: somebody did it, Frigate itself takes no name back."""
    message = mqtt("update", state(2, sub_label=["John", 0.8]), state(4, sub_label=[None, None]))
    item = read(message, settings=PEOPLE)[-1]
    assert isinstance(item, Addition)
    assert item.facts == (face(None, None, START + 4, given_by="person"),)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, face("John", 0.95, START + 2, threshold=0.9)),
        ({"score": 0.9}, face("John", 0.9, START + 2, threshold=0.9)),
        ({"score": 0.89}, face(None, 0.89, START + 2, threshold=0.9, nearest="John")),
        ({"score": None}, face(None, None, START + 2, threshold=0.9, nearest="John")),
        ({"name": "unknown"}, face(None, 0.95, START + 2, threshold=0.9)),
    ],
)
def test_a_face_below_the_threshold_is_a_strangers(changes: dict[str, Any], expected: Any) -> None:
    """Frigate sends its guess after every attempt; what it would not accept is the nearest."""
    assert read(attempt(**changes)) == [
        Addition(
            KEY,
            f"{KEY}:attempt:{START + 2!r}",
            (expected,),
            (OPENER,),
            distinct=True,
            old_key=f"{KEY}:face:{START + 2!r}",
        )
    ]


@pytest.mark.parametrize("changes", [{"name": None, "score": 0.0}, {"name": ""}])
def test_no_verdict_is_no_fact(changes: dict[str, Any]) -> None:
    """A tie, or too few faces yet, is not a stranger."""
    assert read(attempt(**changes)) == [Skipped("a face without a verdict")]


def test_the_threshold_is_its_owners_to_choose() -> None:
    """If Frigate is configured to accept less, so can this adapter."""
    (item,) = read(attempt(score=0.8), settings=Settings(recognition_threshold=0.75))
    assert isinstance(item, Addition)
    assert item.facts == (face("John", 0.8, START + 2, threshold=0.75),)


@pytest.mark.anyio
async def test_a_face_without_a_camera_joins_an_event_that_is_there() -> None:
    """It can't open one, and says so."""
    faces = read(attempt(camera=None))
    _, tally = await fed(faces)
    assert tally.refused == {"its event was never opened, and it can't open it": 1}
    store, tally = await fed(read(api()), faces)
    assert tally == Tally(facts=1)
    assert face("John", 0.95, START + 2, threshold=0.9) in store.events[1]


def test_a_plate_and_a_classification_are_detections() -> None:
    """A plate is personal, and in no key; a classification names a label and its model."""
    plate = {"plate": "123ABC", "name": "John's Car", "plate_box": [1, 2, 3, 4], "score": 0.9}
    (item,) = read(attempt(type="lpr", **plate))
    assert isinstance(item, Addition)
    assert item.facts == (
        Detection(
            label="license_plate",
            confidence=0.9,
            plate="123ABC",
            box=Box(x1=1.0, y1=2.0, x2=3.0, y2=4.0),
            recorded_at=moment(START + 2),
            track=ID,
        ),
    )
    assert "123" not in item.key.removeprefix(KEY).partition(":plate:")[0]
    (item,) = read(attempt(type="classification", model="m", sub_label="delivery_person"))
    assert isinstance(item, Addition)
    (fact,) = item.facts
    assert isinstance(fact, Detection)
    assert (fact.label, fact.sub_label, fact.model) == ("object", "delivery_person", "m")


# ── reviews and sounds ─────────────────────────────────────────────────────────────────────


def test_a_review_opens_only_what_was_missed() -> None:
    """It knows the object's camera, and its time by the id; what its objects are it can't say."""
    assert read(review()) == [Visit(KEY, (OPENER,)), Skipped("review")]
    assert read(review()["after"]) == [Visit(KEY, (OPENER,)), Skipped("review")]


def test_a_review_with_a_sound_keeps_its_persons() -> None:
    """The sound has an event of its own."""
    data = {"detections": [ID], "objects": ["person"], "audio": ["bark"]}
    assert read(review()["after"] | {"data": data})[0] == Visit(KEY, (OPENER,))


@pytest.mark.parametrize(
    "data",
    [
        {"detections": ["person-1"], "objects": ["person"]},
        {"detections": [ID], "objects": ["doorbell_press"]},
    ],
)
def test_a_review_opens_nothing_that_it_can_not_tell(data: dict[str, Any]) -> None:
    """An id without a time, or an event made by hand, whose label only the API has."""
    assert read(review()["after"] | {"data": data}) == [Skipped("review")]


@pytest.mark.anyio
async def test_a_sound_by_topic_by_api_and_by_review_is_one() -> None:
    """Their times differ by seconds; a bark half a minute later is another one."""
    bark = api(label="bark", data={"type": "audio"})
    again = api(id=f"{START + 30}-again", label="bark", data={"type": "audio"})
    by_topic = {
        "tst": moment(START + 1).isoformat(),
        "topic": "frigate/front_door/audio/bark",
        "payload": "ON",
    }
    of_sound = review()["after"] | {"data": {"audio": ["bark"]}, "start_time": START - 1}
    for messages in ((bark, by_topic, of_sound, again), (again, of_sound, by_topic, bark)):
        store, tally = await fed(read(*messages))
        assert len(store.events) == 2
        assert tally.known == 2
        opener = store.events[1][0]
        assert isinstance(opener, Observation)
        assert (opener.label, opener.medium, opener.camera_id) == ("bark", "sound", "front_door")


# ── topics ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("prefix", ["frigate", "home/garage/frigate"])
@pytest.mark.parametrize("wrap", [json.dumps, lambda payload: payload], ids=["text", "object"])
@pytest.mark.parametrize(
    ("topic", "message"),
    [
        ("events", mqtt("new", None, state())),
        ("reviews", review()),
        ("tracked_object_update", attempt()),
    ],
)
def test_a_message_with_its_topic_is_read_like_a_bare_one(
    topic: str, message: dict[str, Any], wrap: Callable[[object], object], prefix: str
) -> None:
    """The topic's last part decides; the payload is an object, or the text of one."""
    assert read({"topic": f"{prefix}/{topic}", "payload": wrap(message)}) == read(message)


def test_availability_and_status_are_states_of_devices() -> None:
    """Of Frigate itself, and of a camera's detector; a state again is not a fact."""
    for topic, payload, device, told in (
        ("frigate/available", b"offline", "frigate", "offline"),
        ("frigate/available", b"stopped", "frigate", "offline"),
        ("frigate/front/status/detect", b"online", "front", "online"),
        ("frigate/front/status/detect", b"disabled", "front", "offline"),
    ):
        (item,) = published(topic, payload, retained=True)
        assert isinstance(item, Occurrence)
        assert item.states
        assert item.facts == (
            DeviceState(device_id=device, what="connectivity", state=told, recorded_at=NOW),
        )
    assert published("frigate/front/status/record", b"online") == [Skipped("status of record")]
    assert isinstance(published("frigate/available", b"?")[0], Refused)


def test_a_classification_of_a_camera_tells_an_open_door() -> None:
    """Any other model's word is not a fact."""
    (item,) = published("frigate/front/classification/door", b"open")
    assert isinstance(item, Occurrence)
    assert item.facts == (
        DoorState(door_id="front.door", state="open", source="frigate", recorded_at=NOW),
    )
    (other,) = published("frigate/front/classification/weather", b"rain")
    assert isinstance(other, Skipped)


def test_a_snapshot_is_a_picture_of_the_cameras_latest_event() -> None:
    """Of a person, a face or a package; a retained one is old."""
    assert published("frigate/front/person/snapshot", b"\xff\xd8\xff\xe0") == [
        Picture(b"\xff\xd8\xff\xe0", "2026-02-25T10-30-00", None, "front")
    ]
    for topic, retained in (("car/snapshot", False), ("person/snapshot", True)):
        (item,) = published(f"frigate/front/{topic}", b"\xff\xd8\xff", retained=retained)
        assert isinstance(item, Skipped)


@pytest.mark.parametrize(
    "message",
    [
        {"2026-06-05": {"day": "2026-06-05", "total_alert": 2}},
        {"topic": 3, "payload": {}},
        {"topic": "frigate/events", "payload": None},
        {"topic": "frigate/events", "payload": "no json"},
        {"after": 3},
        {"after": {"severity": "alert"}},
        3,
    ],
)
def test_a_message_that_is_none_of_frigates_is_refused(message: object) -> None:
    """Nothing is guessed from a shape that is not known."""
    (item,) = read(message)
    assert isinstance(item, Refused)
