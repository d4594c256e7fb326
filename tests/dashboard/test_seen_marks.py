"""Marks of what was looked at: in memory at once, in the accounts file a little later."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from eventlog.dashboard import site
from eventlog.dashboard.accounts import seen, users
from eventlog.dashboard.accounts.seen import Mark, Seen
from eventlog.errors import DatabaseError
from eventlog.facts import Ding
from tests.dashboard.house import AT, OWNER, House, open_house

pytestmark = pytest.mark.anyio


async def stored(house: House, user_id: int) -> Seen:
    """What the accounts file knows."""
    return await house.site.accounts.run(lambda c: seen.of_user(c, user_id))


async def writes(house: House) -> int:
    """How many rows of the accounts file this dashboard has changed."""
    return await house.site.accounts.run(lambda c: c.total_changes)


async def test_opening_the_page_of_an_event_waits_for_no_write(house: House) -> None:
    """The mark counts at once and is in the file later."""
    await house.append(Ding(camera_id="front_door", recorded_at=AT))
    async with await house.signed_in() as client:
        before = await writes(house)
        assert (await client.get("/events/1")).status_code == 200
        assert await writes(house) == before
    assert (await house.site.seen.of_user(1)).events == {1: 1}
    assert (await stored(house, 1)).events == {}
    await house.site.seen.save()
    assert (await stored(house, 1)).events == {1: 1}


async def test_marks_are_written_every_few_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a task of the dashboard."""
    monkeypatch.setattr(site, "SAVED_EVERY_S", 0.01)
    async with open_house(tmp_path) as house:
        user_id = await house.user()
        house.site.seen.note(Mark(user_id, 7, 70, 0))
        async with asyncio.timeout(10):
            while not (await stored(house, user_id)).events:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)


async def test_a_stop_writes_what_waits(tmp_path: Path) -> None:
    """The next start knows it."""
    async with open_house(tmp_path) as house:
        user_id = await house.user()
        house.site.seen.note(Mark(user_id, 7, 70, 0))
    async with open_house(tmp_path) as house:
        assert (await house.site.seen.of_user(user_id)).events == {7: 70}


async def test_all_seen_covers_the_marks_that_wait(house: House) -> None:
    """Those after that position, and those of others, stay."""
    one, other = await house.user(), await house.user("other")
    for mark in (Mark(one, 7, 70, 0), Mark(one, 8, 80, 0), Mark(other, 7, 70, 0)):
        house.site.seen.note(mark)
    await house.site.seen.note_all(one, 75)
    assert await house.site.seen.of_user(one) == Seen(75, {8: 80})
    assert await house.site.seen.of_user(other) == Seen(0, {7: 70})


async def test_what_a_removed_account_has_seen_keeps_no_other_mark_waiting(house: House) -> None:
    """Its marks are left out."""
    one, other = await house.user(), await house.user("other")
    house.site.seen.note(Mark(one, 7, 70, 0))
    house.site.seen.note(Mark(other, 7, 70, 0))
    await house.site.accounts.run(lambda c: users.remove(c, OWNER, house.site.now_s))
    await house.site.seen.save()
    assert (await stored(house, one)).events == {}
    assert (await stored(house, other)).events == {7: 70}


async def test_marks_wait_for_room_on_a_full_disk(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They count meanwhile, and the newest ones are kept."""
    user_id = await house.user()

    def full(*_: object) -> None:
        raise DatabaseError("events.db.users: database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(seen, "mark", full)
        for number in range(1, seen.MARKS_MAX + 11):
            house.site.seen.note(Mark(user_id, number, number, 0))
        await house.site.seen.save()
    waiting = await house.site.seen.of_user(user_id)
    assert (min(waiting.events), len(waiting.events)) == (11, seen.MARKS_MAX)
    await house.site.seen.save()
    assert await stored(house, user_id) == waiting
