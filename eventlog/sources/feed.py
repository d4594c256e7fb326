"""Appends items to a store, each once.

Each item is appended under its idempotency key, so that the same items a second time, or the same
visit that a source reports twice, change nothing. Items of one event go in their order, items of
different events side by side. Knows no source, and nothing of SQLite.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

import anyio
from msgspec import Struct, field

from eventlog.errors import BadArgument, BadFact, BadKey, EventLogError
from eventlog.facts import OPENER_TYPES, Fact
from eventlog.record import Receipt
from eventlog.sources.items import (
    Addition,
    Appended,
    Item,
    Occurrence,
    Picture,
    Refused,
    Skipped,
    Standalone,
    Unknown,
    Visit,
)
from eventlog.sources.keys import Keys, PictureFolder, Store, append_once
from eventlog.sources.numbering import Numbering

__all__ = ["Feeder", "Item", "PictureFolder", "Store", "Tally", "feed"]

# So many items are under way at once: enough to share one commit, few enough to hold in memory.
CHUNK: Final = 64

logger = logging.getLogger(__name__)


class Tally(Struct):
    """What became of the items.

    Attributes:
        events: so many were opened.
        facts: so many were appended, openers included.
        known: so many items were in the journal already.
        skipped: understood and no fact, by reason.
        unknown: messages that the adapter does not know, by kind.
        refused: messages and fields that are not what their source promises, by reason.
    """

    events: int = 0
    facts: int = 0
    known: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)


async def feed(store: Store, items: Iterable[Item]) -> Tally:
    """Append the items of one file and say what became of them; see `Feeder.feed`."""
    feeder = Feeder(store)
    await feeder.feed(items)
    return feeder.tally


class Feeder:
    """Feeds the items of one file, or of one connection, to a store; `tally` counts them."""

    def __init__(self, store: Store, pictures: PictureFolder | None = None) -> None:
        """Feed a store.

        Args:
            store: where facts go.
            pictures: where pictures go; None leaves them out, and counts them as skipped.
        """
        self.tally = Tally()
        self._keys = Keys(store)
        self._numbering = Numbering(store)
        self._pictures = pictures
        self._latest: dict[str, str] = {}  # the key of the latest event of each camera

    async def feed(self, items: Iterable[Item]) -> None:
        """Append items.

        A fact that may not enter the journal is refused and counted; a key that is known with
        other facts counts as known, and the first is kept. With another feeder of the same items
        at the same moment, both may count an item as new; it is stored once.

        Raises:
            DatabaseError: where the store fails; what was appended by then stays, and feeding
                again goes on from there.
        """
        for chunk in _chunks(items):
            lanes: dict[str, list[Appended]] = {}
            pictures: list[Picture] = []
            for item in chunk:
                match item:
                    case Picture():
                        pictures.append(self._joined(item))
                    case Visit() | Addition() | Standalone() | Occurrence():
                        self._note_opener(item)
                        lanes.setdefault(_lane(item), []).append(item)
                    case Skipped(reason=reason):
                        _count(self.tally.skipped, reason)
                    case Unknown(kind=kind):
                        _count(self.tally.unknown, kind)
                    case Refused(place=place, reason=reason):
                        self._refuse(place, reason)
            await self._feed_lanes(lanes.values())
            for picture in pictures:
                await self._feed_picture(picture)

    # ── facts ──────────────────────────────────────────────────────────────────────────────

    async def _feed_lanes(self, lanes: Iterable[list[Appended]]) -> None:
        failure: BaseException | None = None
        try:
            async with anyio.create_task_group() as tasks:
                for lane in lanes:
                    tasks.start_soon(self._feed_lane, lane)
        except* EventLogError as group:
            failure = group
            while isinstance(failure, BaseExceptionGroup):
                failure = failure.exceptions[0]
        if failure is not None:  # one cause stops all lanes: the caller gets it, not a group of it
            raise failure

    async def _feed_lane(self, lane: list[Appended]) -> None:
        for item in lane:
            try:
                new = await self._append(item)
            except (BadFact, BadKey, BadArgument) as error:
                self._refuse(_lane(item), str(error))
            else:
                self.tally.known += not new

    async def _append(self, item: Appended) -> bool:
        """Whether the item was new."""
        if isinstance(item, Visit):
            return (await self._open(item.key, item.facts))[1]
        if isinstance(item, Occurrence):
            new = await self._numbering.append(item)
        elif isinstance(item, Standalone):
            new = await self._keys.append(
                item.key, item.facts, distinct=item.distinct, merging=item.merging
            )
        else:
            event_id = await self._event_of(item)
            if item.old_key and await self._keys.covers(item.old_key, item.facts):
                return False
            new = await self._keys.append(
                item.key, item.facts, event_id=event_id, distinct=item.distinct
            )
        if new:
            self.tally.facts += len(item.facts)
            self.tally.events += isinstance(item.facts[0], OPENER_TYPES)
        return new

    async def _event_of(self, item: Addition) -> int:
        """The event that an addition joins, opened if need be."""
        opener: Receipt | None
        if item.opener_facts:
            opener, _ = await self._open(item.opener_key, item.opener_facts)
        else:
            opener = await self._keys.receipt(item.opener_key)
        if opener is None:
            raise BadArgument("its event was never opened, and it can't open it")
        if opener.event_id is None:
            raise BadArgument("the key of its event is that of facts without an event")
        return opener.event_id

    async def _open(self, key: str, facts: tuple[Fact, ...]) -> tuple[Receipt, bool]:
        receipt, new = await append_once(self._keys.store, key, facts)
        if new:
            self.tally.events += 1
            self.tally.facts += len(facts)
        return receipt, new

    # ── pictures ───────────────────────────────────────────────────────────────────────────

    def _note_opener(self, item: Appended) -> None:
        facts = item.opener_facts if isinstance(item, Addition) else item.facts
        opener = facts[0] if facts else None
        camera = getattr(opener, "camera_id", None)
        key = item.opener_key if isinstance(item, Addition) else getattr(item, "key", None)
        if camera is not None and key is not None:
            self._latest[camera] = key

    def _joined(self, picture: Picture) -> Picture:
        """The picture with the key of its event, where it names the camera only."""
        if picture.opener_key is not None or picture.camera_id is None:
            return picture
        key = self._latest.get(picture.camera_id)
        return Picture(picture.frame, picture.name, key, picture.camera_id)

    async def _feed_picture(self, picture: Picture) -> None:
        if self._pictures is None:
            _count(self.tally.skipped, "a picture")
            return
        if picture.opener_key is None:
            _count(self.tally.skipped, "a picture of no event")
            return
        key = f"{picture.opener_key}:picture"
        opener = await self._keys.receipt(picture.opener_key)
        if opener is None or opener.event_id is None:
            _count(self.tally.skipped, "a picture of no event")
        elif await self._keys.receipt(key) is not None:
            self.tally.known += 1
        else:
            saved = await self._pictures.save_async(picture.frame, picture.name)
            if saved is None:
                self._refuse(key, "the picture can't be read")
                return
            await self._keys.append(key, (saved,), event_id=opener.event_id)
            self.tally.facts += 1

    # ── counting ───────────────────────────────────────────────────────────────────────────

    def _refuse(self, place: str, reason: str) -> None:
        logger.warning("refused %s: %s", place, reason)
        _count(self.tally.refused, reason)


def _lane(item: Appended) -> str:
    """What must go in order: all that belongs to one event, or to one series of a device."""
    match item:
        case Addition(opener_key=key) | Visit(key=key) | Standalone(key=key):
            return key
        case Occurrence(states=states, series=named):
            return states[0] if states else named


def _chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    rest = iter(items)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


def _count(counts: dict[str, int], reason: str) -> None:
    counts[reason] = counts.get(reason, 0) + 1
