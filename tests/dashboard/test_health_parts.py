"""The page Health names the parts and sources of the running door around it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import pytest

from eventlog.errors import BadPayload
from eventlog.facts import Motion
from eventlog.followers import checkpoints
from eventlog.followers.checkpoints import REACTOR
from eventlog.run.around import Around
from eventlog.run.config_file import parse
from eventlog.run.health import Board
from eventlog.sources.feed import Tally
from eventlog.store.event_store import engine_of
from tests.dashboard.house import House

pytestmark = pytest.mark.anyio

CONFIG: Final = """
log = { db = "events.db", thumbnails = "thumbnails" }
[source.bell]
kind = "webhook"
fact = "ding"
id = "id"
fields = { camera_id = "= front_door", recorded_at = "at" }
"""


async def tiles(house: House) -> dict[str, dict[str, str]]:
    """The tiles Sources and Parts: what stands beside each name, without its tags' attributes."""
    async with await house.signed_in() as client:
        page = (await client.get("/status")).text
    found: dict[str, dict[str, str]] = {}
    for title in ("Sources", "Parts"):
        tile = page.partition(f"<h2>{title}</h2>")[2].partition("</section>")[0]
        rows = tile.split("<dt>")[1:]
        found[title] = {row.partition("</dt>")[0]: row.partition("<dd")[2] for row in rows}
    return found


async def test_sources_say_when_they_were_last_heard(house: House) -> None:
    """And which are silent, what was found late, and how much of what they send becomes nothing."""
    board = Board()
    board.taken("bell", Tally(skipped={"kind on_demand": 2}, refused={"no id": 1}))
    board.reconciled("bell", Tally(), late=4)
    board.source("frigate").silent = True
    house.site.running = Around(parse(CONFIG), board, lambda: None)
    sources = (await tiles(house))["Sources"]
    assert "last message" in sources["bell"]
    assert "4 found late in its history, 3 messages or fields left out" in sources["bell"]
    assert "no message yet" in sources["frigate"]
    assert 'class="bad">silent<' in sources["frigate"]


async def test_parts_say_whether_they_run_and_how_far_they_have_read(house: House) -> None:
    """A part that stopped is marked, with the error; a reactor says what it has yet to do."""
    board = Board()
    board.part("alerts", "running")
    board.part("mqtt", "stopped", error="OSError 111")
    house.site.running = Around(parse(CONFIG), board, lambda: None)
    await house.append(Motion(recorded_at=datetime.now(UTC), camera_id="front_door"))
    await engine_of(house.site.store).writer.run(
        lambda connection: checkpoints.reset(connection, f"{REACTOR}alerts", 1)
    )
    parts = (await tiles(house))["Parts"]
    assert parts["alerts"].startswith(' class="good">running, ')
    assert "records behind" in parts["alerts"]
    assert parts["mqtt"].startswith(' class="bad">stopped by OSError 111, restarted once<')


async def test_a_dashboard_alone_has_neither(house: House) -> None:
    """There are no parts."""
    assert await tiles(house) == {"Sources": {}, "Parts": {}}


def test_a_webhook_is_heard() -> None:
    """Each message counts, also one that is refused."""
    board = Board()
    around = Around(parse(CONFIG), board, lambda: None)
    around.read_hook("bell", b'{"id": 1, "at": "2026-02-25T10:30:00Z"}')
    with pytest.raises(BadPayload):
        around.read_hook("bell", b'{"id": 1}')
    (bell,) = board.look().sources
    assert bell.messages == 2
    assert sum(bell.refused.values()) == 1
