"""Lists and stories longer than a page: paged, without JavaScript too, and made off the loop."""

from __future__ import annotations

import asyncio
import re
import threading

import pytest

from eventlog.dashboard.pages import event as event_page
from eventlog.dashboard.pages import templating
from eventlog.facts import Detection, UnlockAction
from eventlog.projections import story
from tests.dashboard.house import AT, VISIT, House

pytestmark = pytest.mark.anyio

FACTS = 20_000
PAGE_BYTES = 400_000
LINK = re.compile(r'<a href="([^"]+)">([^<]+)</a>')


def link(page: str, text: str) -> str | None:
    """Where a link of a page leads."""
    found = {said: address for address, said in LINK.findall(page)}
    address = found.get(text)
    return None if address is None else address.replace("&amp;", "&")


@pytest.mark.parametrize(
    ("path", "earlier", "newest", "row"),
    [
        ("/?type=ding", "Earlier events", "Newest events", r'id="event-(\d+)"'),
        ("/unlocks?outcome=granted", "Earlier unlocks", "Newest unlocks", r'href="/events/(\d+)'),
    ],
)
async def test_a_list_is_read_to_its_end_without_javascript(
    house: House, path: str, earlier: str, newest: str, row: str
) -> None:
    """Each link opens a full page with the same filter; no event is left out or shown twice."""
    for _ in range(65):
        await house.append(*VISIT)
    seen: list[int] = []
    async with await house.signed_in() as client:
        address: str | None = path
        pages = 0
        while address is not None:
            page = (await client.get(address)).text
            assert page.startswith("<!doctype html>")
            assert "<h1>" in page
            seen += [int(text) for text in re.findall(row, page)]
            assert (link(page, newest) == path) is (pages > 0)
            address, pages = link(page, earlier), pages + 1
    assert seen == list(range(65, 0, -1))
    assert pages == 3


async def test_an_events_page_leads_back_to_the_filter_that_it_was_opened_from(
    house: House,
) -> None:
    """In the link, so without JavaScript too; what is no filter is refused or left out."""
    await house.append(*VISIT)
    async with await house.signed_in() as client:
        listed = (await client.get("/?type=ding&outcome=granted")).text
        address = link(listed, "ada rang")
        assert address is not None
        assert address.startswith("/events/1?")
        page = (await client.get(address)).text
        back = link(page, "Timeline")
        assert back is not None
        assert set(back.removeprefix("/?").split("&")) == {"type=ding", "outcome=granted"}
        plain = (await client.get("/events/1?next=//evil.example")).text
        assert link(plain, "Timeline") == "/"
        assert (await client.get("/events/1?type=evil")).status_code == 400


async def append_long(house: House) -> int:
    """An event with 20,000 facts; the last of them opened the door."""
    receipt = await house.append(*VISIT[:2])
    assert receipt.event_id is not None
    detection = Detection(label="person", confidence=0.9, recorded_at=AT)
    for _ in range(FACTS // 1000):
        await house.site.store.append(*[detection] * 1000, event_id=receipt.event_id)
    opened = UnlockAction(granted=True, door_action="unlocked", person="ada", actor="keypad")
    await house.append(opened, event_id=receipt.event_id)
    return receipt.event_id


async def test_a_story_of_20000_facts_is_paged_and_holds_up_nobody(house: House) -> None:
    """Each part is a small page, all facts are there once, and health is answered meanwhile."""
    event_id = await append_long(house)
    async with await house.signed_in() as client:
        first = (await client.get(f"/events/{event_id}")).text
        assert "The door was unlocked for ada" in first
        assert f"1 to 200 of {FACTS + 3:,}" in first
        last = (await client.get(f"/events/{event_id}?part=999999")).text
        assert f"20,001 to {FACTS + 3:,} of {FACTS + 3:,}" in last
        assert "keypad" in last
        assert link(last, "Later facts") is None
        assert link(last, "Earlier facts") == f"/events/{event_id}?part=100"
        assert max(map(len, (first, last))) < PAGE_BYTES
        for wrong in ("0", "-1", "x", "1" * 50):
            assert (await client.get(f"/events/{event_id}?part={wrong}")).status_code == 400
        many = [asyncio.ensure_future(client.get(f"/events/{event_id}")) for _ in range(3)]
        words = [(await client.get("/health")).text for _ in range(20)]
        assert {(await one).status_code for one in many} == {200}
    assert set(words) == {"ok"}


async def test_every_fact_of_a_long_story_is_on_one_of_its_pages(house: House) -> None:
    """In order, without a gap or a repeat."""
    receipt = await house.append(*VISIT[:1])
    detection = Detection(label="person", confidence=0.9, recorded_at=AT)
    await house.append(*[detection] * 449, event_id=receipt.event_id)
    positions: list[int] = []
    async with await house.signed_in() as client:
        address: str | None = f"/events/{receipt.event_id}?type=motion"
        while address is not None:
            page = (await client.get(address)).text
            positions += [int(text) for text in re.findall(r'class="position">(\d+)', page)]
            address = link(page, "Later facts")
    assert positions == list(range(1, 451))


async def test_what_takes_long_is_not_done_on_the_event_loop(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop's thread reads no record, computes no story and renders no page of an event."""
    here, seen = threading.get_ident(), []

    def watched(function: object) -> object:
        def call(*args: object, **more: object) -> object:
            seen.append(threading.get_ident())
            return function(*args, **more)  # type: ignore[operator]

        return call

    monkeypatch.setattr(story, "read", watched(story.read))
    monkeypatch.setattr(story, "tell", watched(story.tell))
    monkeypatch.setattr(event_page, "page", watched(templating.page))
    await house.append(*VISIT)
    async with await house.signed_in() as client:
        seen.clear()
        assert (await client.get("/events/1")).status_code == 200
        assert (await client.get("/api/events/1")).status_code == 200
    assert len(seen) >= 2 * len(VISIT) + 3
    assert here not in seen
