"""How the pages look: screenshots for the docs, and axe-core's judgement of each page."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.dashboard.browser.conftest import PHONE, WIDE, Pages, sign_in
from tests.dashboard.browser.judging import PATHS, an_event, judged, unfold
from tests.dashboard.running import Running

pytestmark = pytest.mark.browser

# Resolves when the pictures that the screen shows are there.
SHOWN = """() => Promise.all([...document.images]
    .filter(image => !image.complete && image.checkVisibility())
    .filter(image => image.getBoundingClientRect().top < innerHeight)
    .map(image => new Promise(done => { image.onload = image.onerror = done; })))"""
COLOURS = 160


@pytest.fixture
def screenshots(tmp_path: Path) -> Path:
    """Where screenshots go: $EVENTLOG_SCREENSHOTS as `make browser` says it, else away."""
    folder = Path(os.environ.get("EVENTLOG_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_no_page_has_an_accessibility_fault(
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
        unfold(page)
        found += judged(page, axe)
    assert found == []


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
