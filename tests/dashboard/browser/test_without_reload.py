"""What is done on the timeline without a reload: filters, the way back to them, and seen marks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.dashboard.browser.appending import append, now
from tests.dashboard.browser.conftest import WIDE, Pages, sign_in
from tests.dashboard.running import Running

pytestmark = pytest.mark.browser

MARK = "window.sameDocument = true"
IS_SAME = "window.sameDocument === true"


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
