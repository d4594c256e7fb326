"""Keys for messages that have neither an id nor a time: a series and a running number.

The newest number is used again, and nothing is appended, where the broker marks the message as a
second delivery, or where the source repeats itself within its window; otherwise the next number is
used. The time of arrival alone is not a key: a message that is delivered again after a crash would
be a second opening. What is read from a file without times is counted within that file, so that
the file a second time changes nothing. A state is appended only where it changed.

Knows a store by its protocol only.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct, field

from eventlog.errors import BadArgument, KeyConflict
from eventlog.facts import Fact
from eventlog.record import Record
from eventlog.sources.items import Occurrence
from eventlog.sources.keys import Store, record_at

_KEPT: Final = 64  # entries that a connection remembers of each series; it needs the newest
_TRIES: Final = 8  # other feeders of the same series that may come first, one after the other


class _Entry(Struct, frozen=True):
    """One number of a series that the journal has."""

    number: int
    position: int
    at: datetime


class _Series(Struct):
    """What is known of a series: `newest` of its numbers, and entries as far as they were read."""

    newest: int
    entries: list[_Entry] = field(default_factory=list)
    complete: bool = False
    in_file: int = 0  # how many were counted in this file


class Numbering:
    """The series of one file or connection."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._series: dict[str, _Series] = {}
        self._last_in_file: dict[str, str] = {}  # the last state of each thing, by its first series

    async def append(self, item: Occurrence) -> bool:
        """Append what is new of a series; whether it was."""
        if item.at is None:
            return await self._append_from_file(item)
        for _ in range(_TRIES):
            if await self._known(item, item.at):
                return False
            known = await self._look(item.series)
            key = f"{item.series}:{known.newest + 1}"
            try:
                receipt = await self._store.append(*item.facts, key=key)
            except KeyConflict:  # another feeder was faster: look again
                del self._series[item.series]
                continue
            known.newest += 1
            known.entries.append(_Entry(known.newest, receipt.positions[0], item.at))
            if item.live and len(known.entries) > _KEPT:
                del known.entries[:-_KEPT]
                known.complete = False
            return True
        return False

    async def _append_from_file(self, item: Occurrence) -> bool:
        """What has no time at all is counted within its file."""
        if item.states:
            if self._last_in_file.get(item.states[0]) == item.series:
                return False
            self._last_in_file[item.states[0]] = item.series
        known = await self._look(item.series)
        known.in_file += 1
        key = f"{item.series}:{known.in_file}"
        if known.in_file <= known.newest or await self._store.receipt(key) is not None:
            return False
        try:
            receipt = await self._store.append(*item.facts, key=key)
        except KeyConflict:  # another feeder was faster
            return False
        known.newest = known.in_file
        record = await record_at(self._store, receipt.positions[0])
        known.entries.append(_Entry(known.newest, record.position, _time(record)))
        return True

    async def _known(self, item: Occurrence, at: datetime) -> bool:
        """Whether the journal has this occurrence already."""
        if item.duplicate and (await self._look(item.series)).newest:
            return True
        if item.states and await self._in_force(item, at) == item.series:
            return True
        if item.states:  # of two states at one moment, each is known by its own
            own = await self._entries(item.series, everything=not item.live)
            return any(entry.at == at for entry in own)
        window = timedelta(seconds=item.window_s)
        entries = await self._entries(item.series, everything=not item.live)
        return any(abs(entry.at - at) <= window for entry in entries)

    async def _in_force(self, item: Occurrence, at: datetime) -> str | None:
        """The series of the state that was in force at a time; of the newest, where it is live."""
        found: list[tuple[datetime, int, str]] = []
        for named in item.states:
            entries = await self._entries(named, everything=not item.live)
            found += [(e.at, e.position, named) for e in entries if item.live or e.at <= at]
        if not found:
            return None
        return max(found, key=lambda one: one[1] if item.live else one[:2])[2]

    async def _entries(self, named: str, *, everything: bool) -> list[_Entry]:
        """The entries of a series: all of them, or at least the newest."""
        known = await self._look(named)
        first = 1 if everything else max(1, known.newest)
        wanted = range(first, known.newest + 1)
        if not known.complete:
            have = {entry.number for entry in known.entries}
            known.entries += [
                await self._entry(named, number) for number in wanted if number not in have
            ]
            known.complete = everything
        return known.entries

    async def _entry(self, named: str, number: int) -> _Entry:
        receipt = await self._store.receipt(f"{named}:{number}")
        if receipt is None:
            raise BadArgument(f"the series has no number {number} any more")
        record = await record_at(self._store, receipt.positions[0])
        return _Entry(number, record.position, _time(record))

    async def _look(self, named: str) -> _Series:
        """What is known of a series; its newest number is found in the journal the first time."""
        known = self._series.get(named)
        if known is None:
            known = self._series[named] = _Series(await self._newest(named))
        return known

    async def _newest(self, named: str) -> int:
        """The newest number of a series, which has no holes: found by doubling, then halving."""
        low, high = 0, 1
        while await self._store.receipt(f"{named}:{high}") is not None:
            low, high = high, high * 2
        while high - low > 1:
            middle = (low + high) // 2
            if await self._store.receipt(f"{named}:{middle}") is None:
                high = middle
            else:
                low = middle
        return low


def _time(record: Record) -> datetime:
    """When it happened, as the fact says, else when the journal received it."""
    fact: Fact = record.fact
    told = getattr(fact, "recorded_at", None)
    return told if isinstance(told, datetime) else record.appended_at
