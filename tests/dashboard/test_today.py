"""Today at a glance: the door now, today's figures, what needs looking at, and seen marks."""

from __future__ import annotations

import re
import sqlite3
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import httpx
import pytest

from eventlog.dashboard import glance
from eventlog.dashboard.accounts import seen
from eventlog.facts import (
    Detection,
    Ding,
    DoorState,
    FaceResult,
    LockState,
    Motion,
    Observation,
    UnlockAction,
)
from tests.dashboard.house import House, open_house, query_plan

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 2, 25, 12, tzinfo=UTC)


def at_noon(house: House) -> None:
    """The house's clock says noon of 25 February 2026."""
    house.site.clock = NOON.timestamp


async def stranger(house: House, minutes: int) -> int:
    """A stranger rings so many minutes before noon; the answer is the event's id."""
    receipt = await house.append(
        Ding(camera_id="front_door", recorded_at=NOON - timedelta(minutes=minutes)),
        FaceResult(name=None, distance=0.8, tolerance=0.6),
    )
    assert receipt.event_id is not None
    return receipt.event_id


async def waiting(client: httpx.AsyncClient) -> int:
    """How many events wait, as the title and the page say alike."""
    page = (await client.get("/")).text
    shown = re.search(r'data-waiting="(\d+)"', page)
    assert shown is not None
    number = int(shown[1])
    assert (f"<title>({number}) Timeline" in page) == (number > 0)
    return number


async def all_seen(client: httpx.AsyncClient) -> httpx.Response:
    """Press the button `All seen`."""
    page = (await client.get("/")).text
    through = re.search(r'name="through" value="(\d+)"', page)
    assert through is not None
    return await client.post("/seen", data={"through": through[1]})


async def test_the_page_says_how_the_door_is_now(house: House) -> None:
    """What its contact and its lock reported last, and since when."""
    at_noon(house)
    async with await house.signed_in() as client:
        assert "Not reported" in (await client.get("/")).text
        await house.append(
            DoorState(door_id="hall", state="open", source="contact", recorded_at=NOON)
        )
        later = NOON + timedelta(minutes=3)
        await house.append(
            LockState(door_id="hall", state="unlocked", source="lock", recorded_at=later)
        )
        page = (await client.get("/")).text
    assert "Open, unlocked" in page
    assert 'since <time datetime="2026-02-25T12:03:00Z"' in page


async def test_the_page_says_who_opened_the_door_last(house: House) -> None:
    """Not a refusal, not a trial and not a locking that came later."""
    at_noon(house)
    opened = UnlockAction(granted=True, door_action="unlocked", person="ada", actor="face")
    await house.append(Ding(camera_id="front_door", recorded_at=NOON), opened)
    for later in (
        UnlockAction(granted=False, person="mallory"),
        UnlockAction(granted=True, door_action="unlocked", person="bob", dry_run=True),
        UnlockAction(granted=False, door_action="locked", person="carol"),
    ):
        await house.append(Motion(camera_id="front_door", recorded_at=NOON), later)
    async with await house.signed_in() as client:
        page = (await client.get("/today")).text
    opening = page[page.index("Last opening") :].split("</li>")[0]
    assert "ada" in opening
    assert "face" in opening
    assert 'href="/events/1"' in opening


async def test_figures_of_today_are_those_of_the_doors_day(tmp_path: Path) -> None:
    """At half past midnight in Berlin yesterday's ring is not counted, and the links agree."""
    async with open_house(tmp_path, "Europe/Berlin") as house:
        midnight = datetime(2026, 2, 24, 23, tzinfo=UTC)
        house.site.clock = (midnight + timedelta(minutes=30)).timestamp
        for minutes in (-10, 10, 20):
            at = midnight + timedelta(minutes=minutes)
            await house.append(Ding(camera_id="front_door", recorded_at=at))
        async with await house.signed_in() as client:
            page = (await client.get("/today")).text
            assert '<a href="/?type=ding&amp;day=2026-02-25"><strong>2</strong> rings</a>' in page
            listed = (await client.get("/?type=ding&day=2026-02-25")).text
    assert len(re.findall(r'<article class="card', listed)) == 2


@pytest.mark.parametrize(
    ("facts", "waits"),
    [
        ([Ding(camera_id="c", recorded_at=NOON)], True),
        ([Motion(camera_id="c", recorded_at=NOON), FaceResult(name=None, distance=0.9)], True),
        ([Motion(camera_id="c", recorded_at=NOON), UnlockAction(granted=False)], True),
        ([Ding(camera_id="c", recorded_at=NOON), FaceResult(name="ada", distance=0.3)], False),
        ([Motion(camera_id="c", recorded_at=NOON), Detection(label="cat", confidence=1)], False),
        ([Ding(camera_id="c", recorded_at=NOON - timedelta(days=15))], False),
    ],
    ids=["ring", "stranger", "refused", "somebody known rang", "a cat", "long ago"],
)
async def test_what_needs_a_look_waits_for_it(
    house: House, facts: list[Ding | Motion | FaceResult | UnlockAction], waits: bool
) -> None:
    """Unanswered rings, strangers and refused attempts; no known person, no cat."""
    at_noon(house)
    await house.append(*facts)
    async with await house.signed_in() as client:
        assert await waiting(client) == int(waits)


async def test_an_event_that_was_opened_waits_no_more_for_that_user_alone(house: House) -> None:
    """Marks are each user's own."""
    at_noon(house)
    first, _ = await stranger(house, 9), await stranger(house, 8)
    async with await house.signed_in() as one, await house.signed_in("other") as other:
        assert await waiting(one) == 2
        await one.get(f"/events/{first}")
        assert await waiting(one) == 1
        assert await waiting(other) == 2


async def test_all_seen_leaves_nothing_until_something_comes(house: House) -> None:
    """A refused try that joins an event which was seen brings it back."""
    at_noon(house)
    event_id = await stranger(house, 9)
    async with await house.signed_in() as client:
        answer = await all_seen(client)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert await waiting(client) == 0
        assert "All is seen." in (await client.get("/today")).text
        await house.append(UnlockAction(granted=False, actor="keypad"), event_id=event_id)
        assert await waiting(client) == 1


async def test_a_script_gets_the_part_of_the_page_that_all_seen_changes(house: House) -> None:
    """Without a redirect, so that the page need not be loaded again."""
    at_noon(house)
    await stranger(house, 9)
    async with await house.signed_in() as client:
        client.headers["hx-request"] = "true"
        answer = await all_seen(client)
        assert answer.status_code == 200
        assert answer.text.startswith('<section id="today"')
        assert "All is seen." in answer.text


async def test_no_page_marks_what_it_could_not_have_shown(house: House) -> None:
    """A position behind the journal's end is refused."""
    await stranger(house, 1)
    async with await house.signed_in() as client:
        for through in ("99", "", "-1", "x", "9" * 40):
            assert (await client.post("/seen", data={"through": through})).status_code == 400


async def test_a_kiosk_marks_nothing_and_shows_nothing_to_look_at(house: House) -> None:
    """A tablet on the wall shows the door and the figures."""
    at_noon(house)
    event_id = await stranger(house, 1)
    async with await house.signed_in("wall", role="kiosk") as client:
        page = (await client.get("/")).text
        assert "To look at" not in page
        assert "stranger</a>" in page
        await client.get(f"/events/{event_id}")
        await house.site.seen.save()
        assert (await client.post("/seen", data={"through": "1"})).status_code == 403
    rows = await house.site.accounts.run(
        lambda c: c.execute("SELECT count(*) FROM seen_marks").fetchone()
    )
    assert rows == (0,)


async def test_marks_of_a_user_are_bounded(house: House) -> None:
    """The oldest positions are forgotten first."""
    user_id = await house.user()

    def mark_many(connection: sqlite3.Connection) -> seen.Seen:
        numbers = range(1, seen.MARKS_MAX + 11)
        seen.mark(connection, [seen.Mark(user_id, number, number, 0) for number in numbers])
        return seen.of_user(connection, user_id)

    marks = await house.site.accounts.run(mark_many)
    assert len(marks.events) == seen.MARKS_MAX
    assert min(marks.events) == 11


async def test_animals_and_cars_are_one_line_an_hour(house: House) -> None:
    """Each hour has its line; a person among them is a card of its own."""
    at_noon(house)
    for minutes, label in ((5, "cat"), (10, "car"), (15, "cat"), (20, "person"), (70, "car")):
        at = NOON + timedelta(minutes=minutes)
        facts = Motion(camera_id="c", recorded_at=at), Detection(label=label, confidence=0.9)
        await house.append(*facts)
    async with await house.signed_in() as client:
        page = (await client.get("/")).text
        folds = re.findall(r"<summary>(.*?) <span", page)
        assert folds == ["cat \N{MULTIPLICATION SIGN}2, car"]
        outside = re.sub(r'<details class="fold".*?</details>', "", page, flags=re.DOTALL)
        assert re.findall(r'id="event-(\d+)"', outside) == ["5", "4"]
        listed = (await client.get("/?label=cat")).text
        assert 'class="fold"' not in listed


@pytest.mark.parametrize("limit", [1, 4, 7, 30])
async def test_an_hour_is_one_line_wherever_a_page_ends(house: House, limit: int) -> None:
    """The page goes on to the hour's end; each event is on one page, in the list's order."""
    at_noon(house)
    for number in range(50):
        at = NOON - timedelta(minutes=7 * number)
        label = "person" if number % 5 == 0 else "cat"
        await house.append(
            Motion(camera_id="c", recorded_at=at), Detection(label=label, confidence=0.9)
        )
    hours: list[str] = []
    events: list[int] = []
    async with await house.signed_in() as client:
        address: str | None = f"/timeline/more?limit={limit}"
        while address is not None:
            page = (await client.get(address)).text
            hours += re.findall(r'data-hour="([^"]+)"', page)
            events += sorted(int(text) for text in re.findall(r'id="event-(\d+)"', page))
            more = re.search(r'data-more="([^"]+)"', page)
            address = None if more is None else f"{unescape(more[1])}&limit={limit}"
    assert events == list(range(1, 51))
    assert hours == sorted(set(hours), reverse=True)
    assert len(hours) >= 6


async def test_a_busy_hour_is_one_line_that_leads_to_all_of_it(house: House) -> None:
    """450 cars and two persons: the line counts all and holds a page of them."""
    at_noon(house)
    begin = NOON - timedelta(hours=2)
    await house.append(Motion(camera_id="c", recorded_at=begin - timedelta(minutes=1)))
    for number in range(452):
        at = begin + timedelta(seconds=7 * number)
        label = "person" if number in {3, 440} else "car"
        await house.append(
            Motion(camera_id="c", recorded_at=at), Detection(label=label, confidence=0.9)
        )
    async with await house.signed_in() as client:
        page = (await client.get("/")).text
        assert re.findall(r"<summary>(.*?) <span", page) == ["car \N{MULTIPLICATION SIGN}450"]
        more = re.search(r'data-more="([^"]+)"', page)
        assert more is not None
        page += (await client.get(unescape(more[1]))).text
        outside = re.sub(r'<details class="fold".*?</details>', "", page, flags=re.DOTALL)
        assert re.findall(r'id="event-(\d+)"', outside) == ["442", "5", "1"]
        assert len(re.findall(r'<article class="card', page)) == 3 + 30
        link = re.search(r'<a href="([^"]+)">All 450 of this hour</a>', page)
        assert link is not None
        listed: list[str] = []
        address: str | None = unescape(link[1])
        while address is not None:
            page = (await client.get(address)).text
            assert 'class="fold"' not in page
            listed += re.findall(r'id="event-(\d+)"', page)
            more = re.search(r'data-more="([^"]+)"', page)
            address = None if more is None else f"{unescape(more[1])}&limit=200"
        assert listed == [str(number) for number in range(453, 1, -1)]


async def test_a_car_that_comes_joins_the_line_of_its_hour(house: House) -> None:
    """The fragment for the open page holds the whole line, also when a person leaves it."""
    at_noon(house)
    for minutes in (5, 10, 15):
        at = NOON + timedelta(minutes=minutes)
        await house.append(
            Motion(camera_id="c", recorded_at=at), Detection(label="car", confidence=0.9)
        )

    async with await house.signed_in() as client:

        async def live(query: str) -> tuple[list[str], list[str]]:
            html = (await client.get(f"/timeline/live?{query}")).text
            outside = re.sub(r'<details class="fold".*?</details>', "", html, flags=re.DOTALL)
            cards = re.findall(r'id="event-(\d+)"', outside)
            return re.findall(r"<summary>(.*?) <span", html), cards

        assert await live("ids=3") == (["car \N{MULTIPLICATION SIGN}3"], [])
        assert await live("ids=3&label=car") == ([], ["3"])
        await house.append(Detection(label="person", confidence=0.9), event_id=2)
        assert await live("ids=2") == (["car \N{MULTIPLICATION SIGN}2"], ["2"])
        await house.append(Detection(label="person", confidence=0.9), event_id=3)
        assert await live("ids=3") == ([], ["3", "1"])


async def test_what_a_source_noticed_is_named_and_folded(house: House) -> None:
    """A bark by sound is no motion; two of a dog are one line of their hour."""
    at_noon(house)
    for minutes, label in ((1, "glass break"), (2, "dog"), (3, "dog")):
        at = NOON + timedelta(minutes=minutes)
        await house.append(Observation(camera_id="c", recorded_at=at, label=label, medium="sound"))
    async with await house.signed_in() as client:
        page = (await client.get("/")).text
    assert "Glass break noticed" in page
    assert re.findall(r"<summary>(.*?) <span", page) == ["dog \N{MULTIPLICATION SIGN}2"]


async def test_hours_that_come_twice_in_october_are_two_lines(tmp_path: Path) -> None:
    """02:10 in summer and 02:10 in winter time are an hour apart."""
    async with open_house(tmp_path, "Europe/Berlin") as house:
        for hour, minute in ((0, 10), (0, 20), (1, 10), (1, 20)):
            at = datetime(2026, 10, 25, hour, minute, tzinfo=UTC)
            facts = Motion(camera_id="c", recorded_at=at), Detection(label="cat", confidence=0.9)
            await house.append(*facts)
        house.site.clock = datetime(2026, 10, 25, 12, tzinfo=UTC).timestamp
        async with await house.signed_in() as client:
            page = (await client.get("/")).text
    assert len(re.findall(r'<details class="fold"', page)) == 2


async def test_every_query_of_the_glance_walks_an_index(house: House) -> None:
    """No table is scanned and nothing long is sorted, however long the history is."""
    await stranger(house, 1)
    queries = [
        (glance.OPENING, (1,)),
        (glance.WAITING, ("2026",)),
        *((glance.COUNT.format(term=term), ("2026", "2027", 9)) for term in glance.TERMS.values()),
        (f"SELECT {glance.NEWS} FROM (SELECT 1 AS id) w", ()),
    ]
    steps = await query_plan(house, queries)
    scans = [step for step in steps if re.match(r"SCAN (events|unlock_actions|journal|face)", step)]
    assert [step for step in scans if "USING INDEX" not in step] == []


async def test_those_that_wait_and_are_not_shown_are_counted(house: House) -> None:
    """The number over the list is that of all; the rest is said below it."""
    at_noon(house)
    for minutes in range(14):
        await stranger(house, minutes)
    async with await house.signed_in() as client:
        page = (await client.get("/")).text
    assert "To look at: 14" in page
    assert page.count('<li class="plain"><a href="/events/') == 12
    assert "2 older ones are further down in the timeline." in page
