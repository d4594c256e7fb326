"""Deletes pictures by rule: by age, or when they take too much space.

Nothing is deleted without a rule. What is deleted is said by a fact first: `picture_removed` is on
the disk before the file goes. A run that is killed in between is finished by the next one, which
deletes every file that such a fact names. Facts are never deleted.

`retention_rule.py` says which. The age of a picture is computed from the times of the journal, and
not trusted where the wall clock can't be: see `doubt_about_clock`.

Knows the journal's rows and the read table of events, and no command.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from typing import Final, Protocol

import anyio.to_thread
from msgspec import Struct
from msgspec.structs import replace

from eventlog import codecs
from eventlog.errors import BadArgument, KeyConflict
from eventlog.facts import Fact, PictureRemoved
from eventlog.journal import clock
from eventlog.journal.progress import Progress, tell
from eventlog.maintenance.known_pictures import Known, known_pictures, known_visits
from eventlog.maintenance.retention_rule import (
    DAY_US,
    HOUR_US,
    KEEP_UNLOCKS_US,
    Picture,
    Reason,
    Rule,
    Visit,
    plan,
)
from eventlog.pictures.thumbnails import Thumbnails
from eventlog.record import Receipt

# A log that heard of nothing for longer can't say whether the wall clock is right.
SILENT_US: Final = 30 * DAY_US
BATCH: Final = 200  # pictures an append names, and files that are deleted before the next one

_NEWEST: Final = (
    "SELECT appended_at, meta FROM journal WHERE meta IS NOT NULL ORDER BY position DESC LIMIT 1"
)


__all__ = ["DAY_US", "HOUR_US", "KEEP_UNLOCKS_US", "Picture", "Reason", "Rule", "Visit", "plan"]


class Expired(Struct, frozen=True):
    """What a run did, or would do: how many pictures and bytes, by reason.

    `unfinished` are files that an earlier run had said goodbye to and that were still there.
    """

    by_age: int
    by_bytes: int
    bytes_freed: int
    unfinished: int
    kept: int
    kept_bytes: int


class Look(Struct, frozen=True):
    """What a rule would delete now: the pictures that are known, and those that are chosen."""

    known: Known
    chosen: list[tuple[Picture, Reason]]


class Store(Protocol):
    """What is needed of a store."""

    async def append(
        self, *facts: Fact, event_id: int | None = None, key: str | None = None
    ) -> Receipt:
        """Append facts, all or none; answered when they are on the disk."""
        ...


# ── what the log knows ─────────────────────────────────────────────────────────────────────


def doubt_about_clock(
    connection: sqlite3.Connection, *, now_us: int, boot: bytes | None, clock_ns: int | None
) -> str | None:
    """Why ages can't be computed now; None if the wall clock agrees with the journal.

    Args:
        connection: The log.
        now_us: The wall time, microseconds since 1970.
        boot: The id of this boot. None: not known.
        clock_ns: Nanoseconds since this boot. None: not known.
    """
    row = connection.execute(_NEWEST).fetchone()
    if row is None:
        return None
    appended_at, meta = row
    try:
        known = codecs.decode_meta(meta)
    except ValueError:
        return "the clock's entry of the newest record can't be read"
    if boot is not None and clock_ns is not None and known.get("boot") == boot:
        since_us = (clock_ns - int(known.get("clock_ns", 0))) // 1000
        was_set = abs(now_us - (appended_at + since_us)) > HOUR_US
        return "the wall clock was set since the newest record" if was_set else None
    if now_us < appended_at:
        return "the newest record is later than the wall clock"
    is_old = now_us - appended_at > SILENT_US
    return "the newest record is over 30 days old: the wall clock may be wrong" if is_old else None


def look(
    connection: sqlite3.Connection,
    rule: Rule,
    thumbnails: Thumbnails,
    *,
    trust_clock: bool = False,
    progress: Progress | None = None,
) -> Look:
    """Choose by a rule what is deleted now.

    Args:
        connection: The log.
        rule: The rule.
        thumbnails: The folder, whose files say how much room they take: a fact may say anything.
        trust_clock: Trust the wall clock even if the journal contradicts it.
        progress: Called with the position reached and the last one; None for no calls.

    Raises:
        BadArgument: Ages can't be told.
    """
    now_us = clock.now_us()
    doubt = doubt_about_clock(
        connection, now_us=now_us, boot=clock.boot_id(), clock_ns=clock.boot_clock_ns()
    )
    if doubt is not None and not trust_clock:
        raise BadArgument(f"ages can't be determined: {doubt}; --trust-clock believes it")
    known = known_pictures(connection, now_us, progress)
    if rule.bytes_max is not None:
        sized = [replace(one, size_bytes=_size(thumbnails, one.path)) for one in known.pictures]
        known = replace(known, pictures=sized)
    return Look(known, plan(known.pictures, known_visits(connection), rule, now_us))


def _size(thumbnails: Thumbnails, path: str) -> int:
    """How much room a picture takes; nothing where it has no file."""
    file = thumbnails.find(path)
    try:
        return 0 if file is None else file.stat().st_size
    except OSError:
        return 0  # it has gone meanwhile


# ── deleting ───────────────────────────────────────────────────────────────────────────────


async def expire(
    store: Store,
    thumbnails: Thumbnails,
    known: Known,
    chosen: Sequence[tuple[Picture, Reason]],
    *,
    progress: Progress | None = None,
) -> int:
    """Say that the chosen pictures are removed, and delete their files; finish earlier runs first.

    Args:
        store: Appends the facts; each is on the disk before its file is deleted.
        thumbnails: The folder.
        known: What the journal says of pictures.
        chosen: What `plan` answered.
        progress: Called with how many pictures are done, and of how many.

    Returns:
        How many files of earlier runs were still there.

    Raises:
        DatabaseError: A fact could not be appended, or a file not be deleted. Run it again.
    """
    unfinished = await _delete(thumbnails, sorted(known.removed))
    await remove(store, thumbnails, chosen, progress=progress)
    return unfinished


async def remove(
    store: Store,
    thumbnails: Thumbnails,
    chosen: Sequence[tuple[Picture, Reason]],
    *,
    progress: Progress | None = None,
) -> None:
    """Say that pictures are removed, each for its reason, and delete their files.

    Raises DatabaseError: run it again.
    """
    done = 0
    for start in range(0, len(chosen), BATCH):
        batch = chosen[start : start + BATCH]
        # Side by side, so that they share commits; no file goes unless all of them are stored.
        answers = await asyncio.gather(
            *(_say_removed(store, picture, reason) for picture, reason in batch),
            return_exceptions=True,
        )
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        await _delete(thumbnails, [picture.path for picture, _ in batch])
        done += len(batch)
        tell(progress, done, len(chosen))


def summary(
    known: Known, chosen: Sequence[tuple[Picture, Reason]], *, unfinished: int = 0
) -> Expired:
    """What a run did, or would do."""
    freed = sum(picture.size_bytes for picture, _ in chosen)
    return Expired(
        by_age=sum(reason == "age" for _, reason in chosen),
        by_bytes=sum(reason == "bytes" for _, reason in chosen),
        bytes_freed=freed,
        unfinished=unfinished,
        kept=len(known.pictures) - len(chosen),
        kept_bytes=sum(picture.size_bytes for picture in known.pictures) - freed,
    )


async def _say_removed(store: Store, picture: Picture, reason: Reason) -> None:
    fact = PictureRemoved(
        path=picture.path,
        sha256=picture.sha256,
        size_bytes=picture.size_bytes or None,
        reason=reason,
    )
    event_id = picture.event_id if picture.also <= {picture.event_id} else None
    try:
        await store.append(fact, event_id=event_id, key=f"picture_removed:{picture.position}")
    except KeyConflict:  # another rule has just removed it, or somebody else has used the key
        await store.append(fact, event_id=event_id)


async def _delete(thumbnails: Thumbnails, paths: Sequence[str]) -> int:
    return await anyio.to_thread.run_sync(thumbnails.remove, paths)
