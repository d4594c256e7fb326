"""Small and large screens in a real browser: nothing scrolls sideways, and all is easily hit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.dashboard.browser.conftest import PHONE, Pages, sign_in
from tests.dashboard.browser.judging import PATHS, an_event, judged, unfold
from tests.dashboard.running import Running

pytestmark = pytest.mark.browser

SMALLEST = {"width": 320, "height": 640}
LARGE = {"width": 2560, "height": 1440}
TABLET = {"width": 1024, "height": 768}
ALL_PATHS = (*PATHS, "/proof", "/?camera=nothing", "/?before=2030-01-01T00:00:00~1")

# What can be hit, but for links in the middle of a sentence; a tick is hit by its label.
TOO_SMALL = """() => [...document.querySelectorAll(
        'a, button, input:not([type=hidden]), select, summary')]
    .map(one => one.closest('label.tick') ?? one)
    .filter(one => one.checkVisibility() && !one.matches('.skip'))
    .filter(one => !(one.matches('p a') && !one.matches(':only-child, .exports a, .parts a')))
    .map(one => [one.outerHTML.slice(0, 120), one.getBoundingClientRect()])
    .filter(([, box]) => box.width && (box.width < 44 || box.height < 44))
    .map(([html, box]) => `${Math.round(box.width)}x${Math.round(box.height)} ${html}`)"""


def visited(page: Any, url: str) -> Iterator[str]:
    """Each page in turn, unfolded, the login page first."""
    page.goto(url)
    page.get_by_label("Keep me signed in").check()
    unfold(page)
    yield "/login"
    sign_in(page, url)
    for path in (*ALL_PATHS, an_event(page, url), "/nothing"):
        page.goto(url + path)
        page.wait_for_load_state()
        unfold(page)
        yield path


# Words of a table's cells that are on more than one line.
BROKEN_WORDS = """() => {
    const found = [];
    for (const cell of document.querySelectorAll('td')) {
        const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
        while (texts.nextNode()) {
            for (const word of texts.currentNode.data.matchAll(/[^\\s-]+/g)) {
                const range = document.createRange();
                range.setStart(texts.currentNode, word.index);
                range.setEnd(texts.currentNode, word.index + word[0].length);
                const lines = new Set([...range.getClientRects()].map(box => Math.round(box.top)));
                if (lines.size > 1) found.push(word[0]);
            }
        }
    }
    return found;
}"""


# Texts of which another one, or a button, covers a part.
COVERED = """() => {
    const texts = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
    const found = [];
    const boxes = [];
    while (texts.nextNode()) {
        const { currentNode: text } = texts;
        if (!text.data.trim() || !text.parentElement.checkVisibility()) continue;
        if (text.parentElement.closest('.hidden, .zone, pre, svg, option, thead')) continue;
        const range = document.createRange();
        range.selectNodeContents(text);
        boxes.push(...[...range.getClientRects()].map(box => [text, box]));
    }
    for (const one of document.querySelectorAll('main :is(button, input, select, .chip)'))
        if (one.checkVisibility()) boxes.push([one, one.getBoundingClientRect()]);
    for (const [text, box] of boxes) {
        if (text.nodeType !== Node.TEXT_NODE) continue;
        for (const [other, over] of boxes) {
            if (other === text || other.contains(text)) continue;
            const wide = Math.min(box.right, over.right) - Math.max(box.left, over.left);
            const high = Math.min(box.bottom, over.bottom) - Math.max(box.top, over.top);
            if (wide > 2 && high > 4) found.push(text.data.trim().slice(0, 60));
        }
    }
    return [...new Set(found)];
}"""


@pytest.mark.parametrize("viewport", [SMALLEST, PHONE], ids=["320", "390"])
def test_nothing_covers_a_text_on_a_phone(
    sampled: tuple[Running, str], open_page: Pages, viewport: Any
) -> None:
    """No chip lies on a time, and no button on the name of a device."""
    running, _ = sampled
    page = open_page(running.url, viewport=viewport, has_touch=True, is_mobile=True)
    for path in visited(page, running.url):
        assert page.evaluate(COVERED) == [], path


@pytest.mark.parametrize("viewport", [SMALLEST, PHONE], ids=["320", "390"])
def test_nothing_scrolls_sideways_and_nothing_is_hard_to_hit_on_a_phone(
    sampled: tuple[Running, str], open_page: Pages, viewport: Any
) -> None:
    """Every page, with all its folds open: no wider than the screen, no target under 44 px."""
    running, _ = sampled
    page = open_page(running.url, viewport=viewport, has_touch=True, is_mobile=True)
    for path in visited(page, running.url):
        assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"], path
        assert page.evaluate(TOO_SMALL) == [], path


def test_nothing_is_hard_to_hit_on_a_tablet(sampled: tuple[Running, str], open_page: Pages) -> None:
    """A wide screen that is touched."""
    running, _ = sampled
    page = open_page(running.url, viewport=TABLET, has_touch=True)
    for path in visited(page, running.url):
        assert page.evaluate(TOO_SMALL) == [], path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [SMALLEST, LARGE], ids=["320", "2560"])
def test_axe_finds_nothing_at_the_smallest_and_the_largest_width(
    sampled: tuple[Running, str],
    open_page: Pages,
    axe: str,
    scheme: str,
    viewport: Any,
) -> None:
    """Of any impact."""
    running, _ = sampled
    page = open_page(running.url, color_scheme=scheme, viewport=viewport, bypass_csp=True)
    found = []
    for _ in visited(page, running.url):
        found += judged(page, axe)
    assert found == []


def see_all_pictures(page: Any) -> None:
    """Scroll past every picture that is not folded away, until all of them are there."""
    for shot in page.locator(".card img.shot:visible").all():
        shot.scroll_into_view_if_needed()
    page.wait_for_function(
        """() => [...document.querySelectorAll('.card img.shot')]
            .filter(image => image.checkVisibility()).slice(0, 20)
            .every(image => image.complete)""",
        timeout=60_000,
    )


def loaded(page: Any) -> list[tuple[str, int]]:
    """The pictures and files of a page, with the bytes that came over the wire for each."""
    found: list[tuple[str, int]] = page.evaluate(
        """() => performance.getEntriesByType('resource')
            .filter(one => /static|card|small|picture/.test(one.name))
            .map(one => [one.name, one.transferSize])"""
    )
    return found


def test_lists_ask_for_small_pictures_once(sampled: tuple[Running, str], open_page: Pages) -> None:
    """A second visit asks for no picture and no file; together they weigh little."""
    running, _ = sampled
    page = open_page(running.url, viewport=PHONE)
    sign_in(page, running.url)
    see_all_pictures(page)
    kept = {name for name, size in loaded(page) if size}
    page.goto("about:blank")
    page.goto(running.url)
    see_all_pictures(page)
    again = loaded(page)
    assert len([name for name, _ in again if "/card/" in name and name in kept]) > 10
    assert not [name for name, _ in again if name.endswith("/picture")]
    assert [name for name, size in again if name in kept and size] == []
    widths = page.evaluate(
        """[...document.querySelectorAll('img.shot')]
            .filter(image => image.complete).map(image => image.naturalWidth)"""
    )
    assert 0 < max(widths) <= 256


def test_a_timeline_with_30_pictures_weighs_200_kb_at_most(
    sampled: tuple[Running, str], open_page: Pages
) -> None:
    """The page, its files and its first 30 pictures, for a browser that has none of them."""
    running, _ = sampled
    state = sign_in(open_page(running.url), running.url).context.storage_state()
    page = open_page(running.url, viewport=PHONE, storage_state=state)
    page.goto(running.url)
    page.wait_for_load_state()
    see_all_pictures(page)
    weights = page.evaluate(
        """() => ['navigation', 'resource'].flatMap(kind => performance.getEntriesByType(kind))
            .map(one => [new URL(one.name).pathname, one.transferSize])"""
    )
    # One that the page shows twice comes once.
    pictures = [size for path, size in weights if "/card/" in path and size][:30]
    assert len(pictures) > 20
    # Those that are folded away weigh as much when they are unfolded.
    of_thirty = sum(pictures) / len(pictures) * 30
    others = [size for path, size in weights if path == "/" or path.startswith("/static/")]
    assert of_thirty + sum(others) <= 200_000


def test_no_table_breaks_words_on_a_phone(sampled: tuple[Running, str], open_page: Pages) -> None:
    """A cell is at least as wide as its longest word; a table that is too wide scrolls."""
    running, _ = sampled
    page = open_page(running.url, viewport=PHONE)
    sign_in(page, running.url)
    for path in ("/account/security", "/decide?tolerance=0.4", "/unlocks"):
        page.goto(running.url + path)
        assert page.locator("td").count() > 0, path
        assert page.evaluate(BROKEN_WORDS) == [], path
