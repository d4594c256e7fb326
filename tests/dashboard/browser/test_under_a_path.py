"""The dashboard under a path of a shared address, in a real browser: no request leaves the path."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dashboard.browser.appending import append, now
from tests.dashboard.browser.conftest import Pages, accounts, sign_in
from tests.dashboard.browser.judging import PATHS
from tests.dashboard.running import Running

pytestmark = pytest.mark.browser

UNTIL_MS = 60_000


def test_everything_works_under_a_path(tmp_path: Path, open_page: Pages) -> None:
    """Signing in, every page, live cards, a live event, back and signing out."""
    token = accounts(tmp_path)
    with Running(tmp_path, path="/api/hassio_ingress/x-1") as running:
        assert running.url.endswith("/api/hassio_ingress/x-1")
        # `open_page` fails at any request that does not begin with this address.
        page = sign_in(open_page(running.url), running.url)
        page.locator("#live[data-state=on]").wait_for(timeout=UNTIL_MS)
        ding = {"kind": "ding", "camera_id": "front_door", "recorded_at": now()}
        event_id = append(running, token, ding)
        page.locator(f"#event-{event_id} h3 a").click(timeout=UNTIL_MS)
        page.get_by_text("Nothing asked the lock to act").wait_for()
        unlock = {"kind": "unlock_action", "granted": True, "door_action": "unlocked"}
        append(running, token, unlock, event_id=event_id)
        page.get_by_text("The door was unlocked").first.wait_for(timeout=UNTIL_MS)
        page.locator(".back a").click()
        page.get_by_role("heading", name="Timeline").wait_for()
        for path in PATHS:
            page.goto(running.url + path)
            page.wait_for_load_state()
            assert page.locator("h1").inner_text() != "There is nothing here"
        for link in page.locator("nav a").all():
            assert str(link.get_attribute("href")).startswith("/api/hassio_ingress/x-1/")
        page.get_by_role("button", name="Sign out", exact=True).click()
        page.get_by_role("heading", name="The door").wait_for()


def test_a_page_of_the_same_address_shows_it_in_a_frame(tmp_path: Path, open_page: Pages) -> None:
    """As Home Assistant shows an add-on; the visitor is signed in there as well."""
    accounts(tmp_path)
    with Running(tmp_path, path="/door") as running:
        origin = running.url.removesuffix("/door")
        page = open_page(origin)
        sign_in(page, running.url)
        page.route(
            f"{origin}/around",
            lambda route: route.fulfill(
                content_type="text/html", body=f'<iframe src="{running.url}/"></iframe>'
            ),
        )
        page.goto(f"{origin}/around")
        frame = page.frame_locator("iframe")
        frame.get_by_role("heading", name="Timeline").wait_for()
        frame.locator("#live[data-state=on]").wait_for(timeout=UNTIL_MS)
