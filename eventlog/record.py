"""A fact with its place in the journal, and what an append answers.

Knows the shapes only: `codecs.py` reads bodies, `chain.py` computes hashes, `journal.py` stores.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from types import NoneType
from typing import Final, NamedTuple, NewType

from msgspec import Struct

from eventlog.facts import Fact

Position = NewType("Position", int)
EventId = NewType("EventId", int)

START = Position(0)  # the place before the first record
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class StoredRecord(NamedTuple):
    """One row of the journal, as it lies on the disk and in the order of its columns."""

    position: int
    event_id: int | None
    kind: str
    version: int
    format: int
    appended_at: int  # microseconds since 1970, UTC
    append_index: int
    append_size: int
    key: str | None
    meta: bytes | None
    body: bytes
    hash: bytes


class Record(Struct, frozen=True, gc=False):
    """A fact, decoded and lifted to today's shape, with its envelope.

    `appended_at_us` is when the journal got it, in microseconds since 1970, UTC. `key` is set on
    the first record of an append only. `hash` is the record's hash in the chain, empty where it
    was not read.
    """

    position: Position
    event_id: EventId | None
    appended_at_us: int
    key: str | None
    fact: Fact
    hash: bytes = b""

    @property
    def cursor(self) -> str:
        """Where to go on after this record: `position:hash`, for `subscribe(after=…)`."""
        return f"{self.position}:{self.hash.hex()}" if self.hash else str(self.position)

    @property
    def appended_at(self) -> datetime:
        """When the journal got the record, as an aware datetime."""
        return instant(self.appended_at_us)


class Receipt(Struct, frozen=True, gc=False):
    """What an append answers: the positions of its records, and the event they belong to."""

    positions: tuple[Position, ...]
    event_id: EventId | None


class Head(Struct, frozen=True, gc=False):
    """The newest record's position and hash; position 0 and the log's first hash when empty."""

    position: Position
    hash: bytes


def instant(microseconds: int) -> datetime:
    """Microseconds since 1970 as an aware UTC datetime, also before 1970.

    Raises OverflowError where `is_instant` says no.
    """
    return EPOCH + timedelta(microseconds=microseconds)


def is_instant(microseconds: object) -> bool:
    """Whether these are microseconds since 1970 of a moment in the years 1 to 9999."""
    return isinstance(microseconds, int) and _FIRST_US <= microseconds <= _LAST_US


_MICROSECOND: Final = timedelta(microseconds=1)
_FIRST_US: Final = (datetime.min.replace(tzinfo=UTC) - EPOCH) // _MICROSECOND
_LAST_US: Final = (datetime.max.replace(tzinfo=UTC) - EPOCH) // _MICROSECOND


# The types of a row's columns, and all of the ways in which those that may be NULL can be so.
_TYPES: Final = (
    (int,),
    (int, NoneType),
    (str,),
    *((int,),) * 5,
    (str, NoneType),
    (bytes, NoneType),
    (bytes,),
    (bytes,),
)


_SHAPES: Final = frozenset(product(*_TYPES))


_HASH_SIZE: Final = 32


def shape_error(row: StoredRecord) -> str | None:
    """What no column of a journal can hold, as a sentence; None where all have their types."""
    if tuple(map(type, row)) not in _SHAPES:
        for column, types, value in zip(StoredRecord._fields, _TYPES, row, strict=True):
            if type(value) not in types:
                return f"its column {column} holds {type(value).__name__}"
    if len(row.hash) != _HASH_SIZE:
        return f"its hash has {len(row.hash)} bytes"
    return None
