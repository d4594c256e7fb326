"""A real browser, and dashboards in processes of their own for it to look at.

Debian's Chromium, driven by Playwright. Without either, a test that needs them is skipped and
says what is missing.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import anyio
import pytest

from eventlog.dashboard.manage import add_token, add_user
from eventlog.pictures.thumbnails import Thumbnails
from eventlog.sources.simulator import play, sample_day
from eventlog.store.event_store import EventStore
from tests.dashboard.house import OWNER, PASSWORD
from tests.dashboard.running import Running

playwright = pytest.importorskip(
    "playwright.sync_api", reason="Playwright is not installed: the group `browser`"
)

WIDE = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
Pages = Callable[..., Any]
# Errors of the console that a test may bring about: what is refused, and a dashboard that has ended
# while its page is still open.
EXPECTED = ("status of 40", "net::ERR_CONNECTION_REFUSED")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One Chromium for all tests."""
    binary = shutil.which("chromium") or shutil.which("chromium-browser")
    if binary is None:
        pytest.skip("there is no chromium: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        # A sandbox needs rights that a container or root does not have.
        opened = driver.chromium.launch(executable_path=binary, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Pages]:
    """Pages that fail the test at any script error, dialog, or request that leaves the origin."""
    contexts: list[Any] = []
    faults: list[str] = []

    def opened(url: str, **options: Any) -> Any:
        context = browser.new_context(
            **{"viewport": WIDE, "timezone_id": "Europe/Berlin", "locale": "en-GB", **options}
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: faults.append(f"script: {error}"))
        page.on("dialog", lambda dialog: faults.append(f"dialog: {dialog.message}"))
        page.on(
            "console",
            lambda said: (
                faults.append(f"console: {said.text}")
                if said.type == "error" and not any(one in said.text for one in EXPECTED)
                else None
            ),
        )
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith(url)
                else faults.append(f"leaves the origin: {request.url}")
            ),
        )
        return page

    yield opened
    for context in contexts:
        context.close()
    assert faults == []


def sign_in(page: Any, url: str) -> Any:
    """The timeline, signed in by password."""
    page.goto(url)
    page.get_by_label("Name").fill(OWNER)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Timeline").wait_for()
    return page


def accounts(folder: Path) -> str:
    """A user with a password, and a token that appends."""
    path = str(folder / "events.db")
    add_user(path, OWNER, PASSWORD)
    return add_token(path, "pipeline", ["append"])


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, str]]:
    """A dashboard over five sample days that end an hour ago, and a token that appends."""
    folder = tmp_path_factory.mktemp("sampled")
    token = accounts(folder)

    async def fill() -> None:
        until = datetime.now(UTC) - timedelta(hours=1)
        thumbnails = Thumbnails(folder / "thumbnails")
        async with EventStore(str(folder / "events.db"), str(folder / "thumbnails")) as store:
            for back in range(4, -1, -1):
                day = sample_day((until - timedelta(days=back)).date(), seed=back)
                await play(store, thumbnails, [v for v in day if v.recorded_at < until])
            await store.caught_up(await store.reader.last_position())

    # Playwright has a loop of its own on this thread.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(anyio.run, fill).result()
    with Running(folder, "Europe/Berlin") as running:
        yield running, token


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core's source, as a package of the group `browser` brings it."""
    package = pytest.importorskip(
        "axe_playwright_python", reason="axe-core is not installed: the group `browser`"
    )
    return (files(package) / "axe.min.js").read_text(encoding="utf-8")
