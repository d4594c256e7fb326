"""The timeline shows when the door could not see: silences in their place among the events."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from eventlog.facts import Motion, SourceBack, SourceSilent
from tests.dashboard.house import AT, House

pytestmark = pytest.mark.anyio


async def visit(house: House, minutes: int) -> None:
    """A visit some minutes after the first one."""
    at = AT + timedelta(minutes=minutes)
    await house.append(Motion(camera_id="front_door", recorded_at=at))


async def silence(
    house: House, begin: int, end: int | None, *, source: str = "frigate", why: str = "no_sign"
) -> None:
    """A source is silent from some minutes after the first visit to others; None is still."""
    since = AT + timedelta(minutes=begin)
    await house.append(SourceSilent(source=source, since=since, reason=why))
    if end is not None:
        until = AT + timedelta(minutes=end)
        await house.append(SourceBack(source=source, until=until, reconciled=9, late=3))


def rows(html: str) -> list[str]:
    """The cards and gaps of a list, in their order."""
    found = re.findall(r'id="(event-\d+)"|class="(gap)\b', html)
    return [card or gap for card, gap in found]


async def test_a_silence_is_a_gap_between_its_events(house: House) -> None:
    """With how long it was, and what was found later."""
    await visit(house, 0)
    await silence(house, 5, 20)
    await visit(house, 30)
    async with await house.signed_in() as client:
        html = (await client.get("/")).text
    assert rows(html) == ["event-2", "gap", "event-1"]
    assert "frigate gave no sign of life from" in html
    assert "3 events were found later" in html


async def test_a_silence_that_lasts_is_on_top(house: House) -> None:
    """It is listed at the present, whenever it began."""
    await visit(house, 0)
    await silence(house, -500, None, why="disconnected")
    await visit(house, 30)
    async with await house.signed_in() as client:
        html = (await client.get("/")).text
    assert rows(html) == ["gap", "event-2", "event-1"]
    assert "frigate was out of reach since" in html


async def test_a_first_start_is_no_gap(house: House) -> None:
    """A list of some events only (one camera, one person) has no gaps either."""
    await visit(house, 0)
    await silence(house, 1, 2, why="first_start")
    async with await house.signed_in() as client:
        assert rows((await client.get("/")).text) == ["event-1"]
        await silence(house, 3, 4)
        assert rows((await client.get("/")).text) == ["gap", "event-1"]
        assert rows((await client.get("/?camera=front_door")).text) == ["event-1"]


async def test_each_gap_is_on_one_page(house: House) -> None:
    """However the pages are cut, each gap is there once, in its place; a day's list has its own."""
    for number in range(6):
        await visit(house, 60 * 7 * number)
        await silence(house, 60 * 7 * number + 10, 60 * 7 * number + 20, source=f"s{number}")
    expected = [one for number in range(6, 0, -1) for one in ("gap", f"event-{number}")]
    async with await house.signed_in() as client:
        for limit in (1, 2, 4, 6, 50):
            found: list[str] = []
            address = f"/?limit={limit}"
            while address:
                html = (await client.get(address)).text
                found += rows(html)
                more = re.search(r'data-more="([^"]+)"', html)
                address = f"{more[1]}&limit={limit}".replace("&amp;", "&") if more else ""
            assert found == expected
        day = rows((await client.get(f"/?day={AT.date().isoformat()}")).text)
        assert day.count("gap") == len(day) / 2


async def test_a_gap_that_begins_or_ends_is_asked_for_by_its_record(house: House) -> None:
    """As the stream announces it; only where the list has gaps, and this one."""
    await visit(house, 0)
    await silence(house, 1, None, source="early")
    day = AT.date().isoformat()
    async with await house.signed_in() as client:

        async def live(query: str) -> list[str]:
            return re.findall(r'id="(gap-\d+)"', (await client.get(f"/timeline/live?{query}")).text)

        assert await live("gaps=2") == ["gap-2"]
        assert await live("gaps=1,3") == []
        assert await live("gaps=2&camera=front_door") == []
        assert await live(f"gaps=2&day={day}") == []  # it lasts, and that day is over
        back = SourceBack(source="early", until=AT + timedelta(minutes=9))
        await house.append(back)
        assert await live("gaps=3") == ["gap-2"]
        assert await live(f"gaps=3&day={day}") == ["gap-2"]
        assert (await client.get("/timeline/live?gaps=x")).status_code == 400
        assert (await client.get(f"/timeline/live?gaps={'1,' * 60}1")).status_code == 400


async def test_a_sources_name_stays_text(house: House) -> None:
    """It comes from the config; what an import brings is text too."""
    await silence(house, 0, 5, source="<b>x</b>")
    async with await house.signed_in() as client:
        html = (await client.get("/")).text
    assert "<b>x</b>" not in html
    assert rows(html) == ["gap"]
