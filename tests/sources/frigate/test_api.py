"""Frigate's API: what an event of its list becomes, and what a bad field costs."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from eventlog.errors import BadPayload
from eventlog.facts import Box, Detection, Motion, Observation
from eventlog.sources.frigate import adapter as frigate
from eventlog.sources.items import Addition, Item, Occurrence, Picture, Refused, Skipped, Visit
from eventlog.sources.messages import moment
from eventlog.sources.reading import read as read_file
from tests.sources.frigate.frigate_messages import (
    END,
    ID,
    KEY,
    OPENER,
    PEOPLE,
    START,
    api,
    face,
    read,
)

BEST = Detection(
    label="person",
    confidence=0.9,
    box=Box(x1=0.25, y1=0.5, x2=0.375, y2=0.75, unit="fractions"),
    model="ssd",
    track=ID,
)


def best(fact: Detection, old: str = "0.9") -> Addition:
    """The item of what a model saw at best."""
    return Addition(
        KEY,
        f"{KEY}:best:{fact.confidence!r}",
        (fact,),
        (OPENER,),
        distinct=True,
        old_key=f"{KEY}:api:{old}",
    )


def test_an_api_event_tells_opener_best_detection_name_and_end() -> None:
    """Boxes are corners in fractions; confidence is the best score; the name keeps its scale."""
    data = api()["data"] | {"sub_label_score": 0.93}
    assert read(api(sub_label="John", data=data), settings=PEOPLE) == [
        best(BEST),
        Addition(
            KEY,
            f"{KEY}:named:{moment(START + 30).isoformat()}:0.93",
            (face("John", 0.93, START + 30),),
            (OPENER,),
            distinct=True,
            old_key=f"{KEY}:sub_label:0.93",
        ),
        END,
    ]


@pytest.mark.parametrize(
    ("changes", "confidence"),
    [
        ({"top_score": 0.7}, 0.7),
        ({"data": {"top_score": 0.6, "score": 0.5}}, 0.6),
        ({"data": {"score": 0.5}}, 0.5),
    ],
)
def test_the_confidence_is_the_best_score_that_is_told(
    changes: dict[str, Any], confidence: float
) -> None:
    """Older APIs have the best score outside `data`, newer ones within it."""
    item = read(api(**changes))[0]
    assert isinstance(item, Addition)
    assert [f.confidence for f in item.facts if isinstance(f, Detection)] == [confidence]


def test_zones_and_plate_are_kept() -> None:
    """The zones that it was in, and the plate that was read."""
    data = api()["data"] | {"recognized_license_plate": "ABC 123"}
    (item, _) = read(api(label="car", zones=["yard", "drive"], data=data))
    assert isinstance(item, Addition)
    (fact,) = item.facts
    assert isinstance(fact, Detection)
    assert (fact.zones, fact.plate, fact.track) == (("yard", "drive"), "ABC 123", ID)


@pytest.mark.parametrize(
    ("changes", "skipped"),
    [
        ({"false_positive": True}, "a false positive"),
        ({"camera": "_replay_front"}, "a debug replay"),
    ],
)
def test_an_api_event_that_is_no_visit_is_skipped(changes: dict[str, Any], skipped: str) -> None:
    """False positives and debug replays open no event."""
    assert read(api(**changes)) == [Skipped(skipped)]


def test_a_sound_is_an_observation() -> None:
    """Its key is camera, label and time, which its topic and reviews give as well."""
    (item,) = read(api(label="bark", data={"type": "audio", "score": 0.8}))
    assert isinstance(item, Occurrence)
    assert item.at == moment(START)
    assert item.facts == (
        Observation(
            camera_id="front_door",
            recorded_at=moment(START),
            recording_id=ID,
            label="bark",
            medium="sound",
        ),
    )


def test_an_event_made_by_hand_keeps_its_label() -> None:
    """`doorbell_press` is how people wire a bell button."""
    (item,) = read(api(label="doorbell_press", data={"type": "api", "score": 0, "top_score": 0}))
    assert item == Visit(
        KEY,
        (
            Observation(
                camera_id="front_door",
                recorded_at=moment(START),
                recording_id=ID,
                label="doorbell_press",
                medium="by_hand",
            ),
        ),
    )


@pytest.mark.parametrize("data", [None, {}])
def test_an_event_without_a_score_is_a_visit_without_a_detection(data: object) -> None:
    """A detection without a score would be a guess."""
    assert read(api(data=data)) == [
        Skipped("an event without a score"),
        Visit(KEY, (OPENER,)),
        END,
    ]


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("id", 7, "id: "),
        ("id", "a:b", "id: "),
        ("id", "i" * 101, "id: "),
        ("camera", "", "camera: "),
        ("camera", "c" * 65, "camera: "),
    ],
)
def test_without_id_or_camera_a_message_is_refused_alone(
    field: str, value: object, reason: str
) -> None:
    """Alone in its file it raises; in a list the others go in."""
    bad = json.dumps(api(**{field: value})).encode()
    with pytest.raises(BadPayload, match=f"^frigate: {reason}"):
        read_file(frigate.ADAPTER, bad)
    refused, good, _ = read(json.loads(bad), api())
    assert isinstance(refused, Refused)
    assert refused.place == "element 1"
    assert refused.reason.startswith(reason)
    assert isinstance(good, Addition)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("label", 7, "label: "),
        ("start_time", -1, "start_time: "),
        ("start_time", 1e300, "start_time: "),
        ("start_time", True, "start_time: "),
        ("end_time", "late", "end_time: "),
        ("model_type", "m" * 300, "model_type: "),
        ("zones", [3], "zones: "),
        ("data", {"top_score": 1.0000001}, "data.top_score: "),
        ("data", {"score": "0.5"}, "data.score: "),
        ("data", {"box": [0.1, 0.2, 0.3]}, "data.box: "),
        ("sub_label", {"name": "John"}, "sub_label: "),
        ("sub_label", 42, "sub_label: "),
        ("sub_label", ["a", "b", "c"], "sub_label: "),
        ("sub_label", "n" * 65, "sub_label: "),
    ],
)
def test_one_odd_optional_field_is_refused_alone(field: str, value: object, reason: str) -> None:
    """The visit opens, and what is sound goes in; the reason repeats no value."""
    items = read(api(**{field: value}))
    assert opens(items)
    refused = [item for item in items if isinstance(item, Refused)]
    assert [item.reason.startswith(reason) for item in refused] == [True]
    assert "John" not in refused[0].reason


def opens(items: list[Item]) -> bool:
    """Whether the object's event is opened."""
    return any(
        OPENER in (item.facts if isinstance(item, Visit) else item.opener_facts)
        for item in items
        if isinstance(item, Visit | Addition)
    )


@pytest.mark.parametrize("start", [None, "soon"])
def test_without_any_time_no_event_opens(start: object) -> None:
    """The id may hold the time; one that holds none needs the start."""
    (item,) = read(api(id="event-person-001", start_time=start))
    assert isinstance(item, Refused)
    assert item.reason.startswith("start_time: is missing")


@pytest.mark.parametrize(
    ("label", "sub_label"),
    [
        ("car", "Red van"),
        ("person", "amazon"),
        ("person", "delivery_person"),
        ("person", "hermes"),
        ("bird", ["robin", 0.9]),
        ("person", ["Ada Byron"]),
    ],
)
def test_a_sub_label_that_its_owner_did_not_name_is_a_label(label: str, sub_label: Any) -> None:
    """A carrier, a colour or a bird does not become a person."""
    item = read(api(label=label, sub_label=sub_label), settings=PEOPLE)[0]
    assert isinstance(item, Addition)
    (fact,) = item.facts
    assert isinstance(fact, Detection)
    assert fact.sub_label == (sub_label if isinstance(sub_label, str) else sub_label[0])


@pytest.mark.parametrize(
    ("sub_label", "names", "score"),
    [
        ("John", ["John"], None),
        (["John", 0.79], ["John"], 0.79),
        (["John", None], ["John"], None),
        (["John"], ["John"], None),
        ("ada, ben", ["ada", "ben"], None),
        (["ada, ben", 0.5], ["ada", "ben"], 0.5),
    ],
)
def test_names_that_the_owner_lists_are_persons(
    sub_label: Any, names: list[str], score: float | None
) -> None:
    """Several names are several faces, and no name is in a key."""
    faces = [
        item
        for item in read(api(sub_label=sub_label), settings=PEOPLE)
        if isinstance(item, Addition) and item.key.startswith(f"{KEY}:named:")
    ]
    assert [item.facts for item in faces] == [(face(name, score, START + 30),) for name in names]
    assert not any(name in item.key for item in faces for name in names)


@pytest.mark.parametrize("sub_label", [None, "", ["", 0.5], [None, None]])
def test_an_empty_sub_label_tells_of_no_face(sub_label: object) -> None:
    """Nothing was named: there is no face result to keep."""
    assert read(api(sub_label=sub_label)) == [best(BEST), END]


def test_the_opener_takes_the_time_of_the_id() -> None:
    """An older API moves start_time back by the seconds that a recording starts early."""
    item = read(api(start_time=START - 5))[0]
    assert isinstance(item, Addition)
    assert item.opener_facts == (OPENER,)
    item = read(api(id="event-person-001"))[0]
    assert isinstance(item, Addition)
    assert isinstance(item.opener_facts[0], Motion)
    assert item.opener_facts[0].recorded_at == moment(START)


def test_a_thumbnail_of_the_list_is_a_picture_of_its_event() -> None:
    """As base64, bare or as a data address."""
    for text in ("data:image/jpeg;base64,", ""):
        thumbnail = text + base64.b64encode(b"a picture").decode()
        picture = read(api(thumbnail=thumbnail))[-1]
        assert isinstance(picture, Picture)
        assert (picture.frame, picture.opener_key) == (b"a picture", KEY)
    assert isinstance(read(api(thumbnail="x"))[-1], Refused)
