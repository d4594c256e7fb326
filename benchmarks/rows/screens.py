"""The timeline in a browser that has one core: its first paint, and what changes without a reload.

Chromium is pinned to a core by `taskset`, the dashboard runs in a process of its own over the large
log. A first paint is that of a browser that has none of the page's files; a change is timed from
the key or the click to the end of the frame that shows it. The browser's processor time until then
is shown too: on a machine that does something else it is nearer to what a free core needs.
"""

from __future__ import annotations

import importlib
import os
import shutil
from pathlib import Path
from typing import Any, Final

import httpx

from benchmarks.bench import Bench
from benchmarks.measures import Row, Series, figure
from benchmarks.processor_time import used_ms
from benchmarks.rows.pages import motion, served
from tests.dashboard.running import Running

ROUNDS: Final = (15, 3)
CORE: Final = 0
PAINT_MS: Final = 300
CHANGE_MS: Final = 100
PHONE: Final = {"width": 390, "height": 844}
PAINT: Final = """() => new Promise(resolve => {
    const found = list => list.getEntriesByName('first-contentful-paint')[0]?.startTime;
    const there = found(performance);
    if (there !== undefined) return resolve(there);
    new PerformanceObserver(list => found(list) !== undefined && resolve(found(list)))
        .observe({ type: 'paint', buffered: true });
})"""
# A message is taken after the frame that the animation callback belongs to.
_PAINTED: Final = """const painted = () => new Promise(resolve => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => resolve(performance.now());
    port2.postMessage(null);
}));"""
KEY: Final = f"""async key => {{
    {_PAINTED}
    const began = performance.now();
    document.dispatchEvent(new KeyboardEvent('keydown', {{ key, bubbles: true }}));
    return await painted() - began;
}}"""
CLICK: Final = f"""async selector => {{
    {_PAINTED}
    const changed = new Promise(resolve =>
        document.addEventListener('door:added', resolve, {{ once: true }}));
    const began = performance.now();
    document.querySelector(selector).click();
    await changed;
    return await painted() - began;
}}"""


async def screens(bench: Bench) -> Row:
    """First paints, and changes by keys and clicks."""
    events = bench.sizes[-1]
    name = f"timeline in Chromium on one core, {events:,} events"
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    try:
        # By its name: it is installed for browsers only, and mypy need not know it.
        playwright: Any = importlib.import_module("playwright.async_api")
    except ImportError:
        return Row(name=f"{name}: Playwright is not installed, nothing was measured", figures=[])
    if chromium is None or shutil.which("taskset") is None:
        return Row(name=f"{name}: needs chromium and taskset, nothing was measured", figures=[])
    async with (
        bench.spare() as folder,
        served(bench, events) as (running, tokens),
        playwright.async_playwright() as driver,
    ):
        opened = await driver.chromium.launch(
            executable_path=_pinned(folder, chromium), args=["--no-sandbox"]
        )
        found, processor = await _measured(opened, running, tokens[0], bench.size(*ROUNDS))
        await opened.close()
    return Row(
        name=name,
        figures=[
            figure(what, some, "ms", at_most=PAINT_MS if "paint" in what else CHANGE_MS)
            for what, some in found.items()
        ],
        series=[
            Series(f"{what}, the browser's processor time", "ms", some)
            for what, some in processor.items()
        ],
    )


def _pinned(folder: Path, chromium: str) -> Path:
    """A program that runs Chromium on one core."""
    program = folder / "chromium-on-one-core"
    program.write_text(f'#!/bin/sh\nexec taskset -c {CORE} {chromium} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return program


async def _measured(
    browser: Any,  # noqa: ANN401 - Playwright's
    running: Running,
    token: str,
    rounds: int,
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    page = await browser.new_page()
    await page.goto(running.link)
    await page.locator("#today").wait_for()
    state = await page.context.storage_state()
    await page.context.close()
    found: dict[str, list[float]] = {}
    processor: dict[str, list[float]] = {}

    async def note(what: str, script: str, argument: str = "", began_ms: float = 0.0) -> None:
        began_ms = began_ms or used_ms("chromium", os.getpid())
        found.setdefault(what, []).append(await page.evaluate(script, argument))
        used = used_ms("chromium", os.getpid()) - began_ms
        processor.setdefault(what, []).append(used)

    for _ in range(rounds):
        context = await browser.new_context(viewport=PHONE, storage_state=state)
        page = await context.new_page()
        began_ms = used_ms("chromium", os.getpid())
        await page.goto(running.url, wait_until="commit")
        await note("first paint", PAINT, began_ms=began_ms)
        await _live(page)
        for key in ("j", "j", "k"):
            await note(f"key {key}", KEY, key)
        await page.goto(f"{running.url}/?label=person&camera=front_door")
        await _live(page)
        await note("a chip removed", CLICK, ".chips a.chip")
        await _stranger(running, token)
        await page.goto(running.url)
        await _live(page)
        await note("all seen", CLICK, "#today form button")
        await context.close()
    return found, processor


async def _live(page: Any) -> None:  # noqa: ANN401 - Playwright's
    await page.locator("#live[data-state=on]").wait_for()


async def _stranger(running: Running, token: str) -> None:
    """One more event that waits for a look."""
    face = {"kind": "face_result", "distance": 0.8, "tolerance": 0.5}
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=running.url, headers=headers) as client:
        answer = await client.post("/api/facts", json={"facts": [motion(), face]})
    assert answer.status_code == 201, answer.text
