"""Erasing a person under what may go wrong: readers, old files, lost keys, crashes, left-overs."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from eventlog import KeysMissing, PersonErased, PersonNamed
from eventlog.maintenance.forgetting import erasing
from eventlog.maintenance.status import status
from eventlog.maintenance.verify.log import verify
from eventlog.store.event_store import engine_of
from eventlog.store.seals import LogSeals
from tests.store.sealed_log import T0, Places, forget, named, visit

pytestmark = pytest.mark.anyio

ADA, BOB = "Ada Löwenherz", "Bob Steiner"


@pytest.fixture
async def places(tmp_path: Path) -> Places:
    """A sealed log of two persons."""
    places = Places(tmp_path)
    async with places.store() as store:
        for name in (ADA, BOB):
            await store.append(*visit(name))
            await store.append(named(name))
    return places


async def test_an_erasure_waits_for_readers_and_says_who_keeps_it(places: Places) -> None:
    """A reader's snapshot keeps old pages in the WAL; the same call later finishes."""
    async with places.store() as store, places.store() as second:
        await second.append(*visit(ADA))
        await store.caught_up(await store.reader.last_position())
        with closing(sqlite3.connect(places.db, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM persons").fetchall()
            person = await erasing.find_person(store, ADA)
            assert person is not None
            first = await forget(store, ADA, timeout_s=0.2)
            assert not first.finished
            assert "reader" in first.why
            reader.execute("COMMIT")
        again = await erasing.erase(store, person.seals, reason="asked", requested_at=T0)
        assert again.finished
        assert again.positions == ()
        assert places.found(ADA) == {}


async def test_free_pages_and_tables_of_a_dead_replay_are_overwritten(places: Places) -> None:
    """Also those that were freed when nothing overwrote them."""
    with closing(sqlite3.connect(places.db)) as connection:
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("CREATE TABLE freed (name TEXT)")
        connection.executemany("INSERT INTO freed VALUES (?)", [(ADA * 50,)] * 500)
        connection.commit()
        connection.execute("DROP TABLE freed")
        connection.execute("CREATE TABLE replay_persons (id INTEGER PRIMARY KEY, name TEXT)")
        connection.execute("INSERT INTO replay_persons VALUES (1, ?)", (ADA,))
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert places.found(ADA)["events.db"] > 100
    async with places.store() as store:
        assert (await forget(store, ADA)).finished
        assert places.found(ADA) == {}


async def test_an_old_seals_file_brings_nobody_back(places: Places) -> None:
    """A start overwrites what the journal erased, in a damaged slot too."""
    old = places.keys.with_name("old.seals")
    shutil.copy(places.seals, old)
    async with places.store() as store:
        await forget(store, ADA)
    shutil.copy(old, places.seals)
    old.unlink()
    async with places.store() as store:
        assert places.found(ADA) == {}
        assert await erasing.find_person(store, ADA) is None
        assert [person["name"] for person in await store.reader.persons()] == [BOB]
        await store.append(*visit(ADA))
        await store.caught_up(await store.reader.last_position())
        assert {ADA, BOB} == {person["name"] for person in await store.reader.persons()}


async def test_an_old_seals_file_under_an_open_store_seals_with_no_erased_seal(
    places: Places,
) -> None:
    """The journal is asked before the file: the name gets a new seal."""
    async with places.store() as store:
        old = places.seals.read_bytes()
        await forget(store, ADA)
        places.seals.write_bytes(old)  # in place, as a copy of a folder does
        receipt = await store.append(PersonNamed(name=ADA))
        await store.caught_up(receipt.positions[-1])
        persons = await store.reader.persons()
        assert [p["id"] for p in persons if p["name"] == ADA] == [receipt.positions[0]]


async def test_a_crash_after_the_fact_is_finished_by_the_next_start(places: Places) -> None:
    """The fact alone was written; the start overwrites the seals and the views follow."""
    async with places.store() as store:
        person = await erasing.find_person(store, ADA)
        assert person is not None
        await store.append(PersonErased(sealed=person.seals, reason="asked", requested_at=T0))
    async with places.store() as store:
        assert await erasing.find_person(store, ADA) is None
        await store.caught_up(await store.reader.last_position())
    assert places.found(ADA) == {}


async def test_without_the_seals_nothing_is_guessed(places: Places) -> None:
    """The log opens and shows what its views have; no name goes in, and no view is made anew."""
    places.seals.unlink()
    async with places.store() as store:
        assert {p["name"] for p in await store.reader.persons()} == {ADA, BOB}
        with pytest.raises(KeysMissing):
            await store.append(PersonNamed(name=BOB))
        with pytest.raises(KeysMissing):
            await store.replay()
        with pytest.raises(KeysMissing):
            await forget(store, ADA)
        assert {p["name"] for p in await store.reader.persons()} == {ADA, BOB}
    names = status(places.db, keys_dir=places.keys).names
    assert (names.sealed, names.lost) == (True, True)
    assert status(places.db).names.lost


async def test_the_seals_of_another_log_are_not_used(places: Places, tmp_path: Path) -> None:
    """Neither its names nor its file."""
    (tmp_path / "other").mkdir()
    other = Places(tmp_path / "other")
    async with other.store() as store:
        await store.append(*visit("Mallory"))
    shutil.copy(other.seals, places.seals)
    before = places.seals.read_bytes()
    async with places.store() as store:
        with pytest.raises(KeysMissing):
            await store.append(PersonNamed(name=BOB))
    assert places.seals.read_bytes() == before


async def test_a_log_with_an_erased_person_is_sound(places: Places) -> None:
    """Chain, schema and views: nothing is found, and a replay makes the same views."""
    async with places.store() as store:
        await forget(store, ADA)
        live = places.dump()
        await store.replay()
        assert places.dump() == live
    assert verify(places.db).findings == ()


async def test_a_person_whose_seal_was_shown_gets_a_new_one_and_goes_with_both(
    places: Places,
) -> None:
    """A retired seal still opens; the next record has another, of the same person."""
    async with places.store() as store:
        file = engine_of(store).seals.file
        assert file is not None
        person = await erasing.find_person(store, ADA)
        assert person is not None
        file.retire(person.seals)
        receipt = await store.append(*visit(ADA))
        event = await store.get_event(receipt.event_id or 0)
        assert event is not None
        assert event["sealed"] != person.seal.hex()
        now = await erasing.find_person(store, ADA)
        assert now is not None
        assert {*person.seals} < {*now.seals}
        assert len(await store.reader.persons()) == 2  # Ada is one person, and there is Bob
        await forget(store, ADA)
        assert places.found(ADA) == {}
        assert [p["name"] for p in await store.reader.persons()] == [BOB]


async def test_an_unlock_goes_in_when_its_name_can_not_be_kept(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The door's record comes before the name; the name is in no record."""

    def full(*_: object, **__: object) -> bytes:
        raise KeysMissing("the disk with the keys is gone")

    async with places.store() as store:
        monkeypatch.setattr(LogSeals, "_seal", full)
        receipt = await store.append(*visit("Carol Weiss"))
        event = await store.get_event(receipt.event_id or 0)
        assert event is not None
        assert event["unlock_granted"] == 1
        assert event["person_name"] == "a name that could not be kept"
        with pytest.raises(KeysMissing):
            await store.append(PersonNamed(name="Carol Weiss"))
        assert places.found("Carol Weiss") == {}
    names = status(places.db, keys_dir=places.keys).names
    assert (names.sealed, names.not_kept, names.lost) == (True, True, False)
