"""A long history in a real browser: filters and scrolling at 100,000 events."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from eventlog import codecs
from eventlog.facts import Detection, Ding, FaceResult, Motion, UnlockAction
from eventlog.journal.append import Append, prepare
from eventlog.projections.times import since_epoch_us
from tests.dashboard.browser.conftest import Pages, accounts, sign_in
from tests.dashboard.house import AT
from tests.dashboard.running import Running
from tests.support.logs import build_log

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EVENTS = 100_000
ROUNDS = 12


def visit(number: int) -> Append:
    """Every tenth rings, every hundredth is a stranger who is refused, every thousandth a fox."""
    at = AT + timedelta(minutes=10 * number)
    opener = Ding if number % 10 == 0 else Motion
    facts: list[Any] = [opener(camera_id=f"camera{number % 4}", recorded_at=at)]
    facts.append(Detection(label="fox" if number % 1000 == 0 else "person", confidence=0.8))
    if number % 100 == 0:
        facts.append(FaceResult(distance=0.8, tolerance=0.6))
        facts.append(UnlockAction(granted=False, actor="face", rule="strangers ring"))
    # Appended as it happened: a time far ahead of its append would not be believed.
    # Without the clock of a boot, which would stand still beside it.
    meta = codecs.encode_meta({})
    return replace(prepare(facts), appended_at_us=since_epoch_us(at), meta=meta)


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A dashboard over a hundred thousand events."""
    folder: Path = tmp_path_factory.mktemp("long")
    build_log(folder / "events.db", [visit(number) for number in range(1, EVENTS + 1)])
    accounts(folder)
    with Running(folder) as running:
        yield running


def scrolled(page: Any, rounds: int) -> list[int]:
    """The ids on a page after scrolling to its end so many times."""
    for _ in range(rounds):
        before = page.locator(".card").count()
        page.locator(".more").scroll_into_view_if_needed()
        page.locator(f".card >> nth={before}").wait_for(state="attached")
    return [
        int(text)
        for text in page.evaluate(
            "[...document.querySelectorAll('.card')].map(card => card.dataset.id)"
        )
    ]


def test_scrolling_goes_on_without_a_gap_or_a_repeat(long: Running, open_page: Pages) -> None:
    """From the newest on, one by one, and from any cursor as deep as the history."""
    page = sign_in(open_page(long.url), long.url)
    ids = scrolled(page, ROUNDS)
    assert ids == list(range(EVENTS, EVENTS - len(ids), -1))
    assert len(ids) == 30 * (ROUNDS + 1)


def test_a_filter_finds_the_few_among_the_many(long: Running, open_page: Pages) -> None:
    """The rare ones of all the history, in order, down to the very first."""
    page = sign_in(open_page(long.url), long.url)
    page.goto(f"{long.url}/?label=fox&outcome=refused&stranger=1")
    assert scrolled(page, 3) == list(range(EVENTS, 0, -1000))
    page.locator(".more").wait_for(state="detached")
    assert page.locator(".card").count() == 100
    page.goto(f"{long.url}/?camera=camera1&type=ding")
    page.locator(".empty").wait_for()
