"""Live pages in a real browser: an event's page, one stream for all tabs, midnight, going back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from eventlog.facts import Motion
from eventlog.journal.append import prepare
from tests.dashboard.browser.appending import append, now
from tests.dashboard.browser.conftest import Pages, accounts, sign_in
from tests.dashboard.running import Running
from tests.support.logs import build_log

pytestmark = pytest.mark.browser

HIDE = """hidden => {
    Object.defineProperty(document, 'hidden', {get: () => hidden, configurable: true});
    document.dispatchEvent(new Event('visibilitychange'));
}"""
BORN_HIDDEN = "Object.defineProperty(document, 'hidden', {get: () => true, configurable: true});"
NO_WORKER = "delete window.SharedWorker;"
UNTIL_MS = 60_000


def streams(page: Any, url: str) -> int:
    """How many streams the dashboard holds open, by its page Health."""
    text = page.request.get(f"{url}/status").text()
    found = re.search(r"<dt>Open streams</dt><dd>(\d+)</dd>", text)
    assert found is not None
    return int(found[1])


def wait_for_streams(page: Any, url: str, number: int) -> None:
    """Return when so many streams are open: a closed one is noticed in its own time."""
    for _ in range(600):
        if streams(page, url) == number:
            return
        page.wait_for_timeout(100)
    assert streams(page, url) == number


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[Running, str]]:
    """A dashboard of its own, in Berlin, and a token that appends."""
    token = accounts(tmp_path)
    with Running(tmp_path, "Europe/Berlin") as opened:
        yield opened, token


def test_an_events_page_is_live(running: tuple[Running, str], open_page: Pages) -> None:
    """What the door did appears without a reload; what was unfolded stays so."""
    door, token = running
    event_id = append(
        door, token, {"kind": "ding", "camera_id": "front_door", "recorded_at": now()}
    )
    page = sign_in(open_page(door.url), door.url)
    page.goto(f"{door.url}/events/{event_id}")
    page.get_by_text("Nothing asked the lock to act").wait_for()
    page.locator(".raw summary").click()
    page.evaluate("window.stayed = true")
    face = {"kind": "face_result", "name": "ada", "distance": 0.3, "tolerance": 0.6}
    unlock = {"kind": "unlock_action", "granted": True, "door_action": "unlocked", "person": "ada"}
    append(door, token, face, unlock, event_id=event_id)
    page.get_by_text("The door was unlocked for ada").first.wait_for(timeout=UNTIL_MS)
    page.get_by_role("heading", name="ada rang").wait_for()
    assert page.locator(".story > li:visible").count() == 3
    assert page.locator(".raw section").count() == 3
    assert page.locator(".raw section").first.is_visible()
    assert page.locator(".head .chip").inner_text() == "Unlocked"
    assert page.evaluate("window.stayed") is True


def test_all_tabs_share_one_stream_and_hidden_ones_have_none(
    running: tuple[Running, str], open_page: Pages
) -> None:
    """Six tabs hold one stream; each gets every record; when all are hidden there is none."""
    door, token = running
    first = sign_in(open_page(door.url), door.url)
    tabs = [first]
    for _ in range(5):
        tab = first.context.new_page()
        tab.goto(door.url)
        tabs.append(tab)
    for tab in tabs:
        tab.locator("#live[data-state=on]").wait_for(timeout=UNTIL_MS)
    assert streams(first, door.url) == 1
    motion = {"kind": "motion", "camera_id": "garden", "recorded_at": now()}
    seen = append(door, token, motion)
    for tab in tabs:
        tab.locator(f"#event-{seen}").wait_for(timeout=UNTIL_MS)
    for tab in tabs:
        tab.evaluate(HIDE, True)  # noqa: FBT003 - Playwright's own
    wait_for_streams(first, door.url, 0)
    missed = append(door, token, motion)
    for tab in tabs[:2]:
        tab.evaluate(HIDE, False)  # noqa: FBT003 - as above
        tab.locator(f"#event-{missed}").wait_for(timeout=UNTIL_MS)
    assert streams(first, door.url) == 1
    tabs[0].evaluate(HIDE, True)  # noqa: FBT003 - as above
    other = append(door, token, motion)
    tabs[1].locator(f"#event-{other}").wait_for(timeout=UNTIL_MS)
    assert tabs[2].locator(f"#event-{missed}").count() == 0


@pytest.mark.parametrize("script", ["", NO_WORKER], ids=["shared", "without SharedWorker"])
def test_tabs_that_are_born_hidden_open_no_stream(
    running: tuple[Running, str], open_page: Pages, script: str
) -> None:
    """Seven of them leave the browser its connections: the page that is seen is live."""
    door, token = running
    page = open_page(door.url)
    page.context.add_init_script(script or "0")
    sign_in(page, door.url)
    page.goto("about:blank")
    hidden = []
    for _ in range(7):
        tab = page.context.new_page()
        tab.add_init_script(BORN_HIDDEN)
        tab.goto(door.url)
        hidden.append(tab)
    wait_for_streams(page, door.url, 0)
    page.goto(door.url)
    page.locator("#live[data-state=on]").wait_for(timeout=UNTIL_MS)
    seen = append(door, token, {"kind": "motion", "camera_id": "garden", "recorded_at": now()})
    page.locator(f"#event-{seen}").wait_for(timeout=UNTIL_MS)
    assert streams(page, door.url) == 1
    assert hidden[0].locator(f"#event-{seen}").count() == 0


def test_a_sign_out_reaches_every_tab(running: tuple[Running, str], open_page: Pages) -> None:
    """The shared stream ends for all of them, and says so."""
    door, _ = running
    page = sign_in(open_page(door.url), door.url)
    other = page.context.new_page()
    other.goto(door.url)
    for tab in (page, other):
        tab.locator("#live[data-state=on]").wait_for(timeout=UNTIL_MS)
    third = page.context.new_page()
    third.goto(f"{door.url}/account")
    third.get_by_role("button", name="Sign out", exact=True).click()
    for tab in (page, other):
        tab.get_by_text("Signed out. Reload to sign in.").wait_for(timeout=UNTIL_MS)


def test_two_dashboards_on_one_host_keep_their_sessions(
    tmp_path: Path, open_page: Pages, running: tuple[Running, str]
) -> None:
    """Browsers ignore ports in cookies; each log has cookies of its own."""
    door, _ = running
    folder = tmp_path / "second"
    folder.mkdir()
    accounts(folder)
    with Running(folder, "Europe/Berlin") as second:
        page = open_page("http://127.0.0.1")
        sign_in(page, door.url)
        sign_in(page, second.url)
        for url in (door.url, second.url, door.url):
            page.goto(url)
            page.get_by_role("heading", name="Timeline").wait_for()
            page.locator("#live[data-state=on]").wait_for(timeout=UNTIL_MS)
        page.goto(f"{second.url}/account")
        page.get_by_role("button", name="Sign out", exact=True).click()
        page.goto(door.url)
        page.get_by_role("heading", name="Timeline").wait_for()


# ── midnight ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("viewer", ["Europe/Berlin", "Asia/Tokyo"])
def test_an_open_page_has_one_today_after_midnight(
    running: tuple[Running, str], open_page: Pages, viewer: str
) -> None:
    """At the door's midnight, wherever the viewer is: today becomes yesterday on the open page."""
    door, token = running
    here = ZoneInfo("Europe/Berlin")
    today = datetime.now(here).date()
    midnight = datetime.combine(today + timedelta(days=1), datetime.min.time(), here)
    evening = append(door, token, {"kind": "motion", "recorded_at": now(), "camera_id": "a"})
    page = open_page(door.url, timezone_id=viewer)
    page.clock.install(time=midnight - timedelta(minutes=5))
    sign_in(page, door.url)
    page.locator("#live[data-state=on]").wait_for(timeout=UNTIL_MS)
    assert page.locator(".day h2").all_inner_texts() == ["Today"]
    page.clock.run_for("00:06:00")
    assert page.locator(".day h2").all_inner_texts() == ["Yesterday"]
    later = (midnight + timedelta(seconds=30)).astimezone(UTC).isoformat()
    night = append(door, token, {"kind": "motion", "recorded_at": later, "camera_id": "a"})
    while not page.locator(f"#event-{night}").count():
        page.clock.run_for(1000)
    page.clock.run_for(21_000)
    assert page.locator(".day h2").all_inner_texts() == ["Today", "Yesterday"]
    days = page.locator(".day")
    assert days.nth(0).locator(f"#event-{night}").count() == 1
    assert days.nth(1).locator(f"#event-{evening}").count() == 1


# ── going back ─────────────────────────────────────────────────────────────────────────────

DEEP = 1_500


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A dashboard over fifteen hundred motions, each third of them in the garden."""
    folder = tmp_path_factory.mktemp("back")
    begin = datetime.now(UTC) - timedelta(minutes=DEEP + 5)
    facts = [
        Motion(
            camera_id="garden" if number % 3 == 0 else "front_door",
            recorded_at=begin + timedelta(minutes=number),
        )
        for number in range(DEEP)
    ]
    build_log(folder / "events.db", [prepare([fact]) for fact in facts])
    accounts(folder)
    with Running(folder) as opened:
        yield opened


def scrolled_to(page: Any, number: int) -> Any:
    """The card of that number on the page, after scrolling down to it."""
    while page.locator(".card").count() < number:
        before = page.locator(".card").count()
        page.locator(".more").scroll_into_view_if_needed()
        page.locator(f".card >> nth={before}").wait_for(state="attached", timeout=UNTIL_MS)
    card = page.locator(f".card >> nth={number - 1}")
    card.scroll_into_view_if_needed()
    return card


@pytest.mark.parametrize("way", ["the browser's button", "the page's link"])
@pytest.mark.parametrize(("path", "number"), [("/", 1078), ("/?camera=garden", 200)])
def test_going_back_keeps_the_place_and_the_filter(
    long: Running, open_page: Pages, way: str, path: str, number: int
) -> None:
    """From a card far down and back: the same card at the same height, under the same filter."""
    page = sign_in(open_page(long.url), long.url)
    page.goto(long.url + path)
    card = scrolled_to(page, number)
    event, top = card.get_attribute("id"), card.bounding_box()["y"]
    card.locator("a").click()
    page.get_by_role("heading", name="What happened").wait_for()
    if way == "the browser's button":
        page.go_back()
    else:
        page.locator(".back a").click()
    again = page.locator(f"#{event}")
    again.wait_for(state="attached", timeout=UNTIL_MS)
    page.wait_for_function(
        "([id, y]) => Math.abs((document.getElementById(id)?.getBoundingClientRect().top ?? NaN)"
        " - y) < 3",
        arg=[event, top],
        timeout=UNTIL_MS,
    )
    assert page.url == long.url + path
    ids = page.evaluate("[...document.querySelectorAll('.card')].map(card => +card.dataset.id)")
    assert ids == sorted(set(ids), reverse=True)


def test_the_timeline_begins_at_its_top_when_it_is_opened_anew(
    long: Running, open_page: Pages
) -> None:
    """Only who goes back is brought to a place."""
    page = sign_in(open_page(long.url), long.url)
    scrolled_to(page, 100).locator("a").click()
    page.get_by_role("heading", name="What happened").wait_for()
    page.get_by_role("navigation").get_by_role("link", name="Timeline").click()
    page.get_by_role("heading", name="Timeline").wait_for()
    page.wait_for_load_state()
    assert page.evaluate("scrollY") == 0
    assert page.locator(".card").count() <= 60


def test_without_javascript_the_list_goes_on_and_back_leads_to_the_filter(
    long: Running, open_page: Pages
) -> None:
    """Full pages by plain links."""
    page = open_page(long.url, java_script_enabled=False)
    sign_in(page, long.url)
    page.goto(f"{long.url}/?camera=garden")
    page.get_by_role("link", name="Earlier events").click()
    page.get_by_role("heading", name="Timeline").wait_for()
    assert page.locator(".card").count() == 30
    assert set(page.locator(".card .camera").all_inner_texts()) == {"garden"}
    page.locator(".card h3 a").first.click()
    page.locator(".back a").click()
    assert page.url == f"{long.url}/?camera=garden"
    assert httpx.head(f"{long.url}/login").status_code == 200
