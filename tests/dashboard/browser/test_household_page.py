"""The household's page in a browser: wide and narrow, with keys, without scripts, its weight."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dashboard.browser.conftest import PHONE, WIDE, Pages, sign_in
from tests.dashboard.browser.judging import judged, unfold
from tests.dashboard.running import Running

pytestmark = pytest.mark.browser

HUGE = {"width": 2560, "height": 1440}
NARROW = {"width": 320, "height": 640}
TABLET = {"width": 768, "height": 1024}
PATHS = (
    *("/", "/?month=2026-01&text=a&label=person", "/events/1", "/account/users"),
    *("/account/security", "/help/api"),
)
WEIGHT_MAX = 200_000
WHOLE = """cards => cards.filter(card => {
    const box = card.getBoundingClientRect();
    return box.height > 0 && box.top >= 0 && box.bottom <= innerHeight;
}).length"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "viewport", [NARROW, PHONE, TABLET, WIDE, HUGE], ids=["320", "phone", "768", "wide", "2560"]
)
def test_axe_finds_nothing_and_nothing_is_cut_off_at_any_width(
    sampled: tuple[Running, str], open_page: Pages, axe: str, scheme: str, viewport: Any
) -> None:
    """With everything unfolded, in light and dark."""
    running, _ = sampled
    page = open_page(running.url, color_scheme=scheme, viewport=viewport, bypass_csp=True)
    sign_in(page, running.url)
    found: list[str] = []
    for path in PATHS:
        page.goto(running.url + path)
        page.wait_for_load_state()
        unfold(page)
        found += judged(page, axe)
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > viewport["width"]:
            found.append(f"{path} is {wide} pixels wide")
    assert found == []


def test_a_large_screen_shows_more_than_twelve_visits(
    sampled: tuple[Running, str], open_page: Pages
) -> None:
    """Whole cards, without scrolling, below today's figures."""
    running, _ = sampled
    page = sign_in(open_page(running.url, viewport=HUGE), running.url)
    assert page.locator("#timeline .card").evaluate_all(WHOLE) > 12


def test_the_timeline_weighs_at_most_200_kb_with_30_pictures(
    sampled: tuple[Running, str], open_page: Pages
) -> None:
    """All bytes of a first visit: the page, its files, and pictures that are not in view too."""
    running, _ = sampled
    page = sign_in(open_page(running.url), running.url)
    for one in page.get_by_role("button", name="All seen").all():
        one.click()
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    weights: list[int] = []
    session.on("Network.loadingFinished", lambda done: weights.append(done["encodedDataLength"]))
    # 35 pixels are not enough to reach what follows the first page.
    page.goto(f"{running.url}/?from=2020-01-01")
    page.evaluate("""() => Promise.all([...document.querySelectorAll('.card img')].map(image => {
        image.loading = 'eager';
        image.closest('details')?.setAttribute('open', '');
        return image.decode();
    }))""")
    assert page.locator(".card img").count() >= 25
    assert 0 < sum(weights) <= WEIGHT_MAX


def test_keys_go_through_the_list_and_its_events(
    sampled: tuple[Running, str], open_page: Pages
) -> None:
    """J and k move, Enter opens, j goes on to the older event, u goes back; and they can be off."""
    running, _ = sampled
    page = sign_in(open_page(running.url), running.url)
    page.goto(f"{running.url}/?label=person")
    links = page.locator("#timeline .card h3 a")
    first, second = links.nth(0).get_attribute("href"), links.nth(1).get_attribute("href")
    for key in ("j", "j", "k", "j"):
        page.keyboard.press(key)
    assert page.evaluate("document.activeElement.getAttribute('href')") == second
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{second}")
    page.keyboard.press("k")
    page.wait_for_url(f"**{first}")
    page.keyboard.press("u")
    page.wait_for_url("**/?label=person")
    page.locator("[data-filters]").evaluate("form => form.closest('details').open = true")
    page.get_by_label("Text in names").press("j")
    assert page.get_by_label("Text in names").input_value() == "j"
    page.get_by_role("button", name="Turn keys off").click()
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.textContent") == "Turn keys on"


def test_a_picture_opens_at_full_size_and_closes_with_a_key(
    sampled: tuple[Running, str], open_page: Pages
) -> None:
    """The focus comes back to where it was."""
    running, _ = sampled
    page = sign_in(open_page(running.url), running.url)
    page.goto(f"{running.url}/events/1")
    page.get_by_role("link", name="Full size").press("Enter")
    page.get_by_role("dialog").get_by_role("img").wait_for()
    page.get_by_role("button", name="Larger").click()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    assert page.evaluate("document.activeElement.textContent") == "Full size"
    with page.expect_download() as kept:
        page.get_by_role("link", name="Download").click()
    assert kept.value.suggested_filename == "event-1.jpg"


def test_finding_and_marking_work_without_scripts(
    sampled: tuple[Running, str], open_page: Pages
) -> None:
    """The form, the calendar, the chips, the button and the neighbours are plain HTML."""
    running, _ = sampled
    page = open_page(running.url, java_script_enabled=False)
    sign_in(page, running.url)
    page.locator("summary", has_text="Find").click()
    page.get_by_label("Text in names").fill("person")
    page.get_by_role("button", name="Show", exact=True).click()
    page.get_by_role("link", name="Remove the filter Text: person").click()
    page.locator("summary", has_text="Find").click()
    page.locator(".month td a.some").first.click()
    page.get_by_role("link", name="Remove the filter Day").wait_for()
    page.locator("#timeline .card h3 a").first.click()
    page.get_by_role("link", name="Older").click()
    page.get_by_role("link", name="Timeline").first.click()
    page.get_by_role("heading", name="Timeline").wait_for()


def test_the_worker_keeps_the_programs_files_and_nothing_of_the_log(
    sampled: tuple[Running, str], open_page: Pages
) -> None:
    """After pages, events and pictures were seen; and a lost network is said."""
    running, _ = sampled
    page = sign_in(open_page(running.url), running.url)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    for path in ("/", "/events/1", "/people", "/api/persons", "/"):
        page.goto(running.url + path)
        page.wait_for_load_state()
    kept = page.evaluate("""async () => {
        const found = [];
        for (const name of await caches.keys())
            for (const request of await (await caches.open(name)).keys())
                found.push(new URL(request.url).pathname);
        return found;
    }""")
    assert "/static/dashboard.css" in kept
    assert [path for path in kept if not path.startswith("/static/")] == []


def test_the_title_has_the_number_of_what_waits_and_follows_it(
    sampled: tuple[Running, str], open_page: Pages
) -> None:
    """All seen takes it away."""
    running, _ = sampled
    page = sign_in(open_page(running.url), running.url)
    if page.get_by_role("button", name="All seen").count():
        waiting = page.locator("#today").get_attribute("data-waiting")
        assert page.title().startswith(f"({waiting}) ")
        page.get_by_role("button", name="All seen").click()
        page.get_by_text("All is seen.").wait_for()
    assert page.title() == "Timeline · The door"


def test_a_shared_link_is_opened_by_its_script(
    sampled: tuple[Running, str], open_page: Pages
) -> None:
    """The secret leaves the address, is in no request's address, and the picture is shown."""
    running, _ = sampled
    owner = sign_in(open_page(running.url), running.url)
    owner.goto(f"{running.url}/events/1")
    owner.get_by_role("link", name="Share").click()
    owner.get_by_role("button", name="Make a link").click()
    link = owner.locator(".once code").inner_text()
    secret = link.partition("#")[2]
    guest = open_page(running.url)
    asked: list[str] = []
    guest.on("request", lambda request: asked.append(request.url + str(request.headers)))
    guest.goto(link)
    picture = guest.get_by_role("img", name="Picture of the event")
    picture.wait_for()
    assert picture.evaluate("image => image.naturalWidth") > 0
    assert secret not in guest.url
    assert [one for one in asked if secret in one.replace(f"#{secret}", "")] == []
