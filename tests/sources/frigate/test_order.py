"""Many messages about one object, in any order, become one event."""

from __future__ import annotations

from itertools import pairwise, permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sources.frigate.frigate_messages import (
    KEY,
    PEOPLE,
    START,
    api,
    attempt,
    mqtt,
    read,
    review,
    state,
)
from tests.sources.store_model import fed

NEW = mqtt("new", state(0, false_positive=True), state(1))
UPDATE = mqtt("update", state(1), state(3, sub_label=["John", 0.95], top_score=0.9))
# The end comes with the last frame in which the object was seen: that of the update.
END = mqtt("end", UPDATE["after"], UPDATE["after"] | {"end_time": START + 9})
EARLY = api(end_time=None, data={"top_score": 0.8})
LATE = api(sub_label="John", end_time=START + 9, data={"top_score": 0.9, "sub_label_score": 0.95})


@pytest.mark.anyio
@pytest.mark.parametrize("number", range(7))
async def test_any_order_of_api_and_mqtt_gives_the_same_facts(number: int) -> None:
    """One event, with nothing lost or duplicated, whichever comes first."""
    messages = [NEW, UPDATE, END, EARLY, LATE, attempt(), review()]
    expected = {
        "motion": 1,  # the opener
        "detection": 4,  # the first sighting, the update's, which is the end's, and the API's two
        "face_result": 3,  # the attempt; the sub label by the update and by the API
        "visit_ended": 1,  # which MQTT and the API tell alike
    }
    reference = (await fed(read(*messages, settings=PEOPLE)))[0].story(KEY)
    first = messages.pop(number)
    for rest in permutations(messages):
        store, _ = await fed(*(read(message, settings=PEOPLE) for message in (first, *rest)))
        assert list(store.events) == [1]
        assert store.story(KEY) == reference
        kinds = [type(fact).__struct_config__.tag for fact in store.events[1]]
        assert {kind: kinds.count(kind) for kind in kinds} == expected


@st.composite
def objects(draw: st.DrawFn) -> list[dict[str, Any]]:
    """All messages of one object, in the order in which Frigate sends them."""
    steps = draw(st.lists(st.floats(0.1, 60), min_size=1, max_size=8))
    now, before = 0.0, state(0, false_positive=True, top_score=0.0)
    messages = []
    for step in steps:
        now += step
        after = before | {
            "frame_time": START + now,
            "false_positive": draw(st.booleans()) and before["false_positive"],
            "score": draw(st.floats(0, 1)),
            "top_score": max(before["top_score"], draw(st.floats(0, 1))),
            "box": draw(st.lists(st.integers(0, 999), min_size=4, max_size=4)),
            "stationary": draw(st.booleans()),
            "sub_label": before["sub_label"]
            or draw(st.none() | st.tuples(st.just("John"), st.floats(0, 1)).map(list)),
        }
        messages.append(mqtt("new" if before["false_positive"] else "update", before, after))
        before = after
    return [*messages, mqtt("end", before, before | {"end_time": START + now})]


@pytest.mark.anyio
@given(st.data())
async def test_any_shuffle_of_an_objects_messages_gives_the_same_facts(data: st.DataObject) -> None:
    """MQTT promises no order and may repeat: the facts of the event are the same."""
    messages = data.draw(objects())
    shuffled = data.draw(st.permutations(messages)) + data.draw(
        st.lists(st.sampled_from(messages), max_size=4)
    )
    store, _ = await fed(read(*messages, settings=PEOPLE))
    other, _ = await fed(read(*shuffled, settings=PEOPLE))
    assert len(store.events) == len(other.events) <= 1
    assert store.keys.keys() == other.keys.keys()
    if store.events:
        assert store.story(KEY) == other.story(KEY)
        assert len(store.events[1]) == len(other.events[1])


@pytest.mark.anyio
async def test_an_hour_of_a_parked_car_stays_small() -> None:
    """Of many small changes, only arrival, rest and end are kept."""
    parked = [
        state(
            60 * minute,
            label="car",
            score=0.7 + minute % 7 / 100,
            top_score=0.8 + minute / 1000,
            box=[100 + minute % 3, 200, 300, 400 + minute % 2],
            stationary=minute > 1,
            position_changes=1,
        )
        for minute in range(60)
    ]
    messages = [
        mqtt("new", state(0, label="car", false_positive=True), parked[0]),
        *(mqtt("update", before, after) for before, after in pairwise(parked)),
        mqtt("end", parked[-1], parked[-1]),
    ]
    store, tally = await fed(read(*messages))
    assert (tally.events, len(store.events[1])) == (1, 4)


@pytest.mark.anyio
async def test_what_is_known_later_gets_in_whatever_is_fed_first() -> None:
    """A corrected name with the old score, a better box with the best score, a box at last."""
    tellings = [
        api(end_time=None, data={"top_score": 0.9}),
        api(end_time=None, data={"top_score": 0.9, "box": [0.1, 0.1, 0.2, 0.2]}),
        api(data={"top_score": 0.9, "box": [0.4, 0.4, 0.2, 0.2]}, sub_label=["John", 0.8]),
        api(data={"top_score": 0.9, "box": [0.4, 0.4, 0.2, 0.2]}, sub_label=["ada", 0.8]),
    ]
    stories = set()
    for order in permutations(tellings):
        store, _ = await fed(*(read(one, settings=PEOPLE) for one in order))
        again, tally = await fed(*(read(one, settings=PEOPLE) for one in (*order, *order)))
        assert tally.facts == 0
        assert store.story(KEY) == again.story(KEY)
        stories.add(store.story(KEY))
        kinds = [type(fact).__struct_config__.tag for fact in store.events[1]]
        assert (kinds.count("detection"), kinds.count("face_result")) == (3, 2)
    assert len(stories) == 1
