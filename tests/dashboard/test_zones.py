"""One zone a page: the door's, whatever the viewer's is; midnight, and the Sunday in October."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from eventlog.facts import Motion
from tests.dashboard.house import House, open_house

pytestmark = pytest.mark.anyio

TITLE = re.compile(
    r'<section class="day" data-day="([\d-]+)" data-title="([^"]+)">\s*<h2>([^<]+)</h2>'
)
CARD_TIME = re.compile(r'<time datetime="([^"]+)" title="([^"]+)" data-relative>([^<]+)</time>')


async def moved(house: House, *texts: str) -> list[int]:
    """Motions at these times in UTC, each an event, appended as they happened."""
    found: list[int] = []
    for text in texts:
        at = datetime.fromisoformat(text).replace(tzinfo=UTC)
        receipt = await house.append(Motion(camera_id="front_door", recorded_at=at))
        assert receipt.event_id is not None
        found.append(receipt.event_id)
    return found


def ids_on(page: str) -> list[int]:
    """The events that a page shows."""
    return [int(text) for text in re.findall(r'id="event-(\d+)"', page)]


@pytest.mark.parametrize(
    ("zone", "day", "shown"),
    [
        ("Europe/Berlin", "2026-02-26", "00:30"),
        ("America/New_York", "2026-02-25", "18:30"),
        ("Asia/Kolkata", "2026-02-26", "05:00"),
    ],
)
async def test_days_and_the_times_beside_them_are_of_one_zone(
    tmp_path: Path, zone: str, day: str, shown: str
) -> None:
    """The same evening in three zones: heading, card, event and filter agree with one another."""
    async with open_house(tmp_path, zone) as house, await house.signed_in() as client:
        (event_id,) = await moved(house, "2026-02-25T23:30")
        page = (await client.get("/")).text
        ((at, _, title),) = TITLE.findall(page)
        assert at == day
        assert title == f"{datetime.fromisoformat(day):%A}, {int(day[8:])} February 2026"
        ((instant, exact, text),) = CARD_TIME.findall(page)
        assert (instant, text) == ("2026-02-25T23:30:00Z", shown)
        assert f"{int(day[8:])} Feb 2026, {shown}:00" in exact
        assert f"Times are the door's, {zone}." in page
        assert f"{shown}:00" in (await client.get(f"/events/{event_id}")).text
        for asked, ids in ((day, [event_id]), ("2026-02-24", []), ("2026-02-27", [])):
            assert ids_on((await client.get(f"/?day={asked}")).text) == ids


async def test_today_begins_at_the_doors_midnight(tmp_path: Path) -> None:
    """A minute before midnight and a minute after: never two days of one name."""
    async with open_house(tmp_path, "Europe/Berlin") as house:
        await moved(house, "2026-06-30T21:58", "2026-06-30T22:01")
        names = []
        for clock in ("2026-06-30T21:59:30", "2026-06-30T22:02"):
            at = datetime.fromisoformat(clock).replace(tzinfo=UTC).timestamp()
            house.site.clock = partial(float, at)
            async with await house.signed_in(f"at{at:.0f}") as client:
                page = (await client.get("/")).text
            names.append([title for _, _, title in TITLE.findall(page)])
        assert names == [["Wednesday, 1 July 2026", "Today"], ["Today", "Yesterday"]]


async def test_the_sunday_in_october_has_25_hours(tmp_path: Path) -> None:
    """Its repeated hour is distinguished, and its day is complete, from both sides."""
    async with open_house(tmp_path, "Europe/Berlin") as house, await house.signed_in() as client:
        before, first, early, late, last, after = await moved(
            house,
            "2026-10-24T21:59:59",
            "2026-10-24T22:00:00",
            "2026-10-25T00:30:00",
            "2026-10-25T01:30:00",
            "2026-10-25T22:59:59",
            "2026-10-25T23:00:00",
        )
        page = (await client.get("/?day=2026-10-25")).text
        assert ids_on(page) == [last, late, early, first]
        shown = [text for _, _, text in CARD_TIME.findall(page)]
        assert shown == ["23:59", "02:30 CET", "02:30 CEST", "00:00"]
        assert ids_on((await client.get("/?day=2026-10-24")).text) == [before]
        assert ids_on((await client.get("/?day=2026-10-26")).text) == [after]
        for event_id, clock in ((early, "02:30:00 CEST"), (late, "02:30:00 CET")):
            story = (await client.get(f"/events/{event_id}")).text
            assert story.count(clock) >= 2


async def test_the_sunday_in_march_has_23_hours(tmp_path: Path) -> None:
    """The hour that never comes is in no day."""
    async with open_house(tmp_path, "Europe/Berlin") as house, await house.signed_in() as client:
        begin = datetime(2026, 3, 28, 23, tzinfo=UTC)
        times = [begin - timedelta(seconds=1), begin, begin + timedelta(hours=23, seconds=-1)]
        times.append(begin + timedelta(hours=23))
        ids = await moved(house, *(f"{at:%Y-%m-%dT%H:%M:%S}" for at in times))
        page = (await client.get("/?day=2026-03-29")).text
        assert ids_on(page) == [ids[2], ids[1]]
        assert [text for _, _, text in CARD_TIME.findall(page)] == ["23:59", "00:00"]
