"""The pages that every look goes to, and axe-core's judgement of one."""

from __future__ import annotations

from typing import Any

PATHS = ("/", "/?outcome=refused", "/people", "/unlocks", "/doors", "/status", "/account")


def an_event(page: Any, url: str) -> str:
    """The path of an event with a face, a picture and an unlock."""
    page.goto(f"{url}/?person=ada&outcome=granted")
    href: str = page.locator(".card h3 a").first.get_attribute("href")
    return href


def unfold(page: Any) -> None:
    """Open every fold of a page."""
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")


def judged(page: Any, axe: str) -> list[str]:
    """The serious faults of a page unchanged."""
    page.evaluate(axe)
    result = page.evaluate("axe.run()")
    return [
        f"{page.url}: {fault['id']}: {fault['nodes'][0]['html'][:200]}"
        for fault in result["violations"]
    ]
