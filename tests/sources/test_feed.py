"""How items are fed: once each, in order within an event, side by side between events."""

from __future__ import annotations

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.errors import BadAppend, DiskFull
from eventlog.facts import Detection, Fact, Motion
from eventlog.record import EPOCH, Position, Receipt
from eventlog.sources.feed import CHUNK, Tally, feed
from eventlog.sources.items import Addition, Item, Refused, Skipped, Visit
from tests.sources.store_model import ModelStore, fed

pytestmark = pytest.mark.anyio


def motion(camera_id: str = "front_door") -> Motion:
    """An opener."""
    return Motion(camera_id=camera_id, recorded_at=EPOCH)


def person(confidence: float = 0.9) -> Detection:
    """A visit's fact."""
    return Detection(label="person", confidence=confidence)


async def test_a_visit_opens_one_event_and_is_known_the_second_time() -> None:
    """The first feeding counts an event and its facts, the second counts it as known."""
    store = ModelStore()
    items = [Visit("a", (motion(), person()))]
    assert await feed(store, items) == Tally(events=1, facts=2)
    assert await feed(store, items) == Tally(known=1)
    assert store.events == {1: [motion(), person()]}


async def test_an_addition_joins_the_event_of_its_opener_key() -> None:
    """Facts under another key are in the event that the opener opened."""
    store, tally = await fed([Visit("b", (motion("back"),))], [Visit("a", (motion(),))])
    tally = await feed(store, [Addition("a", "a:1", (person(),), (motion(),))])
    assert tally == Tally(facts=1)
    assert store.events == {1: [motion("back")], 2: [motion(), person()]}


async def test_an_addition_opens_an_event_that_was_never_opened() -> None:
    """Order is not promised: the opener that came late is known then."""
    addition = Addition("a", "a:1", (person(),), (motion(),))
    store, tally = await fed([addition])
    assert tally == Tally(events=1, facts=2)
    assert await feed(store, [Visit("a", (motion(),)), addition]) == Tally(known=2)
    assert store.events == {1: [motion(), person()]}


async def test_an_addition_that_can_not_open_its_event_is_refused() -> None:
    """Without opener facts and without the event, nothing is written and one refusal counted."""
    store, tally = await fed([Addition("a", "a:1", (person(),))])
    assert tally.refused == {"its event was never opened, and it can't open it": 1}
    assert store.keys == {}


async def test_an_addition_to_a_key_without_an_event_is_refused() -> None:
    """A key whose facts have no event can't be joined."""

    class Standalone(ModelStore):
        async def receipt(self, key: str) -> Receipt | None:
            return Receipt((Position(1),), None) if key == "a" else None

    tally = await feed(Standalone(), [Addition("a", "a:1", (person(),), (motion(),))])
    assert tally.refused == {"the key of its event is that of facts without an event": 1}


async def test_a_fact_that_may_not_enter_is_refused_and_the_others_go_in() -> None:
    """The refusal names field and reason; its neighbours are appended."""
    store, tally = await fed(
        [
            Visit("a", (motion(),)),
            Addition("a", "a:1", (person(7.0),)),
            Addition("a", "a:2", (person(),)),
            Visit("k" * 201, (motion(),)),
        ]
    )
    assert (tally.events, tally.facts) == (1, 2)
    assert sum(tally.refused.values()) == 2
    assert any(reason.startswith("detection.confidence:") for reason in tally.refused)
    assert store.events == {1: [motion(), person()]}


async def test_of_two_tellings_under_one_key_the_first_stands() -> None:
    """A key with other facts counts as known and changes nothing."""
    store, tally = await fed([Visit("a", (motion(),))], [Visit("a", (motion("porch"),))])
    assert tally == Tally(known=1)
    assert store.events == {1: [motion()]}


async def test_a_conflict_with_a_faster_feeder_counts_as_known() -> None:
    """A key that appears between the look and the append is joined by its first receipt."""

    class Late(ModelStore):
        async def receipt(self, key: str) -> Receipt | None:  # noqa: ARG002 - it sees no key
            return None  # each look comes before the other feeder's append

    store = Late()
    await feed(store, [Addition("a", "a:1", (person(),), (motion(),))])
    tally = await feed(store, [Addition("a", "a:1", (person(0.5),), (motion("porch"),))])
    assert tally == Tally(known=1)
    assert store.events == {1: [motion(), person()]}


async def test_what_is_skipped_or_refused_is_counted_by_reason(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Each reason has its count, and the log has the place of a refused element."""
    items: list[Item] = [Skipped("kind x"), Skipped("kind x"), Refused("line 3", "is not JSON")]
    _, tally = await fed(items)
    assert tally == Tally(skipped={"kind x": 2}, refused={"is not JSON": 1})
    assert "refused line 3: is not JSON" in caplog.text


async def test_a_failing_store_raises_its_own_error() -> None:
    """The caller gets the error itself, not a group of one for each lane."""

    class Full(ModelStore):
        async def append(
            self, *facts: Fact, event_id: int | None = None, key: str | None = None
        ) -> Receipt:
            receipt = await super().append(*facts, event_id=event_id, key=key)
            raise DiskFull(f"no room for {receipt.positions}")

    with pytest.raises(DiskFull):
        await feed(Full(), [Visit(key, (motion(),)) for key in "abc"])


async def test_items_of_different_events_are_under_way_at_once() -> None:
    """A chunk of items waits in the store together, so that it can share one commit."""
    together = anyio.Event()

    class Gathering(ModelStore):
        waiting = 0

        async def append(
            self, *facts: Fact, event_id: int | None = None, key: str | None = None
        ) -> Receipt:
            self.waiting += 1
            if self.waiting == CHUNK:
                together.set()
            await together.wait()
            return await super().append(*facts, event_id=event_id, key=key)

    with anyio.fail_after(30):
        tally = await feed(Gathering(), [Visit(str(n), (motion(),)) for n in range(CHUNK)])
    assert tally.events == CHUNK


@given(st.lists(st.sampled_from("abc"), max_size=3 * CHUNK))
async def test_items_of_one_event_keep_their_order(keys: list[str]) -> None:
    """An event's facts keep the order of its items, whatever is between them."""
    items = [
        Addition(key, f"{key}:{n}", (person(n / len(keys)),), (motion(key),))
        for n, key in enumerate(keys)
    ]
    store, _ = await fed(items)
    for opener, *facts in store.events.values():
        assert isinstance(opener, Motion)
        numbers = [n for n, key in enumerate(keys) if key == opener.camera_id]
        assert facts == [person(n / len(keys)) for n in numbers]


ITEMS: st.SearchStrategy[Item] = st.one_of(
    st.builds(lambda key: Visit(key, (motion(key),)), st.sampled_from("ab")),
    st.builds(
        lambda key, n, opens: Addition(
            key, f"{key}:{n}", (person(n / 4),), (motion(key),) if opens else ()
        ),
        st.sampled_from("ab"),
        st.integers(0, 8),
        st.booleans(),
    ),
    st.builds(Skipped, st.sampled_from(["x", "y"])),
)


@given(st.lists(ITEMS, max_size=30))
async def test_the_same_items_a_second_time_change_nothing_that_was_appended(
    items: list[Item],
) -> None:
    """The journal after two feedings holds each item's facts once."""
    once, first = await fed(items)
    twice, _ = await fed(items, items)
    assert first.facts == once.head
    assert {key: twice.keys[key] for key in once.keys} == once.keys
    third = await feed(twice, items)
    assert (third.events, third.facts) == (0, 0)


async def test_an_append_that_names_no_visit_is_no_opener() -> None:
    """The model refuses what the journal refuses, so that these tests can fail."""
    with pytest.raises(BadAppend, match="belongs to an event"):
        await ModelStore().append(person(), key="a")
