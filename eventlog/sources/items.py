"""The items that an adapter makes of a message, and that `feed` appends.

    Visit       opens an event
    Addition    joins the event with its opener key
    Standalone  belongs to no event: a lock operation, the state of a door
    Occurrence  a standalone fact of a source that gives neither an id nor a time
    Picture     becomes the thumbnail of its event, once
    Skipped     understood, and no fact; counted
    Unknown     a kind of message that the adapter does not know; counted by name
    Refused     a message or a field that is not what its source promises; counted

Knows no source and no store.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final, TypeAlias

from msgspec import Struct

from eventlog.facts import Fact

# Identical messages of one device within this time are one, where nothing else distinguishes them.
REPEAT_WINDOW_S: Final = 2.0


class Visit(Struct, frozen=True):
    """An event to open under `key`; the first of `facts` is the opener."""

    key: str
    facts: tuple[Fact, ...]


class Addition(Struct, frozen=True):
    """Facts that join, under `key`, the event that was opened under `opener_key`.

    No source promises its order: where that event was never opened, it is opened with
    `opener_facts` first. With `distinct`, other facts under the same key are another telling and
    not a repeat: they are kept under `key:2`, `key:3`, … `old_key` is the key under which an
    earlier version of this program kept the same facts; where it holds them, nothing is added.
    """

    opener_key: str
    key: str
    facts: tuple[Fact, ...]
    opener_facts: tuple[Fact, ...] = ()
    distinct: bool = False
    old_key: str | None = None


class Standalone(Struct, frozen=True):
    """Facts of no event, under `key`. For `distinct` see `Addition`.

    With `merging`, facts that only leave out what others under the key say are a repeat of those,
    and only facts that contradict them are kept too: for a source that reports one happening by two
    messages, and whose key can't hold who it was.
    """

    key: str
    facts: tuple[Fact, ...]
    distinct: bool = False
    merging: bool = False


class Occurrence(Struct, frozen=True):
    """Facts of no event that come without an id and without a time: the key gets a number.

    `series` names source, device and what happened, without anything personal; `at` is when the
    message arrived, None if that is not known. `live` says that it arrives now; otherwise it
    was read from a file. `duplicate` is the broker's mark of a second delivery. The same within
    `window_s` seconds is one. A `state` is a fact only where it changed; `states` are the series
    of all states of the same thing, this one included.
    """

    series: str
    facts: tuple[Fact, ...]
    at: datetime | None = None
    live: bool = False
    duplicate: bool = False
    window_s: float = REPEAT_WINDOW_S
    states: tuple[str, ...] = ()


class Picture(Struct, frozen=True):
    """A picture for an event: that of `opener_key`, else the latest one of `camera_id`.

    `frame` is the bytes of the picture as they came, `name` the time that its file is named by.
    """

    frame: bytes
    name: str
    opener_key: str | None = None
    camera_id: str | None = None


class Skipped(Struct, frozen=True):
    """A part of a message that is understood and becomes no fact."""

    reason: str


class Unknown(Struct, frozen=True):
    """A message of a kind that the adapter does not know."""

    kind: str


class Refused(Struct, frozen=True):
    """A bad message, or a bad field of one that is sound otherwise.

    `place` says where it is, "" for this message; `reason` repeats no value of it.
    """

    place: str
    reason: str


Appended: TypeAlias = Visit | Addition | Standalone | Occurrence
Item: TypeAlias = Appended | Picture | Skipped | Unknown | Refused


def series(source: str, device: str, *parts: object) -> str:
    """The series of what happened at a device: its parts as a short digest, nothing personal."""
    words = "\x1f".join("" if part is None else str(part) for part in parts)
    digest = hashlib.sha256(f"{device}\x1e{words}".encode(errors="replace")).hexdigest()[:20]
    return f"{source}:{digest}"
