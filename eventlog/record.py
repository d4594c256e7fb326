"""A fact with its place in the journal, and the receipt of an append.

Value types only: `codecs.py` decodes bodies, `journal/chain.py` computes hashes and
`journal/table.py` stores rows.
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
ID_MAX: Final = 2**63 - 1  # the largest number that SQLite holds: no id or position is above it
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class StoredRecord(NamedTuple):
    """One row of the journal as it is stored, in the order of the columns.

    Fields:
        position: Its place: 1, 2, 3, …
        event_id: The event; None for a fact without an event.
        kind: The fact's kind.
        version: The version of that kind.
        format: The format of envelope and hash, 1.
        appended_at: When the journal received it, in microseconds since 1970, UTC.
        append_index: Its place in its append, from 0.
        append_size: How many records the append has.
        key: The idempotency key, on the append's first record; None on the others.
        meta: MessagePack, on the append's first record: who appended, and by which clock; None
            on the others.
        body: The fact, MessagePack.
        hash: The record's hash in the chain, 32 bytes.
    """

    position: int
    event_id: int | None
    kind: str
    version: int
    format: int
    appended_at: int
    append_index: int
    append_size: int
    key: str | None
    meta: bytes | None
    body: bytes
    hash: bytes


class Record(Struct, frozen=True, gc=False):
    """A decoded fact, in the current version of its kind, with its place in the journal.

    Args:
        position: Its place: 1, 2, 3, … without a hole.
        event_id: The event that the fact belongs to; None for a fact without an event.
        appended_at_us: When the journal received it, in microseconds since 1970, UTC.
        key: The idempotency key, on the append's first record; None on the others.
        fact: What happened.
        hash: The record's hash in the chain, 32 bytes; empty if it was not read.
        meta: The append's meta as it is stored, on its first record; None on the others and if it
            was not read. `codecs.decode_meta` decodes it.
        seals: The fields whose text was opened, each with its seal, as `("name", …)`; the elements
            of `people` are `people.0`, `people.1`, …
        erased: Those of the seals whose text was erased; the fact says "erased person" there.
    """

    position: Position
    event_id: EventId | None
    appended_at_us: int
    key: str | None
    fact: Fact
    hash: bytes = b""
    meta: bytes | None = None
    seals: tuple[tuple[str, bytes], ...] = ()
    erased: tuple[bytes, ...] = ()

    @property
    def cursor(self) -> str:
        """The cursor after this record, `position:hash`, for `subscribe(after=…)`."""
        return f"{self.position}:{self.hash.hex()}" if self.hash else str(self.position)

    @property
    def appended_at(self) -> datetime:
        """When the journal received the record, as an aware datetime."""
        return instant(self.appended_at_us)


class Receipt(Struct, frozen=True, gc=False):
    """The answer to an append.

    Args:
        positions: The positions of its records, in the order of the facts.
        event_id: The event that they belong to; None for facts without an event.
    """

    positions: tuple[Position, ...]
    event_id: EventId | None


AuthorKind: TypeAlias = Literal["library", "command", "part", "source"]


class Author(Struct, frozen=True, gc=False, omit_defaults=True):
    """Who made an append, stored in its meta as `writer`. It has ids, and no names of people.

    Args:
        kind: "library" is a program that imports eventlog, "command" a command of the command
            line, "part" a part of the dashboard or of `eventlog run`, "source" a feed.
        name: The command, part or source, up to 32 of `a-z 0-9 . _ -`; None if unknown.
        user: The id of the dashboard's account that asked for it; None if there is none.
        token: The id of the API token that asked for it; None if there is none.
        uid: The number of the system's user; None lets the journal fill it in.

    Raises:
        BadArgument: The name has another form (it might be a person's), or an id is not a number.
    """

    kind: AuthorKind
    name: str | None = None
    user: int | None = None
    token: int | None = None
    uid: int | None = None

    def __post_init__(self) -> None:
        """Raise BadArgument for a name or an id of another form."""
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
    """The newest record's position and hash; in an empty log, 0 and the log's initial hash."""

    position: Position
    hash: bytes


def instant(microseconds: int) -> datetime:
    """Microseconds since 1970 as an aware UTC datetime, also before 1970.

    Raises OverflowError if `is_instant` is False.
    """
    return EPOCH + timedelta(microseconds=microseconds)


def in_utc(moment: datetime) -> datetime:
    """A time in UTC. A time without an offset is taken as UTC.

    Raises OverflowError if the result is outside the years 1 to 9999.
    """
    # `astimezone` would use this machine's zone for a time without an offset.
    return moment.replace(tzinfo=UTC) if moment.utcoffset() is None else moment.astimezone(UTC)


def is_instant(microseconds: object) -> TypeGuard[int]:
    """Whether this is a number of microseconds since 1970, in the years 1 to 9999."""
    return isinstance(microseconds, int) and _FIRST_US <= microseconds <= _LAST_US


_MICROSECOND: Final = timedelta(microseconds=1)
_FIRST_US: Final = (datetime.min.replace(tzinfo=UTC) - EPOCH) // _MICROSECOND
_LAST_US: Final = (datetime.max.replace(tzinfo=UTC) - EPOCH) // _MICROSECOND


# The types that each column may have, and all combinations of them.
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
    """What is wrong with the types of a row, as a sentence; None if nothing is."""
    if tuple(map(type, row)) not in _SHAPES:
        for column, types, value in zip(StoredRecord._fields, _TYPES, row, strict=True):
            if type(value) not in types:
                return f"its column {column} holds {type(value).__name__}"
    if len(row.hash) != _HASH_SIZE:
        return f"its hash has {len(row.hash)} bytes"
    return None
