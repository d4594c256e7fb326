"""Who appended: every append says so in its meta, by ids alone."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from eventlog import Author, BadArgument, Detection, EventStore, Motion, PersonNamed, codecs
from eventlog.record import StoredRecord
from tests.support.dumps import journal_of

pytestmark = pytest.mark.anyio

AT = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)
MOTION = Motion(camera_id="front_door", recorded_at=AT)
UID = os.getuid()


def authors(db: Path) -> list[Author | None]:
    """Who appended each record, as its own meta says."""
    return [codecs.decode_author(StoredRecord(*row).meta) for row in journal_of(db)]


async def test_a_library_a_source_and_an_account_are_told_apart(tmp_path: Path) -> None:
    """The store's own writer is used where an append names none."""
    db = tmp_path / "events.db"
    async with EventStore(str(db), str(tmp_path / "thumbnails")) as store:
        await store.append(MOTION, Detection(label="dog", confidence=0.8))
        await store.append(MOTION, writer=Author("source", "frigate"))
        await store.append(MOTION, writer=Author("part", "api", token=4))
        await store.append(PersonNamed(name="ada"), writer=Author("part", "people", user=2))
        await store.append_many([[MOTION], [MOTION]])
        await store.write_event("front_door", "2026-02-25T10:30:00Z")

    library = Author("library", uid=UID)
    assert authors(db) == [
        library,
        None,  # the second record of the first append: the first one speaks for both
        Author("source", "frigate", uid=UID),
        Author("part", "api", token=4, uid=UID),
        Author("part", "people", user=2, uid=UID),
        *[library] * 3,
    ]


async def test_a_store_may_have_a_writer_of_its_own(tmp_path: Path) -> None:
    """A feed that opens a store names itself once, and every way to append uses it."""
    db, pump = tmp_path / "events.db", Author("source", "ring")
    async with EventStore(str(db), str(tmp_path / "thumbnails"), writer=pump) as store:
        await store.append(MOTION)
        await store.append_many([[MOTION]])
        await store.write_event("front_door", "2026-02-25T10:30:00Z")
    assert set(authors(db)) == {Author("source", "ring", uid=UID)}


async def test_the_writer_of_an_unclean_stop_is_the_start_that_found_it(tmp_path: Path) -> None:
    """What a start appends by itself is not taken for the program's own append."""
    db = tmp_path / "events.db"
    async with EventStore(str(db), str(tmp_path / "thumbnails")) as store:
        await store.append(MOTION)
    (tmp_path / f"{db.name}.open-left-behind").touch()  # nobody holds it: its program has died
    async with EventStore(str(db), str(tmp_path / "thumbnails")):
        pass
    assert [StoredRecord(*row).kind for row in journal_of(db)] == ["motion", "unclean_stop"]
    assert authors(db)[1] == Author("part", "startup", uid=UID)


async def test_two_runs_differ_in_nothing_but_clock_and_boot(tmp_path: Path) -> None:
    """No process id is kept: the metas of two stores are equal but for the time of the append."""
    metas = []
    for name in ("a.db", "b.db"):
        async with EventStore(str(tmp_path / name), str(tmp_path / "thumbnails")) as store:
            await store.append(MOTION)
        (row,) = journal_of(tmp_path / name)
        metas.append(codecs.decode_meta(StoredRecord(*row).meta))
    for meta in metas:
        meta.pop("clock_ns", None)
    assert metas[0] == metas[1]


@pytest.mark.parametrize("name", ["Ada", "ada lovelace", "", "a" * 33, "ada\u200b", "4"])
def test_what_may_be_a_persons_name_is_no_writers_name(name: str) -> None:
    """A writer is named as parts of a program are, so that no name of a person gets in."""
    with pytest.raises(BadArgument):
        Author("command", name)


def test_records_of_before_say_nothing_of_their_writer() -> None:
    """No meta, one of before the change, and a damaged one: not known, and no error."""
    assert codecs.decode_author(None) is None
    assert codecs.decode_author(codecs.encode_meta({"boot": bytes(16), "clock_ns": 1})) is None
    assert codecs.decode_author(b"\xc1") is None
    assert codecs.decode_author(codecs.encode_meta({"writer": "ada"})) is None
    odd = codecs.encode_meta({"writer": {"kind": "library", "name": "Ada"}})
    assert codecs.decode_author(odd) is None


def test_what_a_later_program_adds_to_a_writer_is_no_obstacle() -> None:
    """Entries that are not known are passed over."""
    later = msgspec.msgpack.encode({"writer": {"kind": "source", "name": "ring", "site": 7}})
    assert codecs.decode_author(later) == Author("source", "ring")
