"""A record that damage has hit is shown as unreadable, on the stream and on pages."""

from __future__ import annotations

import asyncio

import pytest

from eventlog.dashboard import live_stream as stream
from eventlog.dashboard.pages.event_story import raw
from eventlog.followers.cursor import Cursor
from eventlog.projections import story
from eventlog.record import StoredRecord
from tests.dashboard.house import VISIT, House
from tests.dashboard.test_stream import welcome
from tests.support.logs import guards_down

pytestmark = pytest.mark.anyio

DAMAGE = [
    {"appended_at": 10**18},
    {"appended_at": -(10**18)},
    {"appended_at": b"x"},
    {"hash": b""},
    {"hash": "text"},
    {"kind": b"\xff"},
]


async def first_row(house: House) -> StoredRecord:
    """The first record of a visit."""
    await house.append(*VISIT)
    (row, *_) = await house.site.pages.story(1)
    return row


@pytest.mark.parametrize("columns", DAMAGE)
async def test_a_damaged_record_has_its_frame_and_its_place_on_the_page(
    house: House, columns: dict[str, object]
) -> None:
    """With what can be read of it; the records around it are not kept back."""
    row = (await first_row(house))._replace(**columns)  # type: ignore[arg-type]  # damage
    assert stream.frame(row).startswith(b"id: 1")
    assert stream.plain_record(row)["position"] == "1"
    shown = raw(row, story.read(row), "an unknown writer")
    assert (shown.position, type(shown.appended_at)) == (1, str)
    if "appended_at" in columns:
        assert stream.plain_record(row)["appended_at"] is None
        assert "unreadable" in stream.plain_record(row)
        assert shown.appended_at == "not a date"


async def test_a_damaged_time_does_not_end_the_stream(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The listener gets the damaged record and the one after it."""
    read = house.site.broadcast._read

    async def damaged(after: int) -> list[StoredRecord]:
        rows = await read(after)
        return [row._replace(appended_at=10**18) if row.position == 2 else row for row in rows]

    monkeypatch.setattr(house.site.broadcast, "_read", damaged)
    await house.append(*VISIT)
    frames = house.site.broadcast.listen(Cursor(0), may_continue=welcome, heartbeat_s=15)
    got = b""
    async with asyncio.timeout(60):
        async for chunk in frames:
            got += chunk
            if got.count(b"event: record") == 4:
                break
    assert b'"unreadable":"its time of append is not a date"' in got


async def test_an_event_whose_records_are_lost_has_its_page(house: House) -> None:
    """The views may still show what a restored journal has lost."""
    await house.append(*VISIT)
    with guards_down(house.site.settings.db_path) as connection:
        connection.execute("DELETE FROM journal")
    async with await house.signed_in() as client:
        for path in ("/events/1", "/events/1/proof", "/api/events/1", "/"):
            assert (await client.get(path)).status_code < 500, path
