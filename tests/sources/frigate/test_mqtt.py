"""Frigate's MQTT messages: what each becomes, and what says nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from eventlog.facts import Box, Detection, FaceResult
from eventlog.sources.adapter import Settings
from eventlog.sources.feed import Tally
from eventlog.sources.frigate import files as frigate
from eventlog.sources.items import Addition, Refused, Skipped, Visit
from eventlog.sources.messages import moment
from eventlog.sources.reading import read as read_file
from tests.sources.frigate.frigate_messages import (
    ID,
    KEY,
    OPENER,
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


def test_a_first_sighting_is_a_detection_in_pixels_with_its_frame() -> None:
    """The key is that of the object and the frame."""
    after = state(1.5)
    assert read(mqtt("new", state(0, false_positive=True), after)) == [
        Addition(
            KEY,
            f"{KEY}:{START + 1.5!r}",
            (
                Detection(
                    label="person",
                    confidence=0.75,
                    box=Box(x1=100.0, y1=200.0, x2=300.0, y2=400.0, unit="pixels"),
                    recorded_at=moment(START + 1.5),
                ),
            ),
            (OPENER,),
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
        ("update", {"sub_label": ["John", 0.9]}, True),
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


@pytest.mark.parametrize("before", [None, state(0, false_positive=True)])
def test_an_update_after_nothing_certain_is_a_first_sighting(
    before: dict[str, Any] | None,
) -> None:
    """Whatever its type says, what was no object before is kept."""
    assert isinstance(read(mqtt("update", before, state(1)))[0], Addition)


@pytest.mark.parametrize(
    ("message", "skipped"),
    [
        (mqtt("new", None, state(false_positive=True)), "still a false positive"),
        (mqtt("other", None, state()), "events message of type other"),
        (attempt(type="lpr"), "tracked object update of type lpr"),
        ({"type": "description", "id": ID}, "tracked object update of type description"),
        ({"name": "x", "event_id": ID, "type": "thumbnail", "camera": "c"}, "trigger"),
        ({"topic": "frigate/stats", "payload": "{}"}, "topic stats"),
    ],
)
def test_what_is_no_fact_is_counted_by_its_kind(message: object, skipped: str) -> None:
    """Such messages give nothing but a count."""
    assert read(message) == [Skipped(skipped)]


def test_a_sighting_without_a_score_opens_the_event_only() -> None:
    """A detection without a confidence would be a guess."""
    assert read(mqtt("new", None, state(score=None, top_score=None))) == [
        Skipped("an object without a score"),
        Visit(KEY, (OPENER,)),
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, face("John", 0.95, START + 2)),
        ({"score": 0.9}, face("John", 0.9, START + 2)),
        ({"score": 0.89}, face(None, 0.89, START + 2)),
        ({"score": None}, face(None, None, START + 2)),
        ({"name": None}, face(None, 0.95, START + 2)),
        ({"name": "unknown"}, face(None, 0.95, START + 2)),
    ],
)
def test_a_face_below_the_threshold_is_a_strangers(
    changes: dict[str, Any], expected: FaceResult
) -> None:
    """Frigate sends its guess after every attempt; what it would not accept names nobody."""
    assert read(attempt(**changes)) == [
        Addition(KEY, f"{KEY}:face:{START + 2!r}", (expected,), (OPENER,))
    ]


def test_the_threshold_is_its_owners_to_choose() -> None:
    """Where Frigate was told to accept less, the reader can be told so too."""
    data = json.dumps(attempt(score=0.8)).encode()
    (item,) = read_file(frigate.ADAPTER, data, Settings(recognition_threshold=0.75))
    assert isinstance(item, Addition)
    assert item.facts == (face("John", 0.8, START + 2),)


@pytest.mark.anyio
async def test_a_face_without_a_camera_joins_an_event_that_is_there() -> None:
    """It can't open one, and says so."""
    faces = read(attempt(camera=None))
    _, tally = await fed(faces)
    assert tally.refused == {"its event was never opened, and it can't open it": 1}
    store, tally = await fed(read(api()), faces)
    assert tally == Tally(facts=1)
    assert face("John", 0.95, START + 2) in store.events[1]


def test_a_review_opens_only_what_was_missed() -> None:
    """It knows the object's camera, and its time by the id; what its objects are it can't say."""
    assert read(review()) == [Visit(KEY, (OPENER,)), Skipped("review")]
    assert read(review()["after"]) == [Visit(KEY, (OPENER,)), Skipped("review")]


@pytest.mark.parametrize(
    "data", [{"detections": ["person-1"]}, {"detections": [ID], "audio": ["x"]}]
)
def test_a_review_opens_nothing_that_it_can_not_tell(data: dict[str, Any]) -> None:
    """An id without a time, or one that may be a sound's, opens no event."""
    assert read(review()["after"] | {"data": data}) == [Skipped("review")]


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


@pytest.mark.parametrize(
    "message",
    [
        {"2026-06-05": {"day": "2026-06-05", "total_alert": 2}},
        {"topic": 3, "payload": {}},
        {"topic": "frigate/events", "payload": None},
        {"topic": "frigate/events", "payload": "no json"},
        {"after": 3},
        {"after": {"severity": "alert"}},
        "text",
    ],
)
def test_a_message_that_is_none_of_frigates_is_refused(message: object) -> None:
    """Nothing is guessed from a shape that is not known."""
    (item,) = read(message)
    assert isinstance(item, Refused)
