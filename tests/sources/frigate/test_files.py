"""Frigate's API and the shapes of its files: what each message becomes, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eventlog.errors import BadPayload
from eventlog.facts import Box, Detection, FaceResult, Motion
from eventlog.sources.feed import Tally, feed
from eventlog.sources.frigate import files as frigate
from eventlog.sources.items import Addition, Refused, Skipped, Visit
from eventlog.sources.messages import moment
from eventlog.sources.reading import read as read_file
from tests.sources.frigate.frigate_messages import (
    KEY,
    OPENER,
    START,
    api,
    face,
    read,
)
from tests.sources.store_model import ModelStore


def test_an_api_event_tells_its_opener_its_best_detection_and_its_name() -> None:
    """Boxes are corners in fractions; confidence is the best score; the name keeps its scale."""
    data = api()["data"] | {"sub_label_score": 0.93}
    assert read(api(sub_label="John", data=data)) == [
        Addition(
            KEY,
            f"{KEY}:api:0.9",
            (
                Detection(
                    label="person",
                    confidence=0.9,
                    box=Box(x1=0.25, y1=0.5, x2=0.375, y2=0.75, unit="fractions"),
                    model="ssd",
                ),
            ),
            (OPENER,),
        ),
        Addition(KEY, f"{KEY}:sub_label:0.93", (face("John", 0.93),), (OPENER,)),
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
    """Older APIs have the best score beside `data`, newer ones within it."""
    (item,) = read(api(**changes))
    assert isinstance(item, Addition)
    assert [f.confidence for f in item.facts if isinstance(f, Detection)] == [confidence]


@pytest.mark.parametrize(
    ("changes", "skipped"),
    [
        ({"false_positive": True}, "a false positive"),
        ({"data": {"type": "audio", "score": 0.8}}, "a sound, and nothing seen"),
    ],
)
def test_an_api_event_that_is_no_visit_is_skipped(changes: dict[str, Any], skipped: str) -> None:
    """False positives and sounds open no event."""
    assert read(api(**changes)) == [Skipped(skipped)]


@pytest.mark.parametrize("data", [None, {}, {"type": "api", "score": 0, "top_score": 0}])
def test_an_event_without_a_score_is_a_visit_without_a_detection(data: object) -> None:
    """An event made by hand was seen by no model, and is a visit all the same."""
    assert read(api(data=data)) == [Skipped("an event without a score"), Visit(KEY, (OPENER,))]


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("id", 7, "id: "),
        ("id", "a:b", "id: "),
        ("id", "i" * 101, "id: "),
        ("camera", "", "camera: "),
        ("camera", "c" * 65, "camera: "),
        ("label", None, "label: "),
        ("start_time", None, "start_time: "),
        ("start_time", -1, "start_time: "),
        ("start_time", 1e300, "start_time: "),
        ("start_time", True, "start_time: "),
        ("data", {"top_score": 1.5}, "data.top_score: "),
        ("data", {"score": "0.5"}, "data.score: "),
        ("data", {"box": [0.1, 0.2, 0.3]}, "data.box: "),
        ("sub_label", {"name": "John"}, "sub_label: "),
    ],
)
def test_a_bad_field_is_named_and_refuses_its_event_alone(
    field: str, value: object, reason: str
) -> None:
    """Alone in its file it raises; in a list the others go in."""
    bad = json.dumps(api(**{field: value})).encode()
    with pytest.raises(BadPayload, match=f"^frigate: {reason}"):
        read_file(frigate.ADAPTER, bad)
    refused, good = read(json.loads(bad), api())
    assert isinstance(refused, Refused)
    assert refused.place == "element 1"
    assert refused.reason.startswith(reason)
    assert isinstance(good, Addition)


def test_a_name_too_long_for_the_journal_costs_the_face_and_not_the_visit() -> None:
    """Frigate allows longer sub labels than a name may be; the reason does not repeat it."""
    name = "n" * 65
    seen, refused = read(api(sub_label=name))
    assert isinstance(seen, Addition)
    assert refused == Refused(KEY, "sub_label: is longer than 64 characters")


@pytest.mark.parametrize(
    ("label", "sub_label"),
    [("car", "John's car"), ("person", "amazon"), ("bird", ["robin", 0.9])],
)
def test_a_sub_label_that_names_no_face_is_skipped(label: str, sub_label: object) -> None:
    """Cars, birds and carriers' logos have sub labels too."""
    assert read(api(label=label, sub_label=sub_label))[1:] == [
        Skipped("a sub label that names no face")
    ]


@pytest.mark.parametrize(
    ("sub_label", "expected"),
    [
        ("John", (f"{KEY}:sub_label", face("John", None))),
        (["John", 0.79], (f"{KEY}:sub_label:0.79", face("John", 0.79))),
        (["John", None], (f"{KEY}:sub_label", face("John", None))),
    ],
)
def test_a_sub_label_is_a_name_or_a_name_with_a_score(
    sub_label: object, expected: tuple[str, FaceResult]
) -> None:
    """Both shapes are read, and the name is in no key."""
    item = read(api(sub_label=sub_label))[1]
    assert isinstance(item, Addition)
    assert (item.key, item.facts) == (expected[0], (expected[1],))


@pytest.mark.parametrize("sub_label", [None, "", ["", 0.5]])
def test_an_empty_sub_label_tells_of_no_face(sub_label: object) -> None:
    """Nothing was named: there is no face result to keep."""
    assert len(read(api(sub_label=sub_label))) == 1


def test_the_opener_takes_the_time_of_the_id() -> None:
    """An older API moves start_time back by the seconds that a recording starts early."""
    (item,) = read(api(start_time=START - 5))
    assert isinstance(item, Addition)
    assert item.opener_facts == (OPENER,)
    (item,) = read(api(id="event-person-001"))
    assert isinstance(item, Addition)
    assert isinstance(item.opener_facts[0], Motion)
    assert item.opener_facts[0].recorded_at == moment(START)


@pytest.mark.anyio
async def test_fifty_recorded_events_are_fifty_and_a_second_time_none(shared_data: Path) -> None:
    """Each has its opener and what was seen; feeding the file again adds nothing."""
    data = (shared_data / "frigate-hass-integration/events_front_door.json").read_bytes()
    store = ModelStore()
    assert await feed(store, read_file(frigate.ADAPTER, data)) == Tally(events=50, facts=100)
    assert await feed(store, read_file(frigate.ADAPTER, data)) == Tally(known=50)
    told = json.loads(data)
    for event in told:
        receipt = await store.receipt(f"frigate:{event['id']}")
        assert receipt is not None
        assert receipt.event_id is not None
        opener, seen = store.events[receipt.event_id]
        assert isinstance(opener, Motion)
        assert isinstance(seen, Detection)
        assert opener.recorded_at == moment(event["start_time"])
        assert (seen.label, seen.confidence) == (event["label"], event["data"]["top_score"])


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("file", "first", "second"),
    [
        ("api_events.json", Tally(events=3, facts=6), Tally(known=3)),
        (
            "api_reviews.json",
            Tally(skipped={"review": 4}),
            Tally(skipped={"review": 4}),
        ),
        ("mqtt_events_update.json", Tally(events=1, facts=3), Tally(known=2)),
        (
            "mqtt_reviews_update.json",
            Tally(events=3, facts=3, skipped={"review": 1}),
            Tally(known=3, skipped={"review": 1}),
        ),
        ("mqtt_tracked_object_update_face.json", Tally(events=1, facts=2), Tally(known=1)),
        *(
            (
                f"mqtt_tracked_object_update_{name}.json",
                Tally(skipped={f"tracked object update of type {kind}": 1}),
                Tally(skipped={f"tracked object update of type {kind}": 1}),
            )
            for name, kind in [
                ("classification_attribute", "classification"),
                ("classification_sublabel", "classification"),
                ("description", "description"),
                ("lpr", "lpr"),
            ]
        ),
        ("mqtt_triggers.json", Tally(skipped={"trigger": 1}), Tally(skipped={"trigger": 1})),
    ],
)
async def test_a_recorded_payload_goes_in_once(
    shared_data: Path, file: str, first: Tally, second: Tally
) -> None:
    """What the first feeding adds, the second knows."""
    data = (shared_data / "frigate" / file).read_bytes()
    store = ModelStore()
    assert await feed(store, read_file(frigate.ADAPTER, data)) == first
    assert await feed(store, read_file(frigate.ADAPTER, data)) == second


def test_a_recorded_answer_that_is_no_list_of_events_is_refused(shared_data: Path) -> None:
    """A summary of reviews is none of the messages that the adapter knows."""
    data = (shared_data / "frigate/api_review-summary.json").read_bytes()
    with pytest.raises(BadPayload, match="no event, review or update"):
        read_file(frigate.ADAPTER, data)
