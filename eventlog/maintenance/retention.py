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
from eventlog.errors import BadArgument, BadRecord
from eventlog.facts import Fact, PictureRemoved, ThumbnailSaved
from eventlog.journal import clock
from eventlog.journal import table as journal
from eventlog.journal.progress import Progress, tell
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
from eventlog.pictures.thumbnails import Thumbnails, name_in
from eventlog.record import Receipt, is_instant

# A log that heard of nothing for longer can't say whether the wall clock is right.
SILENT_US: Final = 30 * DAY_US
BATCH: Final = 200  # pictures an append names, and files that are deleted before the next one

_PICTURES: Final = (
    "SELECT position, event_id, kind, version, appended_at, body FROM journal"
    " WHERE position > ? AND kind IN ('thumbnail_saved', 'picture_removed')"
    " ORDER BY position LIMIT ?"
)
_NEWEST: Final = (
    "SELECT appended_at, meta FROM journal WHERE meta IS NOT NULL ORDER BY position DESC LIMIT 1"
)
_VISITS: Final = (
    "SELECT e.id, e.event_type, e.outcome, e.person_name, e.face_recognised, group_concat(d.label)"
    " FROM events e LEFT JOIN detections d ON d.event_id = e.id"
    " WHERE e.id > ? GROUP BY e.id ORDER BY e.id LIMIT ?"
)
_ROWS: Final = 500


__all__ = ["DAY_US", "HOUR_US", "KEEP_UNLOCKS_US", "Picture", "Reason", "Rule", "Visit", "plan"]


class Known(Struct, frozen=True):
    """What the journal says of pictures: those to keep, and paths whose file should be gone."""

    pictures: list[Picture]
    removed: set[str]


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


def known_pictures(
    connection: sqlite3.Connection, now_us: int, progress: Progress | None = None
) -> Known:
    """Every picture of the journal that no fact has removed, and the paths that one has.

    A picture's time is the latest that was seen up to its record and is not in the future: a
    clock that was unset when it was saved makes it look younger, never older.
    """
    alive: dict[str, Picture] = {}
    removed: set[str] = set()
    after, latest = 0, 0
    end = journal.last_position(connection)
    while rows := connection.execute(_PICTURES, (after, _ROWS)).fetchall():
        for position, event_id, kind, version, appended_at, body in rows:
            after = position
            if is_instant(appended_at) and appended_at <= now_us:
                latest = max(latest, appended_at)
            try:
                fact = codecs.decode(kind, version, body, position=position)
            except BadRecord:
                continue  # the views park it, and status counts it
            if isinstance(fact, PictureRemoved):
                alive.pop(_name(fact.path), None)
                removed.add(fact.path)
            elif isinstance(fact, ThumbnailSaved):
                name = _name(fact.path)
                removed -= {path for path in removed if _name(path) == name}
                # A clock that has only been ahead so far says nothing: the picture is new then.
                saved = Picture(
                    position,
                    event_id,
                    fact.path,
                    fact.sha256,
                    fact.size_bytes or 0,
                    latest or now_us,
                )
                first = alive.get(name, saved)
                alive[name] = replace(
                    first, saved_at_us=saved.saved_at_us, also=first.also | {event_id or 0}
                )
        tell(progress, after, end)
    return Known(list(alive.values()), removed)


def _name(path: str) -> str:
    """The file's name: the folder may have had another one. A path without a file stays one."""
    return name_in(path) or path


def known_visits(connection: sqlite3.Connection) -> dict[int, Visit]:
    """What the read table of events says of each visit whose pictures are not like all others."""
    visits: dict[int, Visit] = {}
    after = 0
    while rows := connection.execute(_VISITS, (after, _ROWS)).fetchall():
        for event_id, event_type, outcome, person_name, face_recognised, labels in rows:
            after = event_id
            visit = Visit(
                kept_long=event_type == "ding" or outcome in {"granted", "refused"},
                stranger=person_name is None and face_recognised == 0,
                labels=frozenset((labels or "").split(",")) - {""},
            )
            if visit != Visit():
                visits[event_id] = visit
    return visits


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
        trust_clock: Believe the wall clock though the journal speaks against it.
        progress: Called with the position reached and the last one; None for no calls.

    Raises:
        BadArgument: Ages can't be told.
    """
    now_us = clock.now_us()
    doubt = doubt_about_clock(
        connection, now_us=now_us, boot=clock.boot_id(), clock_ns=clock.boot_clock_ns()
    )
    if doubt is not None and not trust_clock:
        raise BadArgument(f"ages can't be told: {doubt}; --trust-clock believes it")
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
    return unfinished


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
    await store.append(fact, event_id=picture.event_id, key=f"picture_removed:{picture.position}")


async def _delete(thumbnails: Thumbnails, paths: Sequence[str]) -> int:
    return await anyio.to_thread.run_sync(thumbnails.remove, paths)
