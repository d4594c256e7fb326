"""Keys for messages without an id and a time, across restarts and between feeders."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog import EventStore
from eventlog.facts import LockState, UnlockAction
from eventlog.sources.feed import Feeder, Tally, feed
from eventlog.sources.items import Occurrence
from tests.sources.published import NOW, standing
from tests.sources.store_model import ModelStore

pytestmark = pytest.mark.anyio
STATES = ("lock:locked", "lock:unlocked")


def opening(at: datetime | None, *, live: bool = True, duplicate: bool = False) -> Occurrence:
    """The same code at the same lock."""
    fact = UnlockAction(granted=True, door_action="unlocked", door_id="d", recorded_at=at)
    return Occurrence("opening", (fact,), at, live=live, duplicate=duplicate)


def state(word: str, at: datetime | None, *, live: bool = True) -> Occurrence:
    """A lock's state."""
    assert word in {"locked", "unlocked"}
    fact = LockState(
        door_id="d",
        state="locked" if word == "locked" else "unlocked",
        source="s",
        recorded_at=at,
    )
    return Occurrence(f"lock:{word}", (fact,), at, live=live, states=STATES)


def minutes(number: float) -> datetime:
    """Some minutes later."""
    return NOW + timedelta(minutes=number)


async def told(folder: Path, items: Iterable[Occurrence]) -> Tally:
    """What becomes of items in a log that is opened again each time."""
    async with EventStore(str(folder / "events.db"), str(folder / "thumbnails")) as store:
        return await feed(store, items)


async def test_numbers_go_on_after_a_restart(tmp_path: Path) -> None:
    """Each later opening has the next one; a second delivery after a crash is the newest again."""
    for number in range(5):
        assert (await told(tmp_path, [opening(minutes(number))])).facts == 1
    assert (await told(tmp_path, [opening(minutes(60), duplicate=True)])).known == 1
    assert (await told(tmp_path, [opening(minutes(4.01))])).known == 1
    async with EventStore(str(tmp_path / "events.db")) as store:
        assert await store.receipt("opening:5") is not None
        assert await store.receipt("opening:6") is None


async def test_a_state_after_a_restart_is_held_against_the_last_one(tmp_path: Path) -> None:
    """Also a retained one at connect, and one that was another before."""
    words = ["locked", "locked", "unlocked", "unlocked", "locked"]
    tallies = [await told(tmp_path, [state(word, minutes(n))]) for n, word in enumerate(words)]
    assert [tally.facts for tally in tallies] == [1, 0, 1, 0, 1]


async def test_two_feeders_of_one_log_number_apart(tmp_path: Path) -> None:
    """The slower one looks again, and neither opening is lost."""
    async with EventStore(str(tmp_path / "events.db"), str(tmp_path / "t")) as store:
        one, other = Feeder(store), Feeder(store)
        await one.feed([opening(minutes(0))])
        await other.feed([opening(minutes(10))])
        await one.feed([opening(minutes(20))])
        await other.feed([opening(minutes(20.01))])
        assert (one.tally.facts, other.tally.facts, other.tally.known) == (2, 1, 1)


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.sampled_from(["locked", "unlocked", "opening"])),
        max_size=30,
        unique_by=lambda message: message[0],
    ).map(sorted),
    st.booleans(),
)
async def test_recorded_messages_again_in_any_order_add_nothing(
    messages: list[tuple[int, str]], backwards: bool
) -> None:
    """What was fed once, in the order of its times or backwards, is known from then on."""
    items = [
        opening(minutes(at), live=False)
        if word == "opening"
        else state(word, minutes(at), live=False)
        for at, word in messages
    ]
    store = ModelStore()
    first = await feed(store, items[::-1] if backwards else items)
    assert first.facts == len(standing(store))
    for again in (items, items[::-1], sorted(items, key=lambda item: item.series)):
        assert (await feed(store, again)).facts == 0
    openings = {at for at, word in messages if word == "opening"}
    found = [fact for fact in standing(store) if isinstance(fact, UnlockAction)]
    assert len(found) == len(openings)


async def test_without_any_time_a_file_is_counted_within_itself() -> None:
    """Equal lines are so many openings; the file again, also longer, adds what is new only."""
    store = ModelStore()
    items = [opening(None, live=False)] * 3
    assert (await feed(store, items)).facts == 3
    assert (await feed(store, items)).facts == 0
    assert (await feed(store, [*items, items[0]])).facts == 1
