"""A fact with its place in the journal, and what an append answers.

Knows the shapes only: `codecs.py` reads bodies, `chain.py` computes hashes, `journal.py` stores.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import product
from types import NoneType
from typing import Final, Literal, NamedTuple, NewType, TypeAlias, TypeGuard, get_args

from msgspec import Struct

from eventlog.errors import BadArgument
from eventlog.facts import Fact

Position = NewType("Position", int)
EventId = NewType("EventId", int)

START = Position(0)  # the place before the first record
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class StoredRecord(NamedTuple):
    """One row of the journal, as it lies on the disk and in the order of its columns.

    Fields:
        position: Its place: 1, 2, 3, …
        event_id: The visit; None for what belongs to no visit.
        kind: The fact's kind.
        version: The version of that kind.
        format: The format of envelope and hash, 1.
        appended_at: When the journal got it, in microseconds since 1970, UTC.
        append_index: Its place in its append, from 0.
        append_size: How many records the append has.
        key: The idempotency key, on the append's first record only; else None.
        meta: MessagePack, on the append's first record: who appended, and by which clock; else
            None.
        body: The fact, MessagePack.
        hash: The record's hash in the chain, 32 bytes.
    """

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
    """A fact, decoded and lifted to today's shape, with its place in the journal.

    Args:
        position: Its place: 1, 2, 3, … without a hole.
        event_id: The event that the fact belongs to; None for what belongs to no visit.
        appended_at_us: When the journal got it, in microseconds since 1970, UTC.
        key: The idempotency key of the append, on its first record only; else None.
        fact: What happened.
        hash: The record's hash in the chain, 32 bytes; empty where it was not read.
        meta: What else is known of the append, as it is stored, on its first record only and only
            where it was read: see `codecs.decode_meta`.
    """

    position: Position
    event_id: EventId | None
    appended_at_us: int
    key: str | None
    fact: Fact
    hash: bytes = b""
    meta: bytes | None = None

    @property
    def cursor(self) -> str:
        """Where to go on after this record: `position:hash`, for `subscribe(after=…)`."""
        return f"{self.position}:{self.hash.hex()}" if self.hash else str(self.position)

    @property
    def appended_at(self) -> datetime:
        """When the journal got the record, as an aware datetime."""
        return instant(self.appended_at_us)


class Receipt(Struct, frozen=True, gc=False):
    """What an append answers.

    Args:
        positions: The positions of its records, in the order of the facts.
        event_id: The event that they belong to; None for what belongs to no visit.
    """

    positions: tuple[Position, ...]
    event_id: EventId | None


AuthorKind: TypeAlias = Literal["library", "command", "part", "source"]


class Author(Struct, frozen=True, gc=False, omit_defaults=True):
    """Who made an append: kept in its meta as `writer`. It holds ids and no names of people.

    Args:
        kind: `library` is a program that imports eventlog, `command` a command of the command
            line, `part` a part of the dashboard or of the running door, `source` a feed.
        name: which command, part or source: up to 32 of `a-z 0-9 . _ -`. None means not known.
        user: the id of the dashboard's account that asked for it.
        token: the id of the API token that asked for it.
        uid: the number of the system's user. The journal fills it in.

    Raises:
        BadArgument: for a name of another shape, which might be a person's.
    """

    kind: AuthorKind
    name: str | None = None
    user: int | None = None
    token: int | None = None
    uid: int | None = None

    def __post_init__(self) -> None:
        """Refuse a name that no part of a program has, and what is no id."""
        if self.kind not in get_args(AuthorKind):
            raise BadArgument(f"a writer's kind is one of {', '.join(get_args(AuthorKind))}")
        if any(type(number) not in {int, NoneType} for number in (self.user, self.token, self.uid)):
            raise BadArgument("the user, the token and the uid of a writer are numbers")
        name: object = self.name  # whatever a caller gave
        if name is not None and not (isinstance(name, str) and _PART.fullmatch(name)):
            raise BadArgument(f"a writer's name is up to 32 of a-z 0-9 . _ -, not {self.name!r}")


_PART: Final = re.compile(r"[a-z][a-z0-9._-]{0,31}")
LIBRARY: Final = Author("library")


class Head(Struct, frozen=True, gc=False):
    """The newest record's position and hash; position 0 and the log's first hash when empty."""

    position: Position
    hash: bytes


def instant(microseconds: int) -> datetime:
    """Microseconds since 1970 as an aware UTC datetime, also before 1970.

    Raises OverflowError where `is_instant` says no.
    """
    return EPOCH + timedelta(microseconds=microseconds)


def in_utc(moment: datetime) -> datetime:
    """A time in UTC; one without a zone, or whose zone does not know its offset, is in UTC already.

    Raises OverflowError where that is out of the years 1 to 9999.
    """
    # A zone that does not know its offset would be taken for this machine's own.
    return moment.replace(tzinfo=UTC) if moment.utcoffset() is None else moment.astimezone(UTC)


def is_instant(microseconds: object) -> TypeGuard[int]:
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
