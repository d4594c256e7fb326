"""Idempotency keys for items: append once, once for each report, or not if an older key exists.

Knows a store by its protocol only.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Final, Protocol

import msgspec

from eventlog.errors import KeyConflict
from eventlog.facts import Fact, Sealed, ThumbnailSaved
from eventlog.record import Receipt, Record

# So many different facts are kept under one key; more come from a faulty source.
MOST_TELLINGS: Final = 1_000


class Appends(Protocol):
    """What appending under keys needs of a store."""

    async def append(
        self, *facts: Fact, event_id: int | None = None, key: str | None = None
    ) -> Receipt:
        """Append under a key. Raises BadFact, BadKey, KeyConflict, DatabaseError."""

    async def receipt(self, key: str) -> Receipt | None:
        """What became of the append with this key."""


class Store(Appends, Protocol):
    """What feeding needs of a store."""

    def subscribe(self, after: int = 0) -> AsyncIterator[Record]:
        """The records after a position, and those that come."""


class PictureFolder(Protocol):
    """What saves pictures."""

    async def save_async(self, frame_bytes: bytes, event_timestamp: str) -> ThumbnailSaved | None:
        """Save a picture; None if that can't be done."""


class Keys:
    """Appends under keys to one store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def receipt(self, key: str) -> Receipt | None:
        """What became of the append with this key."""
        return await self.store.receipt(key)

    async def append(
        self,
        key: str,
        facts: tuple[Fact, ...],
        *,
        event_id: int | None = None,
        distinct: bool = False,
        merging: bool = False,
    ) -> bool:
        """Append facts under a key; whether they are new.

        Args:
            key: the idempotency key; known with other facts, the first are kept.
            facts: what to append.
            event_id: the event that they join, None for facts of no event.
            distinct: whether other facts under the key are another telling, to be kept too.
            merging: whether that is so only where they contradict each other.
        """
        if not distinct and not merging:
            return (await append_once(self.store, key, facts, event_id))[1]
        for number in range(1, MOST_TELLINGS):
            numbered = key if number == 1 else f"{key}:{number}"
            before = await self.store.receipt(numbered)
            try:
                receipt = await self.store.append(*facts, event_id=event_id, key=numbered)
            except KeyConflict:
                if merging and await self._agrees(numbered, facts):
                    return False
                continue
            return before is None or receipt.positions != before.positions
        return False

    async def _agrees(self, key: str, facts: tuple[Fact, ...]) -> bool:
        """Whether the facts under a key and these contradict each other in no field."""
        receipt = await self.store.receipt(key)
        if receipt is None or len(receipt.positions) != len(facts):
            return False
        stored = [await fact_at(self.store, position) for position in receipt.positions]
        return all(_agree(old, new) for old, new in zip(stored, facts, strict=True))

    async def covers(self, key: str, facts: tuple[Fact, ...]) -> bool:
        """Whether the facts under a key say what these say, as far as their version could."""
        receipt = await self.store.receipt(key)
        if receipt is None or len(receipt.positions) != len(facts):
            return False
        stored = [await fact_at(self.store, position) for position in receipt.positions]
        return all(_covers(old, new) for old, new in zip(stored, facts, strict=True))


async def append_once(
    store: Store, key: str, facts: tuple[Fact, ...], event_id: int | None = None
) -> tuple[Receipt, bool]:
    """The key's receipt, and whether this call made it."""
    known = await store.receipt(key)
    if known is not None:
        return known, False
    try:
        receipt = await store.append(*facts, event_id=event_id, key=key)
    except KeyConflict as conflict:  # another feeder was faster
        return conflict.receipt, False
    return receipt, True


async def record_at(store: Store, position: int) -> Record:
    """The record at a position that a receipt named."""
    records = store.subscribe(position - 1)
    try:
        return await anext(records)
    finally:
        if isinstance(records, AsyncGenerator):
            await records.aclose()


async def fact_at(store: Store, position: int) -> Fact:
    """Its fact."""
    return (await record_at(store, position)).fact


def _covers(old: Fact, new: Fact) -> bool:
    """Whether all that an older fact says, the newer one says alike."""
    if type(old) is not type(new):
        return False
    told: dict[str, Any] = msgspec.structs.asdict(old)
    return all(
        value in (None, (), getattr(new, name)) or isinstance(value, Sealed)  # not to be read
        for name, value in told.items()
    )


def _agree(old: Fact, new: Fact) -> bool:
    """Whether two facts say the same wherever both say something."""
    if type(old) is not type(new):
        return False
    for name, value in msgspec.structs.asdict(old).items():
        other = getattr(new, name)
        unsaid = value in (None, ()) or other in (None, ()) or isinstance(value, Sealed)
        if not unsaid and value != other:
            return False
    return True
