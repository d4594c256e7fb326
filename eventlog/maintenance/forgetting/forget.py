"""Forgets a person: pictures first, then the names; every step can be repeated.

    pictures of the visits ──▶ tables that an adoption kept ──▶ the seals and all that shows them
    ──▶ pictures that came meanwhile

While the name can still be found, a run that was killed is finished by the next one with the same
name. From the erasure on the seals are known to be erased, and each start finishes what is left.
`erasing.py` erases the names; what is outside the log's own files is the caller's.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import anyio.to_thread
from msgspec import Struct

from eventlog.errors import KeysMissing
from eventlog.journal import clock, sealing
from eventlog.maintenance import retention
from eventlog.maintenance.forgetting import left_over, pictures
from eventlog.maintenance.forgetting.erasing import Person, Reason, erase
from eventlog.maintenance.forgetting.left_over import Held
from eventlog.maintenance.forgetting.unseen import unseen
from eventlog.maintenance.known_pictures import known_pictures
from eventlog.maintenance.retention_rule import Picture
from eventlog.pictures.thumbnails import Thumbnails
from eventlog.storage.connections import connect_writer
from eventlog.storage.error_translation import translated
from eventlog.storage.lock import FileLock
from eventlog.storage.paths import lock_path
from eventlog.storage.read_only import opened
from eventlog.store.event_store import EventStore, engine_of

# Pictures of visits that are recorded while a person is forgotten: so often they are looked for.
_ROUNDS: Final = 10


class Reach(Struct, frozen=True):
    """What forgetting a person reaches: visits with the person, and their pictures.

    `held` says which records hold one of the texts outside the seals, which nothing can change.
    """

    events: int
    pictures: list[Picture]
    held: Held


class Forgotten(Struct, frozen=True):
    """What was done.

    Args:
        positions: The records that say so.
        pictures: How many pictures were removed.
        overwritten: How many seals were overwritten.
        legacy: How many cells of tables `legacy_…` were emptied.
        finished: Whether nothing of the names is left in the log's own files.
        why: What keeps it from being finished; empty if it is.
    """

    positions: tuple[int, ...]
    pictures: int
    overwritten: int
    legacy: int
    finished: bool
    why: str


def texts_of(person: Person) -> list[str]:
    """The person's name and what goes with it."""
    return [text for text in (person.name, *person.also) if text]


def reach(db_path: Path, person: Person) -> Reach:
    """What forgetting a person would reach now. Raises DatabaseError."""
    with opened(db_path) as log, translated(db_path):
        events = pictures.events_of(log.connection, person.seals)
        found = pictures.of_events(log.connection, events)
        return Reach(len(events), found, left_over.in_records(log.connection, texts_of(person)))


async def forget(
    store: EventStore,
    thumbnails: Thumbnails,
    person: Person,
    *,
    reason: Reason,
    requested_at: datetime,
    keep_pictures: bool = False,
    timeout_s: float = 60.0,
) -> Forgotten:
    """Forget a person.

    Args:
        store: An open store with the folder of keys.
        thumbnails: The pictures.
        person: See `find_person`.
        reason: Why.
        requested_at: When it was asked for, an aware datetime.
        keep_pictures: Leave the pictures, where others are in them too.
        timeout_s: How long to wait for readers that hold old pages, in seconds.

    Returns:
        What was done.

    Raises:
        KeysMissing: The store has no seals.
        DatabaseError: A step failed. Run it again.
    """
    await _delete_removed(store, thumbnails)
    gone = 0 if keep_pictures else await _remove_pictures(store, thumbnails, person.seals)
    legacy = await anyio.to_thread.run_sync(_clear_legacy, Path(store.db_path), texts_of(person))
    done = await erase(
        store, person.seals, reason=reason, requested_at=requested_at, timeout_s=timeout_s
    )
    if not keep_pictures:
        gone += await _remove_pictures(store, thumbnails, person.seals)
    return Forgotten(
        positions=done.positions,
        pictures=gone,
        overwritten=done.overwritten,
        legacy=legacy,
        finished=done.finished,
        why=done.why,
    )


async def finish(store: EventStore, thumbnails: Thumbnails) -> bool:
    """Do what runs that were killed have left of earlier erasures; whether nothing is left.

    Raises KeysMissing, DatabaseError.
    """
    seals = await store.reader.run(
        lambda c: [seal for _, fact in sealing.erased_after(c, 0) for seal in fact.sealed]
    )
    await _delete_removed(store, thumbnails)
    if not seals:
        return True
    now = datetime.now(UTC)
    return (await erase(store, seals, reason="asked", requested_at=now)).finished


async def forget_unseen(
    store: EventStore, thumbnails: Thumbnails, before_us: int, *, dry_run: bool = False
) -> int:
    """Forget every person whose newest record is older than a time.

    Args:
        store: An open store with the folder of keys.
        thumbnails: The pictures.
        before_us: The time, microseconds since 1970.
        dry_run: Only count them.

    Returns:
        How many persons there are.

    Raises:
        KeysMissing: The names of the log are not sealed.
        DatabaseError: A step failed. Run it again.
    """
    file = engine_of(store).seals.file
    if file is None:
        raise KeysMissing("no person can be forgotten: the names of this log are not sealed")
    persons = await store.reader.run(lambda connection: unseen(connection, file, before_us))
    if not persons or dry_run:
        return len(persons)
    gone = tuple(seal for seals in persons for seal in seals)
    texts = tuple(slot.text for seal in gone if (slot := file.opened(seal)) is not None)
    everybody = Person(name="", seal=gone[0], seals=gone, also=texts)
    now = datetime.now(UTC)
    await forget(store, thumbnails, everybody, reason="retention", requested_at=now)
    return len(persons)


async def _delete_removed(store: EventStore, thumbnails: Thumbnails) -> None:
    """Delete files of which a run that was killed has said that they are removed."""
    now_us = clock.now_us()
    known = await store.reader.run(lambda c: known_pictures(c, now_us))
    await retention.expire(store, thumbnails, known, ())


async def _remove_pictures(
    store: EventStore, thumbnails: Thumbnails, seals: Sequence[bytes]
) -> int:
    count = 0
    for _ in range(_ROUNDS):
        found = await anyio.to_thread.run_sync(_pictures, Path(store.db_path), seals)
        if not found:
            break
        await retention.remove(store, thumbnails, [(one, "forgotten") for one in found])
        count += len(found)
    return count


def _pictures(db_path: Path, seals: Sequence[bytes]) -> list[Picture]:
    with opened(db_path) as log, translated(db_path):
        return pictures.of_events(log.connection, pictures.events_of(log.connection, seals))


def _clear_legacy(db_path: Path, texts: Sequence[str]) -> int:
    with closing(FileLock(lock_path(db_path))) as lock:
        connection: sqlite3.Connection = connect_writer(db_path, lock)
        with lock, translated(db_path):
            try:
                return left_over.clear_legacy(connection, texts)
            finally:
                connection.close()
