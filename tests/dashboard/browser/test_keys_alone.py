"""Every page by the keyboard alone, and what works without scripts, in a real browser."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dashboard.browser.conftest import PHONE, WIDE, Pages, sign_in
from tests.dashboard.browser.judging import an_event
from tests.dashboard.running import Running

pytestmark = pytest.mark.browser

# Each stop of the tab key gets a number; the marks are those that are still without one.
STOPS = """() => {
    const stops = [...document.querySelectorAll(
            'a[href], button, input:not([type=hidden]), select, summary, [tabindex="0"]')]
        .filter(one => one.checkVisibility() && !one.disabled && !one.matches('.skip'));
    stops.forEach(one => { one.dataset.stop = ''; });
    return stops.length;
}"""
# What has the focus, '' where it can be seen: it has an outline, and nothing lies on it.
HIDDEN = """() => {
    const one = document.activeElement;
    delete one.dataset.stop;
    if (one === document.body) return 'body';
    const said = one.outerHTML.slice(0, 160);
    const outlined = [getComputedStyle(one), getComputedStyle(one, '::after')]
        .some(style => style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0);
    // A date's parts are inside the field, where the browser shows which of them has the focus.
    const parted = one.matches('[type=date], [type=time], [type=datetime-local]');
    if (!outlined && !parted) return `no outline: ${said}`;
    const box = one.getClientRects()[0];
    const x = Math.min(box.left + box.width / 2, innerWidth - 1);
    const y = box.top + Math.min(box.height / 2, 20);
    const on = document.elementFromPoint(x, y);
    const row = one.closest('.card, li, label, svg') ?? one;
    return on && (one.contains(on) || row.contains(on)) ? '' : `covered: ${said}`;
}"""


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_the_tab_key_reaches_everything_and_shows_where_it_is(
    sampled: tuple[Running, str], open_page: Pages, viewport: Any
) -> None:
    """In one round through a page; the bar of a phone lies on nothing that has the focus."""
    running, _ = sampled
    page = sign_in(open_page(running.url, viewport=viewport), running.url)
    for path in ("/?label=package", an_event(page, running.url), "/doors", "/account"):
        page.goto(running.url + path)
        page.wait_for_load_state()
        number = page.evaluate(STOPS)
        assert number > 5
        page.keyboard.press("Tab")  # the link to the content, which is shown by it
        found = []
        for _ in range(3 * number):  # a date has a stop for each of its parts
            page.keyboard.press("Tab")
            found.append(page.evaluate(HIDDEN))
            if not page.locator("[data-stop]").count():
                break
        assert [one for one in found if one not in {"", "body"}] == [], path
        missed = page.locator("[data-stop]").evaluate_all("all => all.map(one => one.outerHTML)")
        assert missed == [], path


def test_marking_naming_and_asking_work_without_scripts(
    sampled: tuple[Running, str], open_page: Pages
) -> None:
    """Plain forms: all seen, a face's name and its way back, a moment, another tolerance."""
    running, _ = sampled
    page = open_page(running.url, java_script_enabled=False)
    sign_in(page, running.url)
    page.get_by_role("button", name="All seen").click()
    page.get_by_text("All is seen.").wait_for()
    page.goto(f"{running.url}/?stranger=1")
    page.locator("#timeline .card h3 a").first.click()
    event = page.url
    page.get_by_label("This is").first.fill("grace")
    page.get_by_role("button", name="Save").first.click()
    page.goto(event)
    page.get_by_role("heading", level=1, name="grace").wait_for()
    page.get_by_label("This is").first.fill("")
    page.get_by_role("button", name="Save").first.click()
    page.goto(event)
    page.get_by_role("heading", level=1, name="stranger").wait_for()
    page.goto(f"{running.url}/doors")
    page.get_by_label("As they were at").fill("2026-02-25T10:31")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**/doors?at=*")
    page.goto(f"{running.url}/decide")
    page.get_by_label("Tolerance").fill("0.4")
    page.get_by_role("button", name="Show").click()
    page.get_by_text("would have been refused").wait_for()
