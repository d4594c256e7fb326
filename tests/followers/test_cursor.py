"""A cursor says where a consumer stopped, and with the hash, in which history."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog import BadArgument, EventStore, OtherHistory, PastHead, PersonNamed, Reader, Record
from eventlog.errors import JournalHole
from eventlog.followers import cursor as cursors
from eventlog.followers.cursor import Cursor
from eventlog.maintenance.backup import backup
from tests.support.logs import appends, build_log, guards_down

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EventStore]:
    """A restored backup of record 5, to which 8 other records were appended.

    `ten`, the cursor of a consumer that has read 10 records of the first history, is beside it.
    """
    first = tmp_path / "first.db"
    async with EventStore(str(first), str(tmp_path / "t")) as lost:
        for number in range(5):
            await lost.append(PersonNamed(name=f"a{number}"))
        restored = tmp_path / "restored.db"
        assert backup(first, restored).ok
        for number in range(5):
            await lost.append(PersonNamed(name=f"b{number}"))
        (tmp_path / "ten").write_text(await lost.reader.cursor(), encoding="utf-8")
        (tmp_path / "five").write_text(await _cursor_at(lost, 5), encoding="utf-8")
    async with EventStore(str(restored), str(tmp_path / "t")) as opened:
        for number in range(8):
            await opened.append(PersonNamed(name=f"c{number}"))
        yield opened


async def _cursor_at(store: EventStore, position: int) -> str:
    record = await anext(store.subscribe(position - 1))
    return record.cursor


async def test_a_cursor_of_another_history_is_a_named_error(
    store: EventStore, tmp_path: Path
) -> None:
    """After a backup was restored, a subscriber gets an error and does not skip records."""
    ten = (tmp_path / "ten").read_text(encoding="utf-8")
    with pytest.raises(OtherHistory) as caught:
        await anext(store.subscribe(ten))
    assert caught.value.position == 10
    assert not isinstance(caught.value, PastHead)
    with pytest.raises(OtherHistory):
        await store.caught_up(ten)
    async with await Reader.open(store.db_path) as reader:
        with pytest.raises(OtherHistory):
            await anext(reader.subscribe(after=ten))


async def test_a_cursor_that_both_histories_share_goes_on(
    store: EventStore, tmp_path: Path
) -> None:
    """What the backup holds is the same in both: the record after it comes next."""
    five = (tmp_path / "five").read_text(encoding="utf-8")
    record = await anext(store.subscribe(five))
    assert (record.position, record.fact) == (6, PersonNamed(name="c0"))
    await store.caught_up(five)


async def test_a_cursor_past_the_head_is_an_error_and_not_a_wait(store: EventStore) -> None:
    """In a journal of 13 records, position 14 will be another record's: waiting is wrong."""
    for after in (14, "14", f"14:{'0' * 64}"):
        with pytest.raises(PastHead, match="position 14 is past the end of the journal, which is"):
            await asyncio.wait_for(anext(store.subscribe(after)), 5)
        with pytest.raises(PastHead):
            await asyncio.wait_for(store.caught_up(after), 5)
    await store.caught_up(13)


async def test_every_record_carries_the_cursor_to_go_on_from(store: EventStore) -> None:
    """Going on from each cursor brings the next record, in every process that reads the log."""
    end = await store.reader.last_position()
    seen = [record async for record in _up_to(store.subscribe(), end)]
    async with await Reader.open(store.db_path) as reader:
        for record, following in pairwise(seen):
            assert await anext(reader.subscribe(after=record.cursor)) == following
        assert await reader.cursor() == seen[-1].cursor


async def test_the_beginning_has_a_hash_too(store: EventStore, tmp_path: Path) -> None:
    """A consumer that has seen no record yet can say of which log."""
    async with EventStore(str(tmp_path / "new.db"), str(tmp_path / "t")) as other:
        beginning = await other.reader.cursor()
        assert beginning.startswith("0:")
        await other.append(PersonNamed(name="ada"))
        assert (await anext(other.subscribe(beginning))).position == 1
    with pytest.raises(OtherHistory):
        await anext(store.subscribe(beginning))


async def test_a_missing_record_is_a_hole_and_not_another_history(tmp_path: Path) -> None:
    """Damage is reported as damage."""
    path = build_log(tmp_path / "door.db", appends(5))
    with guards_down(path) as connection:
        connection.execute("DELETE FROM journal WHERE position = 3")
    async with await Reader.open(path) as reader:
        with pytest.raises(JournalHole):
            await anext(reader.subscribe(after=f"3:{'0' * 64}"))


async def _up_to(records: AsyncIterator[Record], end: int) -> AsyncIterator[Record]:
    for _ in range(end):
        yield await anext(records)


@given(st.integers(0, 2**63 - 1), st.one_of(st.just(""), st.binary(min_size=4, max_size=32)))
def test_the_text_of_a_cursor_is_read_back(position: int, start: str | bytes) -> None:
    """For any position, with a complete hash, the beginning of one, or none."""
    cursor = Cursor(position, start.hex() if isinstance(start, bytes) else start)
    assert cursors.parse(str(cursor)) == cursors.parse(cursor) == cursor
    assert cursors.parse(str(cursor).upper()) == cursor


@pytest.mark.parametrize(
    "given",
    [
        *("", "-1", "1.0", " 1", "1:", "1:abc", "1:xyzxyzxy", f"1:{'0' * 65}", "x:00000000"),
        *("9" * 19, "\u0661", "1:00000000\n"),
        *(-1, 2**63, True, 1.0, None, b"1"),
    ],
)
def test_what_is_no_cursor_is_refused(given: object) -> None:
    """And the error says what a cursor is."""
    with pytest.raises(BadArgument, match=r"a cursor is a position .* or position:hash"):
        cursors.parse(given)
