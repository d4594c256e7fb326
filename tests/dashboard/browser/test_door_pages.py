"""Doors and devices, faces, a person and another tolerance in a real browser, at every width."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.dashboard.browser.appending import append
from tests.dashboard.browser.conftest import PHONE, WIDE, Pages, sign_in
from tests.dashboard.browser.judging import judged, unfold
from tests.dashboard.browser.test_small_screens import LARGE, SMALLEST, TOO_SMALL
from tests.dashboard.running import Running

pytestmark = pytest.mark.browser

FACTS: list[dict[str, Any]] = [
    {
        "kind": "unlock_action",
        "granted": True,
        "door_action": "unlocked",
        "actor": "keypad",
        "credential_kind": "pin",
        "credential_slot": 2,
        "door_id": "front",
    },
    {"kind": "door_state", "door_id": "front", "state": "open", "source": "zwave"},
    {"kind": "lock_state", "door_id": "front", "state": "jammed", "source": "zwave"},
    {
        "kind": "device_state",
        "device_id": "a bridge with a long name in the cellar under the stairs",
        "what": "battery",
        "state": "low",
        "value": 7,
    },
    {"kind": "credential_presented", "credential_kind": "nfc", "reason": "out_of_hours"},
]


SQUEEZED = "[...document.querySelectorAll('dd')].some(dd => dd.offsetWidth < 96)"


@pytest.fixture(scope="module")
def doors(sampled: tuple[Running, str]) -> Running:
    """The sample days, with what a lock and devices said."""
    running, token = sampled
    for fact in FACTS:
        append(running, token, fact)
    return running


def visited(page: Any, url: str) -> Iterator[str]:
    """Each of these pages in turn."""
    sign_in(page, url)
    for path in ("/doors", "/doors?at=2026-02-25T10:31", "/decide?tolerance=0.4", "/faces"):
        page.goto(url + path)
        page.wait_for_load_state()
        yield path
    page.goto(f"{url}/people")
    page.get_by_role("link", name="Distances, codes and other names").first.click()
    page.wait_for_load_state()
    unfold(page)
    yield "/people/ID"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "viewport", [SMALLEST, PHONE, WIDE, LARGE], ids=["320", "phone", "wide", "2560"]
)
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    doors: Running, open_page: Pages, axe: str, scheme: str, viewport: Any
) -> None:
    """On each of these pages; what can be hit is large enough on a phone."""
    small = viewport in (SMALLEST, PHONE)
    page = open_page(
        doors.url,
        color_scheme=scheme,
        viewport=viewport,
        bypass_csp=True,
        has_touch=small,
        is_mobile=small,
    )
    found: list[str] = []
    for path in visited(page, doors.url):
        found += judged(page, axe)
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > viewport["width"]:
            found.append(f"{path} is {wide} pixels wide")
        if page.evaluate(SQUEEZED):
            found.append(f"{path} has a value that a long name leaves no room")
        if small:
            found += page.evaluate(TOO_SMALL)
        _keep(
            page, f"{path.strip('/').split('?')[0].replace('/', '-')}-{viewport['width']}-{scheme}"
        )
    assert found == []


def _keep(page: Any, name: str) -> None:
    folder = os.environ.get("EVENTLOG_SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_a_slot_is_named_without_a_mouse(doors: Running, open_page: Pages) -> None:
    """The form takes a name and Enter; the opening is then that person's."""
    page = sign_in(open_page(doors.url), doors.url)
    page.goto(f"{doors.url}/doors")
    field = page.get_by_label("Whose Code of slot 2 of front is")
    field.fill("Bo")
    field.press("Enter")
    page.get_by_text("Bo opened with the code of slot 2").wait_for()


def test_a_strangers_face_is_named(doors: Running, open_page: Pages) -> None:
    """Its crop is a picture, and goes when it is named."""
    page = sign_in(open_page(doors.url), doors.url)
    page.goto(f"{doors.url}/faces")
    crop = page.locator("img[alt^='Face 1']").first
    crop.scroll_into_view_if_needed()
    page.wait_for_function("image => image.complete", arg=crop.element_handle())
    assert crop.evaluate("image => image.naturalWidth") > 0
    address = crop.get_attribute("src")
    field = page.get_by_label("This is").first
    field.fill("Cem")
    field.press("Enter")
    page.wait_for_function(
        "src => !document.querySelector(`img[src='${src}']`)", arg=address, timeout=60_000
    )
