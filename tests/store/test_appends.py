"""EventStore's appends, each atomic and answered once, and the subscriptions that follow them."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import eventlog
from eventlog import (
    AlertSent,
    BadArgument,
    BadFact,
    BadKey,
    Detection,
    Ding,
    EventStore,
    KeyConflict,
    Motion,
    UnknownEvent,
    UnlockAction,
)
from eventlog.errors import BadAppend
from tests.support.dumps import journal_of

pytestmark = pytest.mark.anyio

AT = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)
MOTION = Motion(camera_id="front_door", recorded_at=AT)
DOG = Detection(label="dog", confidence=0.8)


# ── appends ────────────────────────────────────────────────────────────────────────────────


async def test_an_opener_makes_the_next_event_and_facts_may_join_it_later(
    store: EventStore,
) -> None:
    """Event ids are 1, 2, 3, …; the envelope says which event a fact belongs to."""
    first = await store.append(MOTION, DOG)
    second = await store.append(Ding(camera_id="front_door", recorded_at=AT))
    joined = await store.append(AlertSent(channel="telegram"), event_id=1)
    alone = await store.append(UnlockAction(granted=True, door_action="unlocked", actor="key"))

    assert (first.positions, first.event_id) == ((1, 2), 1)
    assert (second.positions, second.event_id) == ((3,), 2)
    assert (joined.positions, joined.event_id) == ((4,), 1)
    assert (alone.positions, alone.event_id) == ((5,), None)
    event = await store.get_event(1)
    assert event is not None
    assert event["alert_sent"] == 1


@pytest.mark.parametrize(
    ("facts", "event_id", "error"),
    [
        ((), None, BadAppend),
        ((MOTION, MOTION), None, BadAppend),
        ((MOTION,), 1, BadAppend),
        ((DOG, MOTION), None, BadAppend),
        ((DOG,), None, BadAppend),
        ((DOG,), 7, UnknownEvent),
        ((DOG,), 0, UnknownEvent),
        ((DOG,), 2**63, UnknownEvent),
        ((DOG,), True, BadArgument),
        ((Detection(label="dog", confidence=1.5),), 1, BadFact),
        (("a motion",), None, BadFact),
    ],
)
async def test_an_append_that_can_not_be_has_an_error_of_its_own(
    store: EventStore, facts: Any, event_id: Any, error: type[Exception]
) -> None:
    """Each has its name, and nothing of the append is written."""
    await store.append(MOTION)

    with pytest.raises(error):
        await store.append(*facts, event_id=event_id)
    assert await store.reader.last_position() == 1


async def test_a_key_is_written_once(store: EventStore) -> None:
    """The same key answers the first receipt; with other facts it is a conflict that shows it."""
    first = await store.append(MOTION, DOG, key="ring:1:ding")
    again = await store.append(MOTION, DOG, key="ring:1:ding")

    with pytest.raises(KeyConflict) as conflict:
        await store.append(MOTION, key="ring:1:ding")
    assert again == first == conflict.value.receipt
    assert await store.receipt("ring:1:ding") == first
    assert await store.receipt("ring:2:ding") is None
    assert await store.reader.last_position() == 2


async def test_a_key_holds_after_a_restart_and_from_another_store(tmp_path: Path) -> None:
    """The key is in the journal, so every later opening of the log finds it."""
    path = str(tmp_path / "events.db")
    async with EventStore(path, str(tmp_path / "t")) as store:
        first = await store.append(MOTION, key="k")
        async with EventStore(path, str(tmp_path / "t")) as other:
            from_another = await other.append(MOTION, key="k")
    async with EventStore(path, str(tmp_path / "t")) as store:
        after_a_restart = await store.append(MOTION, key="k")

    assert first == from_another == after_a_restart


async def test_a_key_used_twice_at_once_is_written_once(store: EventStore) -> None:
    """Two appends of one commit are compared as well."""
    same = await asyncio.gather(*(store.append(MOTION, key="k") for _ in range(20)))
    mixed = await asyncio.gather(
        store.append(MOTION, key="m"), store.append(MOTION, DOG, key="m"), return_exceptions=True
    )

    assert len({receipt.positions for receipt in same}) == 1
    assert sorted(type(answer).__name__ for answer in mixed) == ["KeyConflict", "Receipt"]


@pytest.mark.parametrize("key", ["", "x" * 201, "\ud800", 7])
async def test_a_key_that_is_none_is_refused(store: EventStore, key: Any) -> None:
    """A key is text of 1 to 200 characters."""
    with pytest.raises(BadKey):
        await store.append(MOTION, key=key)
    with pytest.raises(BadKey):
        await store.receipt(key)


async def test_of_appends_at_once_each_has_its_own_answer(store: EventStore) -> None:
    """One that fails takes no other along, and events are numbered without a hole."""
    await store.append(MOTION)
    answers = await asyncio.gather(
        *(
            store.append(MOTION, DOG) if n % 3 else store.append(DOG, event_id=999)
            for n in range(60)
        ),
        return_exceptions=True,
    )

    receipts = [answer for answer in answers if isinstance(answer, eventlog.Receipt)]
    assert sum(isinstance(answer, UnknownEvent) for answer in answers) == 20
    assert sorted(receipt.event_id or 0 for receipt in receipts) == list(range(2, 42))
    assert sorted(p for r in receipts for p in r.positions) == list(range(2, 82))


async def test_a_cancelled_append_is_wholly_in_or_wholly_not(store: EventStore) -> None:
    """And the receipt by its key says which."""
    tasks = [asyncio.create_task(store.append(MOTION, DOG, DOG, key=f"k{n}")) for n in range(50)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    receipts = [await store.receipt(f"k{n}") for n in range(50)]

    found = [receipt for receipt in receipts if receipt is not None]
    assert all(len(receipt.positions) == 3 for receipt in found)
    assert await store.reader.last_position() == 3 * len(found)


async def test_a_durable_answer_about_a_relaxed_append_syncs_it_first(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A durable append with a known key, or a receipt, puts the relaxed append on the disk."""
    await store.append(MOTION, key="k", durability="relaxed")
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    await store.append(MOTION, key="k", durability="relaxed")
    relaxed = len(synced)
    await store.append(MOTION, key="k")
    durable = len(synced)
    await store.receipt("k")

    assert (relaxed, durable, len(synced)) == (0, 1, 2)


async def test_groups_in_bulk_are_appends_of_their_own(store: EventStore, tmp_path: Path) -> None:
    """Each has its event and its receipt; a bad one raises, and commits before it are in."""
    groups = [(MOTION, DOG)] * 2_500
    receipts = await store.append_many(groups)
    with pytest.raises(BadFact):
        await store.append_many([*groups, (MOTION, Detection(label="", confidence=0.5))])

    assert [receipt.event_id for receipt in receipts] == list(range(1, 2_501))
    assert [p for receipt in receipts for p in receipt.positions] == list(range(1, 5_001))
    rows = journal_of(tmp_path / "events.db")
    assert {(row[6], row[7]) for row in rows} == {(0, 2), (1, 2)}
    assert 5_000 <= len(rows) <= 10_000


# ── subscriptions ──────────────────────────────────────────────────────────────────────────


async def test_a_subscription_has_stored_records_first_then_those_that_come(
    store: EventStore,
) -> None:
    """Without gap or repeat, from any position."""
    for _ in range(3):
        await store.append(MOTION)
    seen: list[int] = []
    caught_up = asyncio.Event()

    async def follow() -> None:
        async for record in store.subscribe(after=1):
            seen.append(record.position)
            if record.position == 3:
                caught_up.set()
            if record.position == 6:
                return

    async with asyncio.TaskGroup() as group:
        group.create_task(follow())
        await caught_up.wait()
        for _ in range(3):
            await store.append(MOTION)

    assert seen == [2, 3, 4, 5, 6]


async def test_a_follower_sees_what_another_store_appends(tmp_path: Path) -> None:
    """Other connections' commits are noticed as well."""
    path = str(tmp_path / "events.db")
    async with (
        EventStore(path, str(tmp_path / "t")) as one,
        EventStore(path, str(tmp_path / "t")) as other,
    ):
        await other.append(MOTION)
        async for record in one.subscribe():
            assert record.position == 1
            break
        await one.caught_up(1)
