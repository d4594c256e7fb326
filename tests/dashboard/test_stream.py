"""The live stream: every position once and in order, wherever a listener resumes."""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from collections.abc import AsyncIterator

import pytest

from eventlog.dashboard import live_stream as stream
from eventlog.dashboard.server.limits import STREAMS_EACH
from eventlog.facts import PersonNamed
from eventlog.followers import cursor as cursors
from eventlog.followers.cursor import Cursor, CursorLike
from eventlog.journal import table as journal
from eventlog.record import StoredRecord
from tests.dashboard.house import VISIT, House, until

pytestmark = pytest.mark.anyio

ID = re.compile(rb"^id: (\d+)(?::[0-9a-f]{64})?$", re.MULTILINE)


async def welcome() -> bool:
    """Always."""
    return True


def listen(
    house: House, after: CursorLike | None, *, heartbeat_s: float = 15.0
) -> AsyncIterator[bytes]:
    """A listener's frames, without the lead."""
    cursor = None if after is None else cursors.parse(after)
    return house.site.broadcast.listen(cursor, may_continue=welcome, heartbeat_s=heartbeat_s)


async def positions(frames: AsyncIterator[bytes], until: int) -> list[int]:
    """The positions that a listener gets until one."""
    got: list[int] = []
    async with asyncio.timeout(60):
        async for chunk in frames:
            got += [int(found) for found in ID.findall(chunk)]
            if got and got[-1] >= until:
                return got
    return got


async def named(house: House, count: int) -> int:
    """Append so many records; the answer is the last position."""
    last = 0
    for number in range(count):
        receipt = await house.site.store.append(PersonNamed(name=f"p{number}"))
        last = receipt.positions[-1]
    return last


async def test_a_listener_gets_what_comes(house: House) -> None:
    """Without a position it begins at the journal's end; each record comes once, as JSON."""
    await named(house, 3)
    frames = listen(house, None)
    assert await anext(frames) == stream.RETRY
    task = asyncio.create_task(positions(frames, 7))
    await house.append(*VISIT)
    assert await task == [4, 5, 6, 7]


async def test_a_frame_holds_the_record(house: House) -> None:
    """Ids are text, the fact is the fact, the time has its offset."""
    await house.append(*VISIT)
    frames = listen(house, 0)
    await anext(frames)
    lines = (await anext(frames)).decode().split("\n\n")[0].splitlines()
    first = await anext(house.site.store.subscribe())
    assert lines[:2] == [f"id: {first.cursor}", "event: record"]
    record = json.loads(lines[2].removeprefix("data: "))
    assert (record["position"], record["event_id"], record["kind"]) == ("1", "1", "ding")
    assert record["fact"]["camera_id"] == "front_door"
    assert record["appended_at"].endswith("Z")


@pytest.mark.parametrize("kept", [2_000, 7, 1])
async def test_resuming_anywhere_has_no_gap_and_no_repeat(
    house: House, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From each position, with many frames in memory or few, while more are appended."""
    monkeypatch.setattr(stream, "BATCH", 5)
    house.site.broadcast._frames = deque(maxlen=kept)
    last = await named(house, 40)
    listeners = [
        asyncio.create_task(positions(listen(house, after), 60)) for after in range(last + 1)
    ]
    await asyncio.sleep(0)
    assert await named(house, 20) == 60
    for after, got in enumerate(await asyncio.gather(*listeners)):
        assert got == list(range(after + 1, 61))


async def test_a_listener_from_the_future_is_told(house: House) -> None:
    """If the journal ends before the requested position, a reset says so; then it continues."""
    await named(house, 3)
    frames = listen(house, 99)
    await anext(frames)
    assert b"event: reset" in await anext(frames)
    task = asyncio.create_task(positions(frames, 4))
    await named(house, 1)
    assert await task == [4]


async def test_a_listener_with_the_cursor_of_another_history_is_reset(house: House) -> None:
    """After a backup was restored, its position exists with another hash: what it saw is lost."""
    await named(house, 3)
    frames = listen(house, Cursor(2, "0" * 64))
    await anext(frames)
    head = await house.site.store.reader.cursor()
    assert await anext(frames) == (
        f'id: {head}\nevent: reset\ndata: {{"position":"3"}}\n\n'.encode()
    )
    task = asyncio.create_task(positions(frames, 4))
    await named(house, 1)
    assert await task == [4]


async def test_the_id_of_a_frame_is_where_a_client_goes_on(house: House) -> None:
    """A browser sends it back as Last-Event-ID: no gap, no repeat, and no reset."""
    await named(house, 3)
    for after in (1, 2):
        record = await anext(house.site.store.subscribe(after - 1))
        last_id = live_stream_id(await _row_at(house, after))
        assert last_id == record.cursor
        assert await positions(listen(house, last_id), 3) == list(range(after + 1, 4))


def live_stream_id(stored: StoredRecord) -> str:
    """The id of a record's frame, as a browser reads it."""
    return stream.frame(stored).decode().partition("\n")[0].removeprefix("id: ")


async def _row_at(house: House, position: int) -> StoredRecord:
    row = await house.site.pages.run(lambda c: journal.read_one(c, position))
    assert row is not None
    return row


async def test_a_quiet_stream_shows_that_it_lives(house: House) -> None:
    """A heartbeat comes in time: every 15 seconds, unless a test is in a stop_waiting."""
    assert house.site.heartbeat_s == 15.0
    frames = listen(house, None, heartbeat_s=0.01)
    await anext(frames)
    assert await anext(frames) == stream.HEARTBEAT


async def test_a_stream_ends_with_its_session(house: House) -> None:
    """At the next heartbeat after a sign-out, the page is informed and the stream ends."""
    house.site.heartbeat_s = 0.01
    async with await house.signed_in() as client:
        asked = asyncio.create_task(client.get("/api/stream?after=0"))
        await until(lambda: house.site.streams.count == 1)
        await client.post("/sign-out")
        answer = await asked
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text.endswith("event: signed-out\ndata: {}\n\n")
    assert house.site.streams.count == 0


async def test_a_stream_ends_with_its_token(house: House) -> None:
    """A token that was revoked gets no more records."""
    house.site.heartbeat_s = 0.01
    async with await house.program("read") as program, await house.signed_in() as client:
        asked = asyncio.create_task(program.get("/api/stream", headers={"last-event-id": "0"}))
        await until(lambda: house.site.streams.count == 1)
        await client.post("/account/tokens/1/revoke")
        assert "signed-out" in (await asked).text


async def test_closing_ends_every_stream(house: House) -> None:
    """So that a stop does not wait for listeners."""
    await named(house, 2)
    frames = listen(house, 0)
    assert await positions(frames, 2) == [1, 2]
    async with await house.program("read") as program:
        asked = asyncio.create_task(program.get("/api/stream"))
        await until(lambda: house.site.streams.count == 1)
        house.site.broadcast.close()
        assert (await asked).status_code == 200
    assert house.site.streams.count == 0


async def test_one_stream_too_many_is_told_by_its_status(house: House) -> None:
    """429, and the ones that are open go on."""
    async with await house.program("read") as program:
        tasks = [asyncio.create_task(program.get("/api/stream")) for _ in range(STREAMS_EACH)]
        await until(lambda: house.site.streams.count == STREAMS_EACH)
        refused = await program.get("/api/stream")
        assert (refused.status_code, refused.json()["error"]) == (429, "TooMany")
        house.site.broadcast.close()
        assert [task.status_code for task in await asyncio.gather(*tasks)] == [200] * STREAMS_EACH


@pytest.mark.parametrize("after", ["-1", "x", "1.5", str(2**63), "9" * 30])
async def test_a_position_that_is_none_is_refused(house: House, after: str) -> None:
    """400, before a stream begins."""
    async with await house.program("read") as program:
        assert (await program.get(f"/api/stream?after={after}")).status_code == 400
        answer = await program.get("/api/stream", headers={"last-event-id": after})
        assert answer.status_code == 400


async def test_a_record_that_cant_be_read_is_told_and_passed(house: House) -> None:
    """A record of a later version does not stop the stream."""
    row = (await _one(house))._replace(kind="later", version=9)
    assert stream.plain_record(row)["unreadable"]
    assert stream.plain_record(row)["position"] == "1"


async def _one(house: House) -> StoredRecord:
    await house.append(*VISIT)
    (row, *_) = await house.site.pages.story(1)
    return row
