"""Ring: histories of all devices and pushes, over a client that answers recorded payloads."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final
from unittest.mock import AsyncMock

import pytest
from ring_doorbell import Auth, Ring

from eventlog.errors import BadArgument
from eventlog.run import ring as tokens
from eventlog.run.health import Board
from eventlog.sources import SOURCES
from eventlog.sources.live.ring import RingIn
from eventlog.store.event_store import EventStore

pytestmark = [
    pytest.mark.anyio,
    # The library's own.
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning"),
]

DEVICES: Final[dict[str, Any]] = {
    "doorbots": [{"id": 987652, "description": "Front Door", "kind": "lpd_v1"}],
    "stickup_cams": [{"id": 987653, "description": "Garden", "kind": "hp_cam_v1"}],
}


def element(number: int, kind: str = "motion") -> dict[str, Any]:
    """An element of a history, one a minute."""
    return {
        "id": 7_000_000_000_000_000_000 + number,
        "created_at": f"2026-02-25T{10 + number // 60:02}:{number % 60:02}:00.000Z",
        "kind": kind,
        "answered": False,
    }


class Cloud(Auth):
    """Ring's cloud, as far as it is asked: devices, and pages of their histories."""

    def __init__(self, histories: dict[str, list[dict[str, Any]]]) -> None:
        super().__init__("test")
        self.histories = histories
        self.pages = 0

    async def async_query(self, url: str, *_: Any, **more: Any) -> Any:
        """Answer a query."""
        answer: Any = {"session": {}}
        if url.endswith("ring_devices"):
            answer = DEVICES
        elif url.endswith("/history"):
            self.pages += 1
            query = more["extra_params"]
            own = self.histories.get(url.split("/")[-2], [])
            older = query.get("older_than", float("inf"))
            answer = [one for one in reversed(own) if one["id"] < older][: query["limit"]]
        return Auth.Response(json.dumps(answer).encode(), 200)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EventStore]:
    """An open log."""
    async with EventStore(str(tmp_path / "events.db"), str(tmp_path / "thumbnails")) as opened:
        yield opened


def follower(store: EventStore, cloud: Cloud, board: Board) -> RingIn:
    """A follower over the cloud."""
    return RingIn(
        "ring",
        Ring(cloud),
        adapter=SOURCES["ring"],
        store=store,
        report=board,
        credentials=None,
        updated=lambda _: None,
    )


async def cameras(store: EventStore) -> list[tuple[str, int]]:
    """How many events each camera has."""
    await store.caught_up(await store.reader.last_position())
    sql = "SELECT camera_id, count(*) FROM events GROUP BY camera_id ORDER BY camera_id"
    return await store.reader.run(lambda c: c.execute(sql).fetchall())


async def test_every_page_of_every_device_is_read_once(store: EventStore) -> None:
    """Back to the moment that was asked for; a second time nothing is new."""
    bell = [element(number, "ding" if number == 119 else "motion") for number in range(120)]
    cloud = Cloud({"987652": bell, "987653": [element(500)]})
    board = Board()
    live = follower(store, cloud, board)
    since = 1_772_013_600.0  # 2026-02-25 10:00:00
    tally = await live.ask(since - 1)
    again = await live.ask(since - 1)
    assert (tally.events, again.events) == (121, 0)
    assert await cameras(store) == [("front_door", 120), ("garden", 1)]
    assert board.source("ring").connected
    later = follower(store, Cloud({"987652": bell}), board)
    assert (await later.ask(since + 60 * 100)).known == 19


async def test_a_push_and_its_history_are_one(store: EventStore) -> None:
    """The same ring by both ways."""
    ding = element(1, "ding")
    live = follower(store, Cloud({"987652": [ding]}), Board())
    push = {
        "android_config": json.dumps({"category": "com.ring.pn.live-event.ding"}),
        "data": json.dumps(
            {
                "device": {"id": 987652, "name": "Front Door"},
                "event": {
                    "ding": {
                        "id": str(ding["id"]),
                        "created_at": ding["created_at"],
                        "subtype": "ding",
                    },
                    "eventito": {"type": "ding", "timestamp": 1_772_013_660_000},
                },
            }
        ),
    }
    await live.take({"data": push, "fcmMessageId": "m"})
    tally = await live.ask(0)
    assert await cameras(store) == [("front_door", 1)]
    assert tally.events == 0


async def test_a_cloud_that_fails_is_not_connected(store: EventStore) -> None:
    """A history that was answered is the sign of life."""
    board = Board()
    cloud = Cloud({})
    live = follower(store, cloud, board)
    await live.ask(0)
    assert board.source("ring").signs == 1
    cloud.async_query = AsyncMock(side_effect=ConnectionResetError)  # type: ignore[method-assign]  # the cloud goes away
    with pytest.raises(ConnectionResetError):
        await live.ask(0)
    assert board.source("ring").connected is False


def test_a_token_is_replaced_by_rename(tmp_path: Path) -> None:
    """For its owner only; a file that holds none is named."""
    path = tmp_path / "state" / "ring_token"
    assert tokens.read(path) is None
    tokens.write(path, {"refresh_token": "one"})
    first = path.stat().st_ino
    tokens.write(path, {"refresh_token": "two"})
    assert tokens.read(path) == {"refresh_token": "two"}
    assert path.stat().st_ino != first
    assert path.stat().st_mode & 0o077 == 0
    path.write_text("[", encoding="utf-8")
    with pytest.raises(BadArgument, match="eventlog ring login"):
        tokens.read(path)
