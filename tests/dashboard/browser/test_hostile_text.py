"""A hundred pieces of HTML in every field that takes a text, on every page, in a real browser.

`open_page` fails a test at any dialog, script error or request that leaves the origin. Where the
Content-Security-Policy is switched off, the escaping has to hold by itself.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpx
import pytest

from eventlog import EventStore, PersonNamed
from eventlog.dashboard.manage import add_token
from tests.dashboard.browser.conftest import Pages, accounts, sign_in
from tests.dashboard.payloads import HTML, HTML_MAX
from tests.dashboard.running import Running

pytestmark = pytest.mark.browser

# What a payload would have put into the page, had it been taken for more than text.
INJECTED: Final = """() => [...document.querySelectorAll(
    "main script, main iframe, main style, main link, main base, main meta, main [data-more^='//'],"
    + " main img:not([src^='/events/']), a[href^='javascript'], [href^='//'],"
    // The text of a filter stands in our own addresses.
    + "[href*='evil.example']:not([href^='/'])"
), ...[...document.querySelectorAll("*")].filter(
    one => [...one.attributes].some(attribute => attribute.name.startsWith("on"))
)].map(one => one.outerHTML)"""


def facts(text: str) -> list[dict[str, Any]]:
    """A visit with the text in every field that takes one."""
    at = datetime.now(UTC).isoformat()
    return [
        {"kind": "ding", "camera_id": text, "recorded_at": at, "recording_id": text},
        {"kind": "detection", "label": text, "confidence": 0.5, "model": text}
        | {"box": {"x1": 0.1, "y1": 0.1, "x2": 0.9, "y2": 0.9, "unit": "fractions"}},
        {"kind": "face_result", "name": text, "distance": 0.3, "tolerance": 0.6, "model": text},
        {"kind": "unlock_action", "granted": True, "door_action": "unlocked", "person": text}
        | {"rule": text, "actor": text, "door_id": text},
        {"kind": "thumbnail_saved", "path": text},
        {"kind": "alert_sent", "channel": text},
    ]


def post(running: Running, token: str, body: dict[str, Any]) -> str:
    """Append; the answer is the event's id."""
    answer = httpx.post(
        f"{running.url}/api/facts", json=body, headers={"authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["event_id"])


async def named(folder: Path) -> None:
    """Each payload is a person's name, as the household itself would have given it."""
    async with EventStore(str(folder / "events.db"), str(folder / "thumbnails")) as store:
        for text in HTML:
            await store.append(PersonNamed(name=text, display_name=text))


def require_on_text(page: Any, address: str) -> None:
    """Open an address, and find nothing of a payload in it but text."""
    page.goto(address)
    page.wait_for_load_state()
    assert page.evaluate(INJECTED) == [], address


def test_a_hundred_payloads_are_text_on_every_page(tmp_path: Path, open_page: Pages) -> None:
    """Live, on the lists, on each event's own page, in filters, errors and the account's page."""
    token = accounts(tmp_path)
    assert len(set(HTML)) == 100
    assert max(map(len, HTML)) <= HTML_MAX
    for text in HTML:
        if text.isprintable():
            add_token(str(tmp_path / "events.db"), text, ["read"])
    with ThreadPoolExecutor(1) as pool:  # the browser's driver has the event loop of this thread
        pool.submit(lambda: asyncio.run(named(tmp_path))).result()
    with Running(tmp_path) as running:
        live = sign_in(open_page(running.url), running.url)
        live.locator("#live[data-state=on]").wait_for()
        ids = [post(running, token, {"facts": facts(text), "key": text}) for text in HTML]
        live.locator(f"#event-{ids[-1]}").wait_for()
        live.wait_for_function("document.querySelectorAll('.card').length >= 100")
        assert live.evaluate(INJECTED) == []

        page = sign_in(open_page(running.url, bypass_csp=True), running.url)
        for path in ("/", "/unlocks"):
            require_on_text(page, running.url + path)
            while page.locator(".more").count():
                page.evaluate("scrollTo(0, document.body.scrollHeight)")
                page.wait_for_timeout(20)
            assert page.evaluate(INJECTED) == []
        for path in ("/status", "/account", *(f"/events/{one}" for one in ids)):
            require_on_text(page, running.url + path)
        for text in HTML[::10]:
            query = urlencode({"camera": text, "person": text, "label": text, "day": text})
            for path in (f"/?{query[: query.rindex('&')]}", f"/?{query}", f"/people?after={query}"):
                require_on_text(page, running.url + path)
            require_on_text(page, f"{running.url}/{quote(text)}")


def test_ids_beyond_what_a_number_holds_stay_exact(tmp_path: Path, open_page: Pages) -> None:
    """A position over 2^53 in a stream is requested with all its digits."""
    accounts(tmp_path)
    position, event_id = 2**53 + 1, 2**53 + 3
    data = f'{{"position":"{position}","event_id":"{event_id}","kind":"ding"}}'
    with Running(tmp_path) as running:
        page = open_page(running.url)
        page.add_init_script("delete window.SharedWorker")  # its requests can't be answered here
        page.route(
            "**/api/stream*",
            lambda route: route.fulfill(
                content_type="text/event-stream",
                body=f"retry: 60000\n\nid: {position}\nevent: record\ndata: {data}\n\n",
            ),
        )
        with page.expect_request("**/timeline/live*") as asked:
            sign_in(page, running.url)
    assert asked.value.url.endswith(f"ids={event_id}&position={position}")
