"""A store that signs every append with its author: a source, or a part of this process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from eventlog.facts import Fact
from eventlog.record import Author, Receipt, Record
from eventlog.store.event_store import EventStore

RUN: Final = Author("part", "run")


class Signed:
    """An open store, as one author sees it."""

    def __init__(self, store: EventStore, author: Author) -> None:
        self._store = store
        self._author = author

    async def append(
        self, *facts: Fact, event_id: int | None = None, key: str | None = None
    ) -> Receipt:
        """See `EventStore.append`."""
        return await self._store.append(*facts, event_id=event_id, key=key, writer=self._author)

    async def receipt(self, key: str) -> Receipt | None:
        """See `EventStore.receipt`."""
        return await self._store.receipt(key)

    def subscribe(self, after: int = 0) -> AsyncIterator[Record]:
        """See `EventStore.subscribe`."""
        return self._store.subscribe(after)
