"""What is done on the timeline without a reload: filters, the way back to them, and seen marks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from eventlog.facts import SourceBack, SourceSilent
from eventlog.store.event_store import EventStore
from tests.dashboard.browser.appending import append, now
from tests.dashboard.browser.conftest import WIDE, Pages, accounts, sign_in
from tests.dashboard.running import Running

pytestmark = pytest.mark.browser

MARK = "window.sameDocument = true"
IS_SAME = "window.sameDocument === true"
ROWS = "[...document.querySelectorAll('.day > [id]')].map(row => row.id)"


def opened(running: Running, open_page: Pages, path: str = "/", **options: Any) -> Any:
    """A page of the timeline, marked so that a reload is noticed."""
    page = sign_in(open_page(running.url, viewport=WIDE, **options), running.url)
    page.goto(running.url + path)
    page.locator("#live[data-state=on]").wait_for()
    page.evaluate(MARK)
    return page


def texts(page: Any) -> list[str]:
    """The filters that are chips."""
    chips = page.locator(".chips a.chip").all()
    return [chip.get_attribute("aria-label").removeprefix("Remove the filter ") for chip in chips]


def test_filters_change_without_a_reload_and_the_list_stays_live(
    sampled: tuple[Running, str], open_page: Pages
) -> None:
    """Chips, the form and the calendar; an event that comes then is shown by the new filter."""
    running, token = sampled
    long_ago = (datetime.now(UTC) - timedelta(days=40)).isoformat()
    append(running, token, {"kind": "motion", "camera_id": "back_gate", "recorded_at": long_ago})
    page = opened(running, open_page, "/?type=ding&label=person")
    assert len(texts(page)) == 2
    page.get_by_label("Remove the filter Seen: person").click()
    page.wait_for_url("**/?type=ding")
    assert texts(page) == ["Began: rings"]
    assert page.evaluate("document.activeElement.id") == "content"
    page.get_by_text("Find", exact=True).click()
    page.get_by_label("Camera").select_option(index=1)
    page.get_by_role("button", name="Show", exact=True).click()
    page.wait_for_url("**/?camera=*&type=ding")
    assert len(texts(page)) == 2
    page.get_by_text("Clear all").click()
    page.locator("#today").wait_for()
    assert texts(page) == []
    page.get_by_role("link", name="strangers").click()
    page.wait_for_url("**/?stranger=1&day=*")
    assert page.locator("#today").count() == 0
    page.get_by_text("Find", exact=True).click()
    page.get_by_label("Earlier month").click()
    page.wait_for_url("**month=*")
    page.go_back()
    page.get_by_text("Clear all").click()
    page.locator("#today").wait_for()
    motion = {"kind": "motion", "camera_id": "side_gate", "recorded_at": now()}
    append(running, token, motion)
    page.locator("#timeline .camera", has_text="side_gate").first.wait_for()
    assert page.locator("#live").get_attribute("data-state") == "on"
    assert page.evaluate(IS_SAME)


def test_the_way_back_leads_to_each_filter_and_its_place(
    sampled: tuple[Running, str], open_page: Pages
) -> None:
    """The list that was there before, at the card that was on top."""
    running, _ = sampled
    page = opened(running, open_page, "/?from=2020-01-01&hour_from=00:00")
    cards = page.locator("#timeline .card:visible")
    for _ in range(2):
        there = page.locator(".card").count()
        page.locator(".more").scroll_into_view_if_needed()
        page.wait_for_function(
            "count => document.querySelectorAll('.card').length > count", arg=there
        )
    top = cards.nth(35)
    top.evaluate("card => scrollTo({top: card.offsetTop, behavior: 'instant'})")
    number = top.get_attribute("id")
    page.locator(".chips a.chip").last.evaluate("chip => chip.click()")
    page.wait_for_url("**/?from=2020-01-01")
    assert page.evaluate("scrollY") == 0
    page.go_back()
    page.wait_for_url("**hour_from=*")
    page.wait_for_function(
        "id => Math.abs(document.getElementById(id)?.getBoundingClientRect().top ?? NaN) < 200",
        arg=number,
    )
    page.go_forward()
    page.wait_for_function("() => document.querySelectorAll('.chips a.chip').length === 1")
    assert page.evaluate(IS_SAME)


def test_all_seen_changes_that_part_alone(sampled: tuple[Running, str], open_page: Pages) -> None:
    """The number goes from the title too; without JavaScript the form leads to the page."""
    running, _ = sampled
    page = opened(running, open_page)
    assert page.title().startswith("(")
    page.get_by_role("button", name="All seen").click()
    page.get_by_text("All is seen.").wait_for()
    assert not page.title().startswith("(")
    assert page.evaluate(IS_SAME)
    page.reload()
    assert page.get_by_text("All is seen.").count() == 1


def test_what_the_lock_reports_itself_is_on_the_open_page(
    sampled: tuple[Running, str], open_page: Pages
) -> None:
    """Records of no event: today's card of the door, and the card of the visit that one settles."""
    running, token = sampled
    page = opened(running, open_page)
    porch = {"door_id": "porch", "recorded_at": now()}
    number = append(
        running,
        token,
        {"kind": "motion", "camera_id": "porch", "recorded_at": now()},
        {"kind": "unlock_action", "granted": True, "door_action": "unlocked", **porch}
        | {"actor": "face", "intent": "porch-1"},
    )
    card = page.locator(f"#event-{number} .end")
    card.get_by_text("Granted").wait_for()
    append(
        running,
        token,
        {
            "kind": "actuator_outcome",
            "intent": "porch-1",
            "outcome": "failed",
            "recorded_at": now(),
        },
    )
    card.get_by_text("Unlock failed").wait_for()
    door = page.locator("#today .now li", has_text="porch")
    append(running, token, {"kind": "lock_state", "state": "locked", "source": "zwave", **porch})
    door.get_by_text("Locked", exact=True).wait_for()
    append(running, token, {"kind": "door_state", "state": "open", "source": "zwave", **porch})
    door.get_by_text("Open, locked").wait_for()
    assert page.evaluate(IS_SAME)


def recorded(folder: Path, *facts: Any) -> None:
    """Append facts that only a program with the log itself may: no token is good for them."""

    async def append_all() -> None:
        async with EventStore(str(folder / "events.db"), str(folder / "thumbnails")) as store:
            for fact in facts:
                await store.append(fact)

    # Playwright has a loop of its own on this thread.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(anyio.run, append_all).result()


def test_a_gap_in_the_record_begins_and_ends_on_the_open_page(
    tmp_path: Path, open_page: Pages
) -> None:
    """One that lasts stays on top of what comes; where it ended it stays below that."""
    token = accounts(tmp_path)
    with Running(tmp_path, "Europe/Berlin") as running:
        page = opened(running, open_page)
        since = datetime.now(UTC) - timedelta(minutes=5)
        recorded(tmp_path, SourceSilent(source="ring", since=since, reason="no_sign"))
        gap = page.locator("#timeline .gap.lasting", has_text="ring gave no sign of life since")
        gap.wait_for()
        assert page.locator("[data-empty]").count() == 0
        motion = {"kind": "motion", "camera_id": "yard"}
        first = append(running, token, {**motion, "recorded_at": now()})
        page.locator(f"#event-{first}").wait_for()
        assert page.evaluate(ROWS) == ["gap-1", f"event-{first}"]
        recorded(tmp_path, SourceBack(source="ring", until=datetime.now(UTC)))
        page.locator("#gap-1:not(.lasting)").wait_for()
        second = append(running, token, {**motion, "recorded_at": now()})
        page.locator(f"#event-{second}").wait_for()
        expected = [f"event-{second}", "gap-1", f"event-{first}"]
        assert page.evaluate(ROWS) == expected
        assert page.evaluate(IS_SAME)
        page.reload()
        page.locator("#live[data-state=on]").wait_for()
        assert page.evaluate(ROWS) == expected


def test_animals_and_cars_that_come_join_the_line_of_their_hour(
    sampled: tuple[Running, str], open_page: Pages
) -> None:
    """Open as it was; what turns out to be a person leaves it."""
    running, token = sampled
    page = opened(running, open_page)
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    train = {"kind": "detection", "label": "train", "confidence": 0.9}

    def motion(second: int) -> dict[str, Any]:
        at = (hour + timedelta(seconds=second)).isoformat()
        return {"kind": "motion", "camera_id": "street", "recorded_at": at}

    cars = [append(running, token, motion(second), train) for second in (1, 2, 3)]
    fold = page.locator("#timeline .fold", has_text="train")
    fold.get_by_text("train \N{MULTIPLICATION SIGN}3").wait_for()
    fold.locator("summary").click()
    fold.locator(f"#event-{cars[1]} a").focus()
    person = {"kind": "detection", "label": "person", "confidence": 0.9}
    append(running, token, person, event_id=cars[0])
    page.locator(f".day > #event-{cars[0]}").wait_for()
    fourth = append(running, token, motion(4), train)
    fold.locator(f"#event-{fourth}").wait_for()
    assert fold.get_attribute("open") is not None
    assert page.locator(f".day > #event-{cars[1]}, .day > #event-{fourth}").count() == 0
    assert page.evaluate(IS_SAME)
