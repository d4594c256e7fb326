"""Reads Frigate's own history: its events API, and the snapshots of its events.

What Frigate publishes while the broker is away is lost on the way; its database has it. Events
that are not over yet are left to their messages.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol
from urllib.parse import quote, urlencode

import msgspec

from eventlog.errors import BadPayload
from eventlog.sources.adapter import Adapter, Message, Settings
from eventlog.sources.feed import Feeder, Item, PictureFolder, Tally
from eventlog.sources.items import Picture
from eventlog.sources.keys import Store

SOURCE: Final = "frigate"
PAGE: Final = 200
PAGES_MAX: Final = 500
FOUND: Final = 200


class Answer(Protocol):
    """What an HTTP server answered."""

    @property
    def status(self) -> int:
        """Its status."""

    @property
    def body(self) -> bytes:
        """Its body."""


Get = Callable[[str, Mapping[str, str]], Awaitable[Answer]]


class FrigateHistory:
    """Asks Frigate's API."""

    def __init__(
        self,
        api: str,
        get: Get,
        *,
        adapter: Adapter,
        settings: Settings,
        store: Store,
        pictures: PictureFolder,
    ) -> None:
        self._api = api.rstrip("/")
        self._get = get
        self._adapter = adapter
        self._settings = settings
        self._store = store
        self._pictures = pictures

    async def ask(self, since: float) -> Tally:
        """Feed all events that began after a moment and are over, each with its snapshot.

        Raises:
            BadPayload: the API answers something else; OSError, DatabaseError.
        """
        events = await self._events(since)
        feeder = Feeder(self._store, self._pictures)
        await feeder.feed(self._items(events))
        for event in events:
            await self._snapshot(feeder, event)
        return feeder.tally

    async def _events(self, since: float) -> list[dict[str, Any]]:
        """The events since a moment, the oldest first."""
        found: dict[str, dict[str, Any]] = {}
        before: float | None = None
        for _ in range(PAGES_MAX):
            query: dict[str, object] = {"after": since, "limit": PAGE, "include_thumbnails": 0}
            if before is not None:
                query["before"] = before
            page = await self._page(f"{self._api}/api/events?{urlencode(query)}")
            new = [event for event in page if str(event.get("id")) not in found]
            found.update({str(event.get("id")): event for event in new})
            starts = [event["start_time"] for event in page if _is_time(event.get("start_time"))]
            if len(page) < PAGE or not new or not starts:
                break
            before = min(starts)
        over = [event for event in found.values() if event.get("end_time") is not None]
        return sorted(over, key=_start)

    async def _page(self, url: str) -> list[dict[str, Any]]:
        answer = await self._get(url, {})
        if answer.status != FOUND:
            raise BadPayload(SOURCE, f"the events API answers {answer.status}")
        try:
            page = msgspec.json.decode(answer.body, type=list[dict[str, Any]])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise BadPayload(SOURCE, "the events API answers no list of events") from error
        return page

    def _items(self, events: list[dict[str, Any]]) -> Iterator[Item]:
        for number, event in enumerate(events, 1):
            yield from self._adapter.read(
                Message(event, place=f"event {number} of the API"), self._settings
            )

    async def _snapshot(self, feeder: Feeder, event: dict[str, Any]) -> None:
        """The picture of an event that has none yet."""
        own_id = event.get("id")
        if event.get("has_snapshot") is not True or not isinstance(own_id, str):
            return
        opener_key = f"{SOURCE}:{own_id}"
        if await self._store.receipt(opener_key) is None:
            return
        if await self._store.receipt(f"{opener_key}:picture") is not None:
            return
        url = f"{self._api}/api/events/{quote(own_id, safe='')}/snapshot.jpg"
        answer = await self._get(url, {})
        if answer.status == FOUND:
            await feeder.feed([Picture(answer.body, _named(event), opener_key)])


def _is_time(value: object) -> bool:
    return isinstance(value, int | float)


def _named(event: dict[str, Any]) -> str:
    """The time that a picture's file is named by."""
    return datetime.fromtimestamp(_start(event), UTC).isoformat()


def _start(event: dict[str, Any]) -> float:
    start = event.get("start_time")
    return float(start) if isinstance(start, int | float) else 0.0
