"""Double Take and CompreFace: faces that join the event of the picture that they are of."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import pytest

from eventlog.facts import Box, FaceResult, Motion, Score
from eventlog.sources import compreface, double_take
from eventlog.sources.adapter import Settings
from eventlog.sources.feed import Tally
from eventlog.sources.frigate.adapter import ADAPTER as FRIGATE
from eventlog.sources.items import Addition, Item, Picture, Refused, Skipped, Unknown
from tests.sources.frigate.frigate_messages import ID, KEY, OPENER, api
from tests.sources.published import facts, published, told
from tests.sources.store_model import fed

AT = datetime(2020, 12, 4, 23, 19, 17, tzinfo=UTC)


def match(**changes: object) -> dict[str, Any]:
    """A match, as Double Take's README shows it."""
    return {
        "name": "björn",
        "confidence": 85.25,
        "match": True,
        "box": {"top": 10, "left": 20, "width": 30, "height": 40},
        "type": "latest",
        "duration": 0.4,
        "detector": "compreface",
        "filename": "2f07d1ad-9252-43fd-9233-2786a36a15a9.jpg",
        **changes,
    }


def looked(**changes: object) -> dict[str, Any]:
    """What became of the pictures of one event."""
    return {
        "id": ID,
        "duration": 1.26,
        "timestamp": "2020-12-04T18:19:17.000-05:00",
        "attempts": 5,
        "camera": "front_door",
        "zones": [],
        **changes,
    }


@pytest.mark.anyio
async def test_a_match_by_camera_and_by_name_is_one_and_joins_frigates_event() -> None:
    """In any order; the topic's name is romanised, the payload's is the person's."""
    messages = [
        ("double-take/cameras/front_door", looked(matches=[match()], misses=[], unknowns=[])),
        ("double-take/matches/bjorn", looked(match=match())),
    ]
    items = [
        item for topic, value in messages for item in published(double_take.ADAPTER, topic, value)
    ]
    frigate = told(FRIGATE, api())
    for order in ([*frigate, *items], [*items[::-1], *frigate]):
        store, tally = await fed(order)
        assert (len(store.events), tally.known) == (1, 1)
        (face,) = [fact for fact in store.events[1] if isinstance(fact, FaceResult)]
        assert face == FaceResult(
            name="björn",
            score=Score(value=0.8525, scale="double-take confidence"),
            box=Box(x1=20.0, y1=10.0, x2=50.0, y2=50.0, unit="pixels"),
            model="compreface",
            recorded_at=AT,
            track=ID,
        )
        assert not any("bj" in key for key in store.keys)


def test_a_miss_is_a_strangers_and_an_unknown_is_nobody() -> None:
    """The guess of a miss is the nearest."""
    some = {"misses": [match(match=False)], "unknowns": [match(name="unknown", confidence=0)]}
    miss, unknown = facts(told(double_take.ADAPTER, looked(**some)))
    assert isinstance(miss, FaceResult)
    assert (miss.name, miss.nearest) == (None, "björn")
    assert isinstance(unknown, FaceResult)
    assert (unknown.name, unknown.nearest) == (None, None)


def test_an_id_of_double_takes_own_opens_an_event_of_its_own() -> None:
    """A UUID, of a snapshot or a run by hand."""
    (item,) = told(double_take.ADAPTER, looked(id="0da4d39a-b70a", matches=[match()]))
    assert isinstance(item, Addition)
    assert item.opener_key == "double-take:0da4d39a-b70a"
    opener = Motion(camera_id="front_door", recorded_at=AT, recording_id="0da4d39a-b70a")
    assert item.opener_facts == (opener,)


def test_a_picture_in_a_match_is_one_of_its_event() -> None:
    """As base64; what is not one is refused, and the face goes in."""
    data = base64.b64encode(b"a picture").decode()
    face, picture = told(double_take.ADAPTER, looked(matches=[match(base64=data)]))
    assert isinstance(face, Addition)
    assert isinstance(picture, Picture)
    assert (picture.frame, picture.opener_key) == (b"a picture", KEY)
    bad = told(double_take.ADAPTER, looked(matches=[match(base64="~")]))
    assert [type(item) for item in bad] == [Addition, Refused]


@pytest.mark.parametrize(
    ("topic", "payload", "kind"),
    [
        ("double-take/cameras/front_door/person", b"1", Skipped),
        ("double-take/errors", b"x", Skipped),
        ("double-take/dance", b"x", Unknown),
        ("double-take/cameras/front_door", looked(), Skipped),
        ("double-take/cameras/front_door", {"camera": "x"}, Refused),
        ("double-take/cameras/front_door", looked(matches=[7]), Refused),
    ],
)
def test_what_is_no_face_is_counted(topic: str, payload: object, kind: type[Item]) -> None:
    """A count of persons falls to 0 by itself."""
    assert isinstance(published(double_take.ADAPTER, topic, payload, retained=True)[0], kind)


# ── CompreFace ─────────────────────────────────────────────────────────────────────────────


def answer(*similarities: float, **beside: object) -> dict[str, Any]:
    """An answer of the recognition service, with the event's id."""
    subjects = [{"subject": f"person {n}", "similarity": s} for n, s in enumerate(similarities)]
    box = {"probability": 1.0, "x_max": 1420, "y_max": 1368, "x_min": 548, "y_min": 295}
    return {
        "id": ID,
        "camera": "front_door",
        "result": [{"box": box, "subjects": subjects}],
        **beside,
    }


@pytest.mark.parametrize(
    ("similarities", "threshold", "name", "nearest"),
    [
        ((0.97, 0.4), None, "person 0", None),
        ((0.4, 0.97), None, "person 1", None),
        ((0.85,), None, None, "person 0"),
        ((0.85,), 0.8, "person 0", None),
        ((), None, None, None),
    ],
)
def test_the_most_similar_person_counts_from_the_threshold_on(
    similarities: tuple[float, ...], threshold: float | None, name: str, nearest: str
) -> None:
    """Below it, the best guess is the nearest; several subjects are one face."""
    settings = Settings(recognition_threshold=threshold)
    (item,) = told(compreface.ADAPTER, answer(*similarities), settings)
    assert isinstance(item, Addition)
    assert (item.opener_key, item.opener_facts) == (KEY, (OPENER,))
    (face,) = item.facts
    assert isinstance(face, FaceResult)
    assert (face.name, face.nearest, face.threshold) == (name, nearest, threshold or 0.9)
    assert face.box == Box(x1=548.0, y1=295.0, x2=1420.0, y2=1368.0)
    assert face.distance is None


@pytest.mark.anyio
async def test_an_answer_again_is_known() -> None:
    """By the event's id and the face's number; two faces are two."""
    two = answer(0.95)
    two["result"] = two["result"] * 2
    items = told(compreface.ADAPTER, two)
    _, tally = await fed(items, items)
    assert tally == Tally(known=2)


def test_an_answer_without_the_events_id_is_refused() -> None:
    """Nothing else says what it is of."""
    bare = {"result": answer(0.9)["result"]}
    (item,) = told(compreface.ADAPTER, bare)
    assert isinstance(item, Refused)
    assert item.reason.startswith("id: is missing")
    assert told(compreface.ADAPTER, {"id": "x", "result": []}) == [Skipped("no face")]
    refused, good = told(compreface.ADAPTER, answer(0.9, result=[7, {}]))
    assert isinstance(refused, Refused)
    assert isinstance(good, Addition)
