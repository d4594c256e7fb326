"""A plain model of a store, for the tests of ingest: a dict of keys and a list for each event.

It keeps the promises that adapters lean on (the gate of the codecs, keys that answer their first
receipt, events numbered from 1) and knows nothing of SQLite.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable

import anyio.lowlevel

from eventlog import codecs
from eventlog.errors import BadAppend, BadKey, KeyConflict, UnknownEvent
from eventlog.facts import OPENERS, STANDALONE, Fact, kind_of
from eventlog.record import EventId, Position, Receipt, Record
from eventlog.sources.feed import Tally, feed
from eventlog.sources.items import Item

LONGEST_KEY = 200


class ModelStore:
    """Facts by event, and receipts by key."""

    def __init__(self) -> None:
        self.events: dict[int, list[Fact]] = {}
        self.keys: dict[str, tuple[tuple[Fact, ...], Receipt]] = {}
        self.head = 0

    async def append(
        self, *facts: Fact, event_id: int | None = None, key: str | None = None
    ) -> Receipt:
        """Append as the journal does, giving other tasks their turn first."""
        await anyio.lowlevel.checkpoint()
        assert key is not None
        if not 1 <= len(key) <= LONGEST_KEY:
            raise BadKey("a key has 1 to 200 characters")
        for fact in facts:
            codecs.encode(fact)
        if key in self.keys:
            first, receipt = self.keys[key]
            if first != facts:
                raise KeyConflict(key, receipt)
            return receipt
        if kind_of(type(facts[0])) in OPENERS:
            assert event_id is None
            event_id = len(self.events) + 1
            self.events[event_id] = []
        elif event_id is None and kind_of(type(facts[0])) in STANDALONE:
            pass
        elif event_id is None:
            raise BadAppend("no_event", f"a {kind_of(type(facts[0]))} belongs to an event")
        elif event_id not in self.events:
            raise UnknownEvent(event_id)
        if event_id is not None:
            self.events[event_id].extend(facts)
        positions = tuple(Position(self.head + n) for n in range(1, len(facts) + 1))
        self.head += len(facts)
        receipt = Receipt(positions, None if event_id is None else EventId(event_id))
        self.keys[key] = (facts, receipt)
        return receipt

    async def receipt(self, key: str) -> Receipt | None:
        """What became of the append with this key."""
        await anyio.lowlevel.checkpoint()
        known = self.keys.get(key)
        return known[1] if known else None

    async def subscribe(self, after: int = 0) -> AsyncGenerator[Record, None]:
        """The records after a position; they end, as no test waits for more."""
        for key, (facts, receipt) in list(self.keys.items()):
            for position, fact in zip(receipt.positions, facts, strict=True):
                if position > after:
                    await anyio.lowlevel.checkpoint()
                    yield Record(position, receipt.event_id, int(position), key, fact)

    def story(self, key: str) -> frozenset[bytes]:
        """The facts of the event that was opened under a key, as bytes, so that they compare."""
        event_id = self.keys[key][1].event_id
        assert event_id is not None
        return frozenset(codecs.encode(fact)[2] for fact in self.events[event_id])


async def fed(*files: Iterable[Item]) -> tuple[ModelStore, Tally]:
    """A store that was fed one file after the other, and the last one's tally."""
    store, tally = ModelStore(), Tally()
    for items in files:
        tally = await feed(store, items)
    return store, tally
