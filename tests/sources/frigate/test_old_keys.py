"""A log that the last version fed, fed again by this one: nothing is doubled.

The records of the last version are written down here as its adapter made them.
"""

from __future__ import annotations

import pytest

from eventlog.facts import Box, Detection, FaceResult, Fact, Score
from eventlog.sources.feed import feed
from eventlog.sources.frigate.tracked_object import SIMILARITY
from eventlog.sources.messages import moment
from tests.sources.frigate.frigate_messages import (
    KEY,
    OPENER,
    PEOPLE,
    START,
    api,
    attempt,
    mqtt,
    read,
    state,
)
from tests.sources.store_model import ModelStore

SCORE = Score(value=0.95, scale=SIMILARITY)
OLD: dict[str, Fact] = {
    f"{KEY}:api:0.9": Detection(
        label="person",
        confidence=0.9,
        box=Box(x1=0.25, y1=0.5, x2=0.375, y2=0.75, unit="fractions"),
        model="ssd",
    ),
    f"{KEY}:{START + 1!r}": Detection(
        label="person",
        confidence=0.75,
        box=Box(x1=100.0, y1=200.0, x2=300.0, y2=400.0),
        recorded_at=moment(START + 1),
    ),
    f"{KEY}:sub_label:0.95": FaceResult(name="John", score=SCORE),
    f"{KEY}:face:{START + 2!r}": FaceResult(
        name="John", score=SCORE, recorded_at=moment(START + 2)
    ),
    f"{KEY}:face:{START + 4!r}": FaceResult(
        score=Score(value=0.5, scale=SIMILARITY), recorded_at=moment(START + 4)
    ),
}
MESSAGES = [
    mqtt("new", None, state(1, current_zones=["yard"])),
    attempt(),
    attempt(timestamp=START + 4, score=0.5),
    api(end_time=None, zones=["yard"], sub_label=["John", 0.95]),
]


async def fed_by_the_last_version() -> ModelStore:
    """A store with the records of the last version."""
    store = ModelStore()
    receipt = await store.append(OPENER, key=KEY)
    for key, fact in OLD.items():
        await store.append(fact, event_id=receipt.event_id, key=key)
    return store


@pytest.mark.anyio
@pytest.mark.parametrize("names", [True, False])
async def test_the_same_messages_again_add_nothing(names: bool) -> None:
    """What the old records say is known by their keys, whether the owner lists people or not."""
    store = await fed_by_the_last_version()
    messages = MESSAGES if names else MESSAGES[:-1]
    items = read(*messages, settings=PEOPLE) if names else read(*messages)
    tally = await feed(store, items)
    assert (tally.events, tally.facts) == (0, 0)
    assert tally.known == len(items)


@pytest.mark.anyio
async def test_what_the_last_version_lost_gets_in() -> None:
    """A corrected name under the old score, and another box, are no repeats."""
    store = await fed_by_the_last_version()
    better = api(end_time=None, data={"top_score": 0.9, "box": [0, 0, 1, 1]})
    corrected = api(end_time=None, sub_label=["ada", 0.95])
    tally = await feed(store, read(better, corrected, settings=PEOPLE))
    assert tally.facts == 2
