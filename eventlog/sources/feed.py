"""The shape that every adapter has, and the one function that feeds a store.

An adapter is a pure function from the bytes of a foreign file to items:

    Visit      opens an event
    Addition   joins the event that its opener key stands for
    Skipped    understood, and no fact; counted
    Refused    one bad element among others that are sound; counted

`feed` appends each item under its idempotency key, so that the same items a second time, or the
same visit told twice by a source, change nothing. Knows no source, and nothing of SQLite.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, Protocol, TypeAlias

import anyio
from msgspec import Struct, field

from eventlog.errors import BadArgument, BadFact, BadKey, EventLogError, KeyConflict
from eventlog.facts import Fact
from eventlog.record import Receipt

# So many items are under way at once: enough to share one commit, few enough to hold in memory.
CHUNK: Final = 64

logger = logging.getLogger(__name__)


class Visit(Struct, frozen=True):
    """An event to open under `key`; the first of `facts` is the opener."""

    key: str
    facts: tuple[Fact, ...]


class Addition(Struct, frozen=True):
    """Facts that join, under `key`, the event that was opened under `opener_key`.

    No source promises its order: where that event was never opened, it is opened with
    `opener_facts` first.
    """

    opener_key: str
    key: str
    facts: tuple[Fact, ...]
    opener_facts: tuple[Fact, ...] = ()


class Skipped(Struct, frozen=True):
    """A part of a message that is understood and becomes no fact."""

    reason: str


class Refused(Struct, frozen=True):
    """A bad element of a file; `place` says where it stands, `reason` repeats no value of it."""

    place: str
    reason: str


Item: TypeAlias = Visit | Addition | Skipped | Refused


class Tally(Struct):
    """What became of the items.

    `events` were opened and `facts` appended, openers included; `known` items stood in the
    journal already; `skipped` and `refused` count by reason.
    """

    events: int = 0
    facts: int = 0
    known: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)


class Store(Protocol):
    """What `feed` needs of a store."""

    async def append(
        self, *facts: Fact, event_id: int | None = None, key: str | None = None
    ) -> Receipt:
        """Append under a key. Raises BadFact, BadKey, KeyConflict, DatabaseError."""

    async def receipt(self, key: str) -> Receipt | None:
        """What became of the append with this key."""


async def feed(store: Store, items: Iterable[Item]) -> Tally:
    """Append the items and say what became of them.

    Items of one event go in their order, items of different events side by side. A fact that
    may not enter the journal is refused and counted; a key that stands with other facts counts
    as known, and the first stands. Raises DatabaseError where the store fails; what was
    appended by then stays, and feeding again goes on from there. With another feeder of the
    same items at the same moment, both may count an item as new; it is stored once.
    """
    tally = Tally()
    for chunk in _chunks(items):
        lanes: dict[str, list[Visit | Addition]] = {}
        for item in chunk:
            match item:
                case Visit(key=opener_key) | Addition(opener_key=opener_key):
                    lanes.setdefault(opener_key, []).append(item)
                case Skipped(reason=reason):
                    _count(tally.skipped, reason)
                case Refused(place=place, reason=reason):
                    _refuse(tally, place, reason)
        await _feed_lanes(store, lanes.values(), tally)
    return tally


async def _feed_lanes(store: Store, lanes: Iterable[list[Visit | Addition]], tally: Tally) -> None:
    failure: BaseException | None = None
    try:
        async with anyio.create_task_group() as tasks:
            for lane in lanes:
                tasks.start_soon(_feed_lane, store, lane, tally)
    except* EventLogError as group:
        failure = group
        while isinstance(failure, BaseExceptionGroup):
            failure = failure.exceptions[0]
    if failure is not None:  # one cause stops all lanes: the caller gets it, not a group of it
        raise failure


async def _feed_lane(store: Store, lane: list[Visit | Addition], tally: Tally) -> None:
    for item in lane:
        try:
            if isinstance(item, Visit):
                _, new = await _open(store, item.key, item.facts, tally)
            else:
                event_id = await _event_of(store, item, tally)
                _, new = await _append_once(store, item.key, item.facts, tally, event_id)
        except (BadFact, BadKey, BadArgument) as error:
            _refuse(tally, item.key, str(error))
        else:
            tally.known += not new


async def _event_of(store: Store, item: Addition, tally: Tally) -> int:
    """The event that an addition joins, opened if need be."""
    opener: Receipt | None
    if item.opener_facts:
        opener, _ = await _open(store, item.opener_key, item.opener_facts, tally)
    else:
        opener = await store.receipt(item.opener_key)
    if opener is None:
        raise BadArgument("its event was never opened, and it can't open it")
    if opener.event_id is None:
        raise BadArgument("the key of its event stands for facts without an event")
    return opener.event_id


async def _open(
    store: Store, key: str, facts: tuple[Fact, ...], tally: Tally
) -> tuple[Receipt, bool]:
    receipt, new = await _append_once(store, key, facts, tally)
    tally.events += new
    return receipt, new


async def _append_once(
    store: Store, key: str, facts: tuple[Fact, ...], tally: Tally, event_id: int | None = None
) -> tuple[Receipt, bool]:
    """The key's receipt, and whether this call made it."""
    known = await store.receipt(key)
    if known is not None:
        return known, False
    try:
        receipt = await store.append(*facts, event_id=event_id, key=key)
    except KeyConflict as conflict:  # another feeder was faster
        return conflict.receipt, False
    tally.facts += len(facts)
    return receipt, True


def _chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    rest = iter(items)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


def _refuse(tally: Tally, place: str, reason: str) -> None:
    logger.warning("refused %s: %s", place, reason)
    _count(tally.refused, reason)


def _count(counts: dict[str, int], reason: str) -> None:
    counts[reason] = counts.get(reason, 0) + 1
