"""Finding events: text, time of day, ranges, chips, the calendar, neighbours and files."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from eventlog.dashboard import search
from eventlog.dashboard.pages import calendar
from eventlog.dashboard.search import Search
from eventlog.facts import Detection, Ding, FaceResult, Motion, PersonNamed, UnlockAction
from eventlog.projections.event_list import EventFilter
from tests.dashboard.house import House, open_house, query_plan

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 2, 25, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
CARD = re.compile(r'<article class="card[^"]*" id="event-(\d+)"')


async def visits(house: House) -> None:
    """Four visits, an hour apart: a person, a plate, a rule and a label."""
    await house.append(
        Ding(camera_id="c", recorded_at=NOON), FaceResult(name="ada", distance=0.3, tolerance=0.6)
    )
    await house.append(PersonNamed(name="ada", display_name="Ada Lovelace"))
    await house.append(
        Motion(camera_id="c", recorded_at=NOON + timedelta(hours=1)),
        Detection(label="car", confidence=0.9, plate="B-AB 123"),
    )
    await house.append(
        Motion(camera_id="c", recorded_at=NOON + timedelta(hours=2)),
        UnlockAction(granted=False, rule="Only by day", actor="keypad"),
    )
    await house.append(
        Motion(camera_id="d", recorded_at=NOON + timedelta(hours=3)),
        Detection(label="package", confidence=0.9),
    )
    house.site.clock = (NOON + timedelta(hours=4)).timestamp


@pytest.mark.parametrize(
    ("text", "events"),
    [
        ("lovelace", ["1"]),
        ("ADA", ["1"]),
        ("bab12", ["2"]),
        ("b-ab 123", ["2"]),
        ("by DAY", ["3"]),
        ("keypad", ["3"]),
        ("pack", ["4"]),
        ("a", ["4", "3", "2", "1"]),
        ("nothing of this", []),
        ("%", []),
        ("'", []),
    ],
)
async def test_a_text_is_found_in_names_labels_rules_and_plates(
    house: House, text: str, events: list[str]
) -> None:
    """Capitals do not matter; signs of SQL mean themselves."""
    await visits(house)
    async with await house.signed_in() as client:
        page = (await client.get("/", params={"text": text})).text
        assert CARD.findall(page) == events
        ids = {"text": text, "ids": "1,2,3,4", "position": "1"}
        live = (await client.get("/timeline/live", params=ids)).text
        assert CARD.findall(live) == events


async def test_a_text_and_a_filter_must_both_hold(house: House) -> None:
    """As every filter does."""
    await visits(house)
    async with await house.signed_in() as client:
        for query, events in (
            ({"text": "a", "camera": "d"}, ["4"]),
            ({"text": "ada", "label": "car"}, []),
            ({"text": "package", "stranger": "1"}, []),
            ({"text": "car", "label": "car"}, ["2"]),
        ):
            assert CARD.findall((await client.get("/", params=query)).text) == events


async def test_a_time_of_day_is_the_doors_and_goes_over_midnight(tmp_path: Path) -> None:
    """Summer and winter alike, on both sides of an October Sunday."""
    async with open_house(tmp_path, "Europe/Berlin") as house:
        shown = []
        for day in (20, 24, 25, 26, 30):
            for hour in (5, 7, 12, 21, 23):
                at = datetime(2026, 10, day, hour, 30, tzinfo=BERLIN)
                receipt = await house.append(Motion(camera_id="c", recorded_at=at.astimezone(UTC)))
                if hour in {5, 23}:
                    shown.append(str(receipt.event_id))
        async with await house.signed_in() as client:
            night = {"hour_from": "22:00", "hour_to": "06:00"}
            page = (await client.get("/", params=night)).text
            assert CARD.findall(page) == shown[::-1]
            for wrong in ("25:00", "7", "07:60", "x"):
                answer = await client.get("/", params={"hour_from": wrong})
                assert answer.status_code == 400


async def test_a_range_has_both_of_its_days(house: House) -> None:
    """And either end may be open."""
    for day in range(20, 26):
        at = datetime(2026, 2, day, 23, 59, tzinfo=UTC)
        await house.append(Motion(camera_id="c", recorded_at=at))
    async with await house.signed_in() as client:
        for query, events in (
            ({"from": "2026-02-21", "to": "2026-02-23"}, ["4", "3", "2"]),
            ({"from": "2026-02-24"}, ["6", "5"]),
            ({"to": "2026-02-20"}, ["1"]),
            ({"from": "2026-02-25", "to": "2026-02-20"}, []),
        ):
            assert CARD.findall((await client.get("/", params=query)).text) == events


async def test_each_filter_is_a_chip_that_removes_it(house: House) -> None:
    """The link of a chip is the list with all other filters."""
    await visits(house)
    async with await house.signed_in() as client:
        page = (await client.get("/?camera=c&label=car")).text
        assert 'href="/?label=car" aria-label="Remove the filter Camera: c"' in page
        assert 'href="/?camera=c" aria-label="Remove the filter Seen: car"' in page
        assert "Remove the filter" not in (await client.get("/")).text


async def test_the_calendar_marks_days_with_events(tmp_path: Path) -> None:
    """By the door's days: an event at 23:30 UTC belongs to the next day in Berlin."""
    async with open_house(tmp_path, "Europe/Berlin") as house:
        house.site.clock = NOON.timestamp
        late = datetime(2026, 2, 9, 23, 30, tzinfo=UTC)
        await house.append(Motion(camera_id="c", recorded_at=late))
        refused = datetime(2026, 2, 12, 12, tzinfo=UTC)
        await house.append(Motion(camera_id="c", recorded_at=refused), UnlockAction(granted=False))
        async with await house.signed_in() as client:
            page = (await client.get("/?camera=c")).text
            dots = re.findall(r'aria-label="(\w+, \d+ February), ([\w ]+)"', page)
            assert dots == [
                ("Tuesday, 10 February", "events"),
                ("Thursday, 12 February", "strangers or refused tries"),
            ]
            assert 'href="/?camera=c&amp;day=2026-02-10"' in page
            assert (await client.get("/?month=2026-13")).status_code == 400


async def test_the_calendar_goes_from_the_first_event_to_the_present_month(tmp_path: Path) -> None:
    """At the door, where 31 December 23:30 UTC is in January; other months lead to the nearest."""
    async with open_house(tmp_path, "Europe/Berlin") as house:
        house.site.clock = NOON.timestamp
        async with await house.signed_in() as client:

            async def shown(path: str) -> tuple[str, list[tuple[str, str]]]:
                page = (await client.get(path)).text
                title = re.search(r"<strong>(\w+ \d{4})</strong>", page)
                assert title is not None
                return title[1], re.findall(r'month=([\d-]+)" aria-label="(\w+) month', page)

            assert await shown("/") == ("February 2026", [])
            first = datetime(2025, 12, 31, 23, 30, tzinfo=UTC)
            await house.append(Motion(camera_id="c", recorded_at=first))
            assert await shown("/") == ("February 2026", [("2026-01", "Earlier")])
            assert await shown("/?month=2026-01") == ("January 2026", [("2026-02", "Later")])
            for path in ("/?month=2025-12", "/?month=0001-01", "/?day=1999-01-01"):
                assert (await shown(path))[0] == "January 2026"
            for path in ("/?month=2026-03", "/?month=9999-12", "/?day=2027-01-01"):
                assert (await shown(path))[0] == "February 2026"


async def test_an_event_leads_to_its_neighbours_in_the_list(house: House) -> None:
    """With the filter and the text that the list had."""
    await visits(house)
    async with await house.signed_in() as client:
        for path, newer, older in (
            ("/events/2", "/events/3", "/events/1"),
            ("/events/1", "/events/2", None),
            ("/events/4", None, "/events/3"),
            ("/events/1?text=a", "/events/2?text=a", None),
            ("/events/3?camera=c", None, "/events/2?camera=c"),
            ("/events/2?label=car", None, None),
        ):
            page = (await client.get(path)).text
            links = dict(re.findall(r'<a rel="(prev|next)" href="([^"]*)"', page))
            assert (links.get("prev"), links.get("next")) == (newer, older), path


async def test_events_are_files_with_all_that_the_filter_shows(house: House) -> None:
    """CSV and JSON agree with the list, past the page's and the batch's size."""
    for number in range(40):
        at = NOON + timedelta(minutes=number)
        label = "cat" if number % 2 else "=cmd()"
        await house.append(
            Motion(camera_id="c", recorded_at=at), Detection(label=label, confidence=0.5)
        )
    async with await house.signed_in() as client:
        sheet = await client.get("/events.csv?label=cat")
        assert sheet.headers["content-disposition"] == 'attachment; filename="events.csv"'
        lines = list(csv.DictReader(io.StringIO(sheet.text.removeprefix("\ufeff"))))
        assert [line["id"] for line in lines] == [str(n) for n in range(40, 0, -2)]
        assert {line["seen"] for line in lines} == {"cat"}
        rows = json.loads((await client.get("/events.json?from=2026-02-25")).text)
        assert [row["id"] for row in rows] == [str(n) for n in range(40, 0, -1)]
        assert "'=cmd()" in (await client.get("/events.csv")).text
        assert (await client.get("/events.json?text=nothing")).json() == []
        assert (await client.get("/events.csv?day=x")).status_code == 400
    async with await house.signed_in("wall", role="kiosk") as client:
        assert (await client.get("/events.csv")).status_code == 403


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("text=fox", [3, 2]),
        ("text=FOX&hour_from=12:00&hour_to=13:30", [2]),
        ("hour_from=13:30", [4, 3]),
        ("from=2026-02-26", [4]),
        ("to=2026-02-25", [3, 2, 1]),
        ("since=2026-02-25T13:00:00Z&until=2026-02-25T14:00:01%2B00:00", [3, 2]),
        ("day=2026-02-25&label=fox&text=gate", []),
    ],
)
async def test_pages_files_and_the_api_have_one_set_of_filters(
    house: House, query: str, numbers: list[int]
) -> None:
    """The same events for the same parameters, page by page, and in each address that follows."""
    for hours, label in ((0, "cat"), (1, "fox"), (2, "fox"), (26, "cat")):
        at = NOON + timedelta(hours=hours)
        await house.append(
            Motion(camera_id="c", recorded_at=at), Detection(label=label, confidence=0.5)
        )
    async with await house.signed_in() as client:
        page = (await client.get(f"/?{query}")).text
        assert [int(n) for n in re.findall(r'id="event-(\d+)"', page)] == numbers
        files = re.findall(r'href="(/events\.(?:csv|json)[^"]*)"', page)
        sheet, rows = [(await client.get(unescape(link))).text for link in files]
        lines = csv.DictReader(io.StringIO(sheet.removeprefix("\ufeff")))
        assert [int(line["id"]) for line in lines] == numbers
        assert [int(row["id"]) for row in json.loads(rows)] == numbers
        listed: list[int] = []
        cursor = ""
        while True:
            answer = (await client.get(f"/api/events?{query}&limit=1{cursor}")).json()
            listed += [int(event["id"]) for event in answer["events"]]
            if answer["next"] is None:
                break
            cursor = f"&before={answer['next']}"
        assert listed == numbers


async def test_unlocks_are_found_between_two_days(house: House) -> None:
    """On the page, in its files and by the API, by the same parameters."""
    for days in range(4):
        at = NOON + timedelta(days=days)
        await house.append(UnlockAction(granted=False, actor=f"try{days}", recorded_at=at))
    between = "from=2026-02-26&to=2026-02-27"
    async with await house.signed_in() as client:
        for path in ("/unlocks", "/unlocks.csv", "/unlocks.json", "/api/unlocks"):
            text = (await client.get(f"{path}?{between}")).text
            assert set(re.findall(r"try\d", text)) == {"try1", "try2"}, path


async def test_a_page_that_looked_at_enough_says_where_to_go_on(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Going on to the end shows each event once, in order, by a text and by a time of day."""
    await visits(house)
    for number in range(30):
        at = NOON - timedelta(days=number + 1)
        await house.append(
            Motion(camera_id="c", recorded_at=at),
            UnlockAction(granted=False, rule="day rule" if number % 7 == 0 else "x"),
        )
    monkeypatch.setattr(search, "BUDGET", 3)
    monkeypatch.setattr(search, "ROWS_MAX", 4)

    def walk(connection: sqlite3.Connection, asked: Search) -> list[int]:
        found: list[int] = []
        place = None
        for _ in range(200):
            page = search.found(connection, EventFilter(), asked, BERLIN, place, limit=2)
            found += [event["id"] for event in page.events]
            place = page.resume
            if place is None:
                return found
        raise AssertionError("it goes round in a circle")

    by_text = await house.site.pages.run(lambda c: walk(c, Search(text="day")))
    assert by_text == [3, 5, 12, 19, 26, 33]
    noon = Search(begin=12 * 60, end=13 * 60 + 1)
    at_noon = await house.site.pages.run(lambda c: walk(c, noon))
    assert at_noon == [1, *range(5, 35)]


async def test_every_query_of_a_search_walks_an_index(house: House) -> None:
    """No table is scanned and nothing is sorted, however long the history is."""
    await visits(house)
    down, up = {"than": "<=", "order": "DESC"}, {"than": ">=", "order": ""}
    queries = [
        *((search.ACTIONS.format(**way), ("2026", 9)) for way in (down, up)),
        *((search.PLATES.format(**way), ("car", 1, 9)) for way in (down, up)),
        (calendar.DOTS, ("2026", "2027")),
        (calendar.FIRST, ()),
    ]
    steps = await query_plan(house, queries)
    assert [step for step in steps if "TEMP B-TREE" in step] == []
    tables = [step for step in steps if re.search("events|unlock_actions|detections", step)]
    assert tables
    assert [step for step in tables if "USING" not in step] == []
