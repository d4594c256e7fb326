"""The Health page says what is kept for how long, how much room it takes, and where names are."""

from __future__ import annotations

from typing import Any

import pytest

from eventlog.run.around import Around
from eventlog.run.config_file import parse
from eventlog.run.health import Board
from tests.dashboard.house import VISIT, House

pytestmark = pytest.mark.anyio

LOG = 'log = { db = "/x/events.db", thumbnails = "/x/thumbnails" }\n'


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", "Nothing is deleted automatically."),
        ('retain = { age = "90d" }', "Pictures are deleted after 90 days."),
    ],
)
async def test_the_page_says_what_is_kept(house: House, table: str, said: str) -> None:
    """By the config of the process around it; a dashboard alone deletes nothing."""
    await house.append(*VISIT)
    around: Any = Around(parse(LOG + table), Board(), lambda: None)
    house.site.running = around if table else None
    async with await house.signed_in() as client:
        page = (await client.get("/status")).text
    assert said in page
    assert "of pictures" in page
    assert "in clear" in page
