"""How the pages look: screenshots for the docs, and axe-core's judgement of each page."""

from __future__ import annotations

import os
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.dashboard.browser.conftest import PHONE, WIDE, Pages, sign_in
from tests.dashboard.running import Running

pytestmark = pytest.mark.browser

PATHS = ("/", "/?outcome=refused", "/people", "/unlocks", "/status", "/account")
# Resolves when the pictures that the screen shows are there.
SHOWN = """() => Promise.all([...document.images]
    .filter(image => !image.complete && image.getBoundingClientRect().top < innerHeight)
    .map(image => new Promise(done => { image.onload = image.onerror = done; })))"""
COLOURS = 160
SERIOUS = {"serious", "critical"}


def an_event(page: Any, url: str) -> str:
    """The path of an event with a face, a picture and an unlock."""
    page.goto(f"{url}/?person=ada&outcome=granted")
    href: str = page.locator(".card h3 a").first.get_attribute("href")
    return href


@pytest.fixture(scope="module")
def axe() -> str:
    """axe-core's source, as a package of the group `browser` brings it."""
    package = pytest.importorskip(
        "axe_playwright_python", reason="axe-core is not installed: the group `browser`"
    )
    return (files(package) / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture
def screenshots(tmp_path: Path) -> Path:
    """Where screenshots go: $EVENTLOG_SCREENSHOTS as `make browser` says it, else away."""
    folder = Path(os.environ.get("EVENTLOG_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_no_page_has_a_serious_accessibility_fault(
    sampled: tuple[Running, str], open_page: Pages, axe: str, scheme: str, viewport: Any
) -> None:
    """Contrast, names, roles, order: in light and dark, wide and on a phone."""
    running, _ = sampled
    # The policy stops a script that the page did not bring; here it is the test that brings one.
    page = open_page(running.url, color_scheme=scheme, viewport=viewport, bypass_csp=True)
    page.goto(running.url)
    found = judged(page, axe)
    sign_in(page, running.url)
    for path in (*PATHS, an_event(page, running.url), "/nothing"):
        page.goto(running.url + path)
        page.wait_for_load_state()
        for details in page.locator("details:not([open])").all():
            details.evaluate("details => details.open = true")
        found += judged(page, axe)
    assert found == []


def judged(page: Any, axe: str) -> list[str]:
    """The serious faults of a page unchanged."""
    page.evaluate(axe)
    result = page.evaluate("axe.run()")
    return [
        f"{page.url}: {fault['id']}: {fault['nodes'][0]['html'][:200]}"
        for fault in result["violations"]
        if fault["impact"] in SERIOUS
    ]


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_no_page_is_wider_than_its_screen(
    sampled: tuple[Running, str], open_page: Pages, viewport: Any
) -> None:
    """Nothing is to be scrolled sideways but tables in their own frames."""
    running, _ = sampled
    page = sign_in(open_page(running.url, viewport=viewport), running.url)
    for path in (*PATHS, an_event(page, running.url)):
        page.goto(running.url + path)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= viewport["width"], path


def test_screenshots_for_the_docs(
    sampled: tuple[Running, str], open_page: Pages, screenshots: Path
) -> None:
    """Each page, wide in light and on a phone in the dark."""
    running, _ = sampled
    for name, scheme, viewport in (
        ("wide", "light", WIDE),
        ("phone", "dark", PHONE),
    ):
        page = sign_in(open_page(running.url, color_scheme=scheme, viewport=viewport), running.url)
        event = an_event(page, running.url)
        for what, path in (
            ("timeline", "/"),
            ("event", event),
            ("people", "/people"),
            ("unlocks", "/unlocks"),
            ("health", "/status"),
        ):
            page.goto(running.url + path)
            page.wait_for_load_state()
            page.evaluate(SHOWN)
            target = screenshots / f"{what}-{name}.png"
            shot = Image.open(BytesIO(page.screenshot(animations="disabled")))
            assert shot.size == (viewport["width"], viewport["height"])
            # A palette is a third of the size, and looks the same.
            shot.convert("RGB").quantize(COLOURS).save(target, optimize=True)
