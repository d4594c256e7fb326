"""Sealed names in a store: none is in the journal, all are in the views, and one is erased."""

from __future__ import annotations

from pathlib import Path

import pytest

from eventlog import BadArgument, FaceResult, KeyConflict, KeysMissing, PersonNamed, Reader
from eventlog.facts import IdentityLinked, UnlockAction
from eventlog.maintenance.forgetting import erasing
from tests.store.sealed_log import T0, Places, forget, named, visit

pytestmark = pytest.mark.anyio

ADA, BOB = "Ada Löwenherz", "Bob Steiner"


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """An empty place for a log and its keys."""
    return Places(tmp_path)


async def test_a_name_is_in_the_views_and_the_seals_and_in_no_record(places: Places) -> None:
    """Records hold a seal; the read tables and subscribers get the text."""
    async with places.store() as store:
        receipt = await store.append(*visit(ADA))
        await store.append(named(ADA))
        event = await store.get_event(receipt.event_id or 0)
        assert event is not None
        assert event["person_name"] == ADA
        (person,) = await store.reader.persons()
        assert (person["name"], person["display_name"]) == (ADA, f"shown {ADA}")
        followed = store.subscribe()
        records = [await anext(followed) for _ in range(4)]
        assert [getattr(r.fact, "name", None) for r in records] == [None, ADA, None, ADA]
        assert [field for field, _ in records[1].seals] == ["name", "nearest"]
    assert not any(ADA.encode() in row[10] for row in places.journal())
    assert set(places.found(ADA)) >= {"events.db", places.seals.name}


async def test_one_name_has_one_seal_whoever_writes_it(places: Places) -> None:
    """Also by another store, and after a restart; a display name has one for each person."""
    async with places.store() as one, places.store() as other:
        await one.append(PersonNamed(name=ADA, display_name="Boss"))
        await other.append(PersonNamed(name=ADA, display_name="Boss"))
        await one.append(PersonNamed(name=BOB, display_name="Boss"))
    async with places.store() as store:
        await store.append(*visit(ADA))
        followed = store.subscribe()
        records = [await anext(followed) for _ in range(5)]
    first, second, third = (dict(record.seals) for record in records[:3])
    assert first == second
    assert first["name"] == dict(records[4].seals)["name"]
    assert third["display_name"] != first["display_name"]


async def test_an_erased_person_is_in_no_file_and_the_records_are_as_they_were(
    places: Places,
) -> None:
    """Every form of the name and of what belongs to it; the others are untouched."""
    async with places.store() as store:
        receipt = await store.append(*visit(ADA))
        await store.append(named(ADA))
        other = await store.append(*visit(BOB))
        await store.caught_up(other.positions[-1])
        kept, before = await store.get_event(other.event_id or 0), places.journal()
        erased = await forget(store, ADA)
        assert erased.finished, erased.why
        assert erased.positions == (len(before) + 1,)
        assert places.found(ADA) == {}
        event = await store.get_event(receipt.event_id or 0)
        assert event is not None
        assert event["person_name"] == "erased person"
        assert await store.get_event(other.event_id or 0) == kept
        assert [person["name"] for person in await store.reader.persons()] == [BOB]
        live = places.dump()
        await store.replay()
        assert places.dump() == live
    assert places.journal()[: len(before)] == before
    assert places.found(ADA) == {}


async def test_a_known_key_seals_nothing_and_an_erased_seal_equals_any_text(
    places: Places,
) -> None:
    """A source that reads its history again does not write an erased name back."""
    async with places.store() as store:
        first = await store.append(*visit(ADA), key="ring:1")
        assert await store.append(*visit(ADA), key="ring:1") == first
        with pytest.raises(KeyConflict):
            await store.append(*visit(BOB), key="ring:1")
        assert places.found(BOB) == {}
        await forget(store, ADA)
        assert await store.append(*visit(ADA), key="ring:1") == first
    assert places.found(ADA) == {}


async def test_a_name_that_returns_gets_a_new_seal(places: Places) -> None:
    """Also from a store that was open before the erasure; nothing ties the two together."""
    async with places.store() as store, places.store() as stale:
        await stale.append(named(ADA))
        await stale.append(*visit(ADA))
        await forget(store, ADA)
        await stale.append(*visit(ADA))
        await store.caught_up(await store.reader.last_position())
        shown = [event["person_name"] for event in await store.get_recent_events()]
        assert sorted(shown) == [ADA, "erased person"]
        live = places.dump()
        await store.replay()
        assert places.dump() == live


async def test_two_erased_persons_stay_two(places: Places) -> None:
    """They are told apart by their seals, never by their one text."""
    async with places.store() as store:
        for name in (ADA, BOB):
            await store.append(*visit(name))
            await forget(store, name)
        seals = [event["sealed"] for event in await store.get_recent_events()]
        assert len({*seals}) == len(seals) == 2


async def test_linked_names_and_references_go_with_a_person(places: Places) -> None:
    """Unless only the one name is asked for."""
    async with places.store() as store:
        await store.append(*visit(ADA))
        await store.append(*visit("ada_l"))
        await store.append(IdentityLinked(person=ADA, same_as="ada_l"))
        await store.append(IdentityLinked(person=ADA, source="august", identity="u-1"))
        only = await erasing.find_person(store, ADA, only=True)
        person = await erasing.find_person(store, ADA)
        assert only is not None
        assert person is not None
        assert {"ada_l", "ref ada_l", "u-1"} <= {*person.also}
        assert "ada_l" not in only.also
        assert await erasing.find_person(store, "nobody") is None


async def test_a_sealed_log_takes_no_name_in_clear(places: Places) -> None:
    """Without its keys it refuses names; an unlock is recorded all the same, without the name."""
    async with places.store() as store:
        await store.append(*visit(BOB))
    async with places.without_keys() as store:
        with pytest.raises(KeysMissing):
            await store.append(PersonNamed(name=ADA))
        await store.append(UnlockAction(granted=True, person=ADA), FaceResult(name=ADA), event_id=1)
        with pytest.raises(KeysMissing):
            await store.replay()
        event = await store.get_event(1)
        assert event is not None
        assert event["person_name"] == BOB
    assert places.found(ADA) == {}
    async with places.store() as store:
        assert [person["name"] for person in await store.reader.persons()] == [BOB]


async def test_another_store_without_keys_notices_that_the_log_was_sealed(places: Places) -> None:
    """It was open before the first sealed record."""
    async with places.without_keys() as clear, places.store() as store:
        await clear.append(PersonNamed(name=BOB))
        await store.append(PersonNamed(name=ADA))
        with pytest.raises(KeysMissing):
            await clear.append(PersonNamed(name=BOB))


async def test_a_reader_opens_names_with_the_keys_and_shows_seals_without(places: Places) -> None:
    """The read tables have the names either way."""
    async with places.store() as store:
        await store.append(PersonNamed(name=ADA))
        await store.caught_up(1)
    async with await Reader.open(places.db, keys_dir=places.keys) as reader:
        assert (await anext(reader.subscribe())).seals
    async with await Reader.open(places.db) as reader:
        record = await anext(reader.subscribe())
        assert not record.seals
        assert "a sealed name" in str(getattr(record.fact, "name", None))
        assert (await reader.persons())[0]["name"] == ADA


async def test_keys_within_the_logs_folder_are_refused(places: Places) -> None:
    """Before anything is made."""
    places.keys = places.log / "keys"
    with pytest.raises(BadArgument):
        await places.store().initialize()
    assert [*places.log.iterdir()] in ([], [places.log / "thumbnails"])


async def test_a_slots_number_is_no_name(places: Places) -> None:
    """It has to be compared with the numbers that a lock reports."""
    async with places.store() as store:
        await store.append(IdentityLinked(person=ADA, source="front", identity="slot 2"))
        await store.append(
            UnlockAction(granted=True, door_id="front", credential_slot=2, recorded_at=T0)
        )
        await store.caught_up(2)
        (unlock,) = await store.reader.unlocks()
        assert unlock["person"] == ADA
        await forget(store, ADA)
        (unlock,) = await store.reader.unlocks()
        assert unlock["person"] == "erased person"
        live = places.dump()
        await store.replay()
        assert places.dump() == live
