"""An append: encodes its facts, and checks the rules for one append. Pure.

Pure: nothing is read or written here. `sequencer.py` gives appends their place in the journal.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import starmap
from typing import Any, Final, Literal, TypeAlias, TypeVar, cast

from msgspec import Struct

from eventlog import codecs
from eventlog.errors import (
    BadAppend,
    BadArgument,
    BadKey,
    BadRecord,
    UnknownEvent,
)
from eventlog.facts import OPENERS, STANDALONE, Fact, require_text
from eventlog.journal import chain, plain_values
from eventlog.record import ID_MAX, LIBRARY, Author, Head, Position

T = TypeVar("T")
Durability: TypeAlias = Literal["durable", "relaxed"]

KEY_LENGTH_MAX: Final = 200
FACTS_MAX: Final = 10_000
# An append that may use the reserve has no more facts and bytes than a visit with its unlock.
RESERVE_FACTS_MAX: Final = 32
RESERVE_BYTES_MAX: Final = 16 * 1024


class EncodedFact(Struct, frozen=True, gc=False):
    """A fact as the journal keeps it."""

    kind: str
    version: int
    body: bytes


class Append(Struct, frozen=True, gc=False):
    """Facts that go into the journal together or not at all.

    `opens` says that the first of them opens an event; `event_id` is an event that they join.
    `durable` says that they are acknowledged only when they are on the disk, `unlocks` that an
    unlock action is among them. `appended_at_us` and `meta` are None for what happens now; records
    that are imported bring their own.
    `author` is who appends; it is not used where `meta` is given.
    """

    facts: tuple[EncodedFact, ...]
    opens: bool
    event_id: int | None = None
    key: str | None = None
    durable: bool = True
    unlocks: bool = False
    appended_at_us: int | None = None
    meta: bytes | None = None
    author: Author = LIBRARY

    @property
    def may_use_reserve(self) -> bool:
        """Whether the room that is kept on a full disk is meant for this append.

        It is for a small append with an unlock action, by a program of this machine: not by an API
        token, not by an account, and not for records that are carried over from elsewhere.
        """
        return (
            self.unlocks
            and self.meta is None
            and self.author.token is None
            and self.author.user is None
            and len(self.facts) <= RESERVE_FACTS_MAX
            and sum(len(fact.body) for fact in self.facts) <= RESERVE_BYTES_MAX
        )


def prepare(
    facts: Sequence[Fact],
    *,
    event_id: int | None = None,
    key: str | None = None,
    durability: Durability = "durable",
    author: Author = LIBRARY,
) -> Append:
    """An append of these facts by this author. Whatever is wrong is raised before any write.

    An unlock action makes its append durable whatever was asked: the bolt moves after the
    record is safe. Raises the CallerErrors that `errors.py` lists.
    """
    if not facts:
        raise BadAppend("no_fact", "an append needs at least one fact")
    if len(facts) > FACTS_MAX:
        raise BadArgument(f"an append has {FACTS_MAX} facts at most, not {len(facts)}")
    if durability not in ("durable", "relaxed"):
        raise BadArgument("durability is 'durable' or 'relaxed'")
    if not isinstance(author, Author):
        raise BadArgument(f"a writer is an Author, not {type(author).__name__}")
    encoded = tuple(starmap(EncodedFact, map(plain_values.encode, facts)))
    for fact in facts:
        require_text(fact)
    event_id, key = plain_argument(event_id), plain_argument(key)
    check_event_id(event_id)
    check_key(key)
    kinds = [fact.kind for fact in encoded]
    opens = _opens(kinds, event_id)
    unlocks = "unlock_action" in kinds
    durable = unlocks or durability == "durable"
    return Append(encoded, opens, event_id, key, durable, unlocks, author=author)


def plain_argument(value: T) -> T:
    """An id or a key at its plain value, as numpy and enums hold them; else the value itself."""
    try:
        return cast("T", plain_values.plain_value(value))
    except plain_values.NotPlainError:
        return value  # the check that follows names it


def check_event_id(event_id: int | None) -> None:
    """Raise BadArgument for what is not an id, UnknownEvent for an id that no event can have."""
    if event_id is None:
        return
    if type(event_id) is not int:
        raise BadArgument(f"an event id is an int, not {type(event_id).__name__}")
    if not 0 < event_id <= ID_MAX:
        raise UnknownEvent(event_id)


def check_key(key: str | None) -> None:
    """Raise BadKey for what is not a valid idempotency key."""
    if key is None:
        return
    if not isinstance(key, str):
        raise BadKey(f"a key is text, not {type(key).__name__}")
    if not 0 < len(key) <= KEY_LENGTH_MAX:
        raise BadKey(f"a key has 1 to {KEY_LENGTH_MAX} characters, not {len(key)}")
    try:
        key.encode()
    except UnicodeEncodeError as error:
        raise BadKey("a key holds a lone surrogate, which UTF-8 can't hold") from error


def place(
    append: Append, after: Head, *, event_id: int | None, at_us: int, meta: bytes | None
) -> tuple[list[tuple[Any, ...]], Head]:
    """The rows of an append that comes after a head, and the head after them.

    `at_us` and `meta` are those of now; an append that was carried over brings its own.
    """
    previous, position = after.hash, int(after.position)
    size = len(append.facts)
    at_us = at_us if append.appended_at_us is None else append.appended_at_us
    meta = meta if append.meta is None else append.meta
    key = append.key
    rows = []
    for index, fact in enumerate(append.facts):
        position += 1
        envelope = position, event_id, fact.kind, fact.version, chain.FORMAT, at_us, index, size
        columns = (*envelope, key, meta, fact.body)
        previous = chain.seal(previous, columns)
        rows.append((*columns, previous))
        key = meta = None  # only the first record has them
    return rows, Head(Position(position), previous)


def same_facts(
    ours: Append, stored: Sequence[tuple[str, int, bytes]], event_id: int | None
) -> bool:
    """Whether an append says what these stored kinds, versions and bodies say.

    `event_id` is the event that the stored ones belong to. Compared as facts, decoded and
    lifted, so that a changed encoder or a later shape makes no conflict; bytes that this
    program can't read are equal to themselves only.
    """
    if not ours.opens and ours.event_id != event_id:
        return False
    if len(ours.facts) != len(stored):
        return False
    return all(_same(fact, other) for fact, other in zip(ours.facts, stored, strict=True))


def _same(fact: EncodedFact, stored: tuple[str, int, bytes]) -> bool:
    if (fact.kind, fact.version, fact.body) == stored:
        return True
    try:
        return codecs.decode(fact.kind, fact.version, fact.body) == codecs.decode(*stored)
    except BadRecord:
        return False


_JOIN: Final = "put a motion or a ding before it, or pass event_id"


def _opens(kinds: Sequence[str], event_id: int | None) -> bool:
    openers = [index for index, kind in enumerate(kinds) if kind in OPENERS]
    if openers and event_id is not None:
        sentence = f"a motion or a ding opens an event; it can't join event {event_id}"
        raise BadAppend("opener_with_event", sentence)
    if len(openers) > 1:
        sentence = "two facts of one append open an event; append them apart"
        raise BadAppend("two_openers", sentence)
    if openers and openers[0] > 0:
        sentence = f"a {kinds[0]} comes before the motion or ding that opens its event"
        raise BadAppend("fact_before_opener", sentence)
    if not openers and event_id is None:
        for kind in kinds:
            if kind not in STANDALONE:
                raise BadAppend("no_event", f"a {kind} belongs to an event: {_JOIN}")
    return bool(openers)
