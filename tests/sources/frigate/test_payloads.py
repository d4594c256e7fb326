"""Frigate's recorded payloads, compared with a reading of their own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eventlog.errors import BadPayload
from eventlog.facts import Detection, FaceResult, Motion, VisitEnded
from eventlog.sources.feed import Tally, feed
from eventlog.sources.frigate import adapter as frigate
from eventlog.sources.messages import moment
from eventlog.sources.reading import read
from tests.sources.store_model import ModelStore, fed

pytestmark = pytest.mark.anyio


async def test_fifty_recorded_events_are_fifty_and_a_second_time_none(shared_data: Path) -> None:
    """Each has its opener, what was seen, and its end; feeding the file again adds nothing."""
    data = (shared_data / "frigate-hass-integration/events_front_door.json").read_bytes()
    store = ModelStore()
    assert await feed(store, read(frigate.ADAPTER, data)) == Tally(events=50, facts=150)
    assert await feed(store, read(frigate.ADAPTER, data)) == Tally(known=100)
    for event in json.loads(data):
        receipt = await store.receipt(f"frigate:{event['id']}")
        assert receipt is not None
        assert receipt.event_id is not None
        opener, seen, end = store.events[receipt.event_id]
        assert isinstance(opener, Motion)
        assert isinstance(seen, Detection)
        assert isinstance(end, VisitEnded)
        assert opener.recorded_at == moment(event["start_time"])
        assert end.ended_at == moment(event["end_time"])
        assert (seen.label, seen.confidence) == (event["label"], event["data"]["top_score"])


@pytest.mark.parametrize(
    ("file", "first", "second"),
    [
        ("api_events.json", Tally(events=3, facts=9), Tally(known=6)),
        (
            "api_reviews.json",
            Tally(skipped={"review": 4}),
            Tally(skipped={"review": 4}),
        ),
        ("mqtt_events_update.json", Tally(events=1, facts=2), Tally(known=1)),
        (
            "mqtt_reviews_update.json",
            Tally(events=3, facts=3, skipped={"review": 1}),
            Tally(known=3, skipped={"review": 1}),
        ),
        ("mqtt_tracked_object_update_face.json", Tally(events=1, facts=2), Tally(known=1)),
        ("mqtt_tracked_object_update_lpr.json", Tally(events=1, facts=2), Tally(known=1)),
        *(
            (
                f"mqtt_tracked_object_update_classification_{name}.json",
                Tally(events=1, facts=2),
                Tally(known=1),
            )
            for name in ("attribute", "sublabel")
        ),
        (
            "mqtt_tracked_object_update_description.json",
            Tally(skipped={"tracked object update of type description": 1}),
            Tally(skipped={"tracked object update of type description": 1}),
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
    assert await feed(store, read(frigate.ADAPTER, data)) == first
    assert await feed(store, read(frigate.ADAPTER, data)) == second


async def test_the_recorded_update_is_a_person_in_two_zones(shared_data: Path) -> None:
    """Box, score, plate, zones and sub label are those of its `after`."""
    data = (shared_data / "frigate/mqtt_events_update.json").read_bytes()
    store, _ = await fed(read(frigate.ADAPTER, data))
    opener, seen = store.events[1]
    assert isinstance(opener, Motion)
    assert (opener.camera_id, opener.recorded_at) == ("front_door", moment(1607123955.475377))
    assert isinstance(seen, Detection)
    assert seen.box is not None
    assert (seen.box.x1, seen.box.y1, seen.box.x2, seen.box.y2) == (432, 496, 544, 854)
    assert (seen.confidence, seen.plate) == (0.87890625, "ABC12345")
    assert (seen.zones, seen.sub_label) == (("yard", "driveway"), "John Smith")
    assert seen.recorded_at == moment(1607123962.082975)


async def test_the_recorded_face_is_john(shared_data: Path) -> None:
    """His score is Frigate's similarity."""
    data = (shared_data / "frigate/mqtt_tracked_object_update_face.json").read_bytes()
    store, _ = await fed(read(frigate.ADAPTER, data))
    face = store.events[1][1]
    assert isinstance(face, FaceResult)
    assert face.score is not None
    assert (face.name, face.score.value) == ("John", 0.95)


async def test_a_recorded_answer_that_is_no_list_of_events_is_refused(shared_data: Path) -> None:
    """The adapter does not read summaries of reviews."""
    data = (shared_data / "frigate/api_review-summary.json").read_bytes()
    with pytest.raises(BadPayload, match="not an event, a review or an update"):
        read(frigate.ADAPTER, data)
