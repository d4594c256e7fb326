"""A pipeline's values as its libraries hand them over: numpy scalars, enums, decimals."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eventlog import BadFact, Detection, EventStore, Motion
from tests.support.dumps import views_of

pytestmark = pytest.mark.anyio

AT = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)


class Kind(Enum):
    """A pipeline's own words."""

    DING = "ding"
    NOTHING = "none"
    OPENED = "unlocked"


class Zoned(datetime):
    """A time of another library."""


async def test_a_face_distance_of_numpy_keeps_the_visit_and_its_unlock(store: EventStore) -> None:
    """`face_distance()` answers an array of numpy.float64: the visit is recorded nevertheless."""
    distances = np.array([0.31, 0.7])
    event_id = await store.write_event(
        "front_door",
        "2026-02-25T10:30:00",
        person_name="ada",
        face_distance=distances[0],
        unlock_granted=True,
        door_action="unlocked",
    )
    event = await store.get_event(event_id)
    assert event is not None
    assert (event["face_distance"], event["unlock_granted"]) == (0.31, 1)
    assert event["door_action"] == "unlocked"


async def test_every_argument_is_taken_at_its_plain_value(store: EventStore) -> None:
    """Values of other libraries give the same event as plain ones, with its detections."""
    foreign: dict[str, Any] = {
        "camera_id": np.array(["porch"])[0],
        "recorded_at": np.datetime64("2026-02-25T10:30:00"),
        "recording_id": np.str_("17"),
        "event_type": Kind.DING,
        "person_name": np.array("ada"),
        "face_confidence": Fraction(1, 2),
        "face_distance": Decimal("0.4"),
        "unlock_granted": np.True_,
        "door_action": Kind.OPENED,
        "thumbnail_path": np.str_("thumbnails/x.jpg"),
        "detections": [
            {
                "label": np.str_("dog"),
                "confidence": np.float32(0.5),
                "bbox_x1": np.int64(1),
                "bbox_y1": np.float64(2.5),
                "bbox_x2": Decimal("3.25"),
                "bbox_y2": np.array(4),
            }
        ],
    }
    plain: dict[str, Any] = {
        "camera_id": "porch",
        "recorded_at": AT,
        "recording_id": "17",
        "event_type": "ding",
        "person_name": "ada",
        "face_confidence": 0.5,
        "face_distance": 0.4,
        "unlock_granted": True,
        "door_action": "unlocked",
        "thumbnail_path": "thumbnails/x.jpg",
        "detections": [
            {
                "label": "dog",
                "confidence": 0.5,
                "bbox_x1": 1,
                "bbox_y1": 2.5,
                "bbox_x2": 3.25,
                "bbox_y2": 4,
            }
        ],
    }
    first = await store.get_event(await store.write_event(**foreign))
    second = await store.get_event(await store.write_event(**plain))
    assert first is not None
    assert second is not None
    for event in (first, second):
        for row in (event, *event["detections"]):
            for column in ("id", "event_id", "created_at", "picture_position"):
                row.pop(column, None)
    assert first == second


async def test_a_door_that_did_nothing_is_no_refusal(store: EventStore) -> None:
    """A door action of an enum's "none" records no unlock action, as the text does."""
    nothing: Any = Kind.NOTHING
    event_id = await store.write_event("front_door", AT, door_action=nothing)
    assert await store.reader.unlock_actions(event_id) == []


async def test_facts_and_bulk_take_the_same_values(store: EventStore) -> None:
    """`append` and `append_many` have the same gate, and numpy's ids and keys find their rows."""
    motion = Motion(camera_id=np.str_("porch"), recorded_at=Zoned(2026, 2, 25, 10, 30, tzinfo=UTC))
    dog: Any = Detection(label="dog", confidence=np.float64(0.5))
    receipt = await store.append(motion, dog, key=np.str_("k"))
    (other,) = await store.append_many([[motion, dog]])
    joined: Any = np.int64(1)
    await store.append(dog, event_id=joined)
    event = await store.get_event(joined)
    assert (receipt.event_id, other.event_id) == (1, 2)
    assert event is not None
    assert [row["confidence"] for row in event["detections"]] == [0.5, 0.5]
    assert await store.receipt(np.str_("k")) == receipt


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"face_distance": Fraction(1, 3), "person_name": "ada"}, "distance"),
        ({"recorded_at": np.datetime64("2026-02-25T10:30:00.123456789")}, "recorded_at"),
        ({"unlock_granted": np.array([True, False])}, "granted"),
        ({"detections": [{"label": "dog", "confidence": Fraction(1, 3)}]}, "confidence"),
        ({"detections": [{"label": "dog", "confidence": np.float64("nan")}]}, "confidence"),
    ],
)
async def test_what_would_lose_something_is_refused_by_the_name_of_its_field(
    store: EventStore, arguments: dict[str, Any], field: str
) -> None:
    """A third is not a float, a nanosecond no microsecond; nothing is written."""
    before = views_of(Path(store.db_path))
    with pytest.raises(BadFact) as caught:
        await store.write_event(**{"camera_id": "front_door", "recorded_at": AT, **arguments})
    assert caught.value.field == field
    assert views_of(Path(store.db_path)) == before
