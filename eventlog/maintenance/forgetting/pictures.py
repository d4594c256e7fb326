"""Removes the pictures of a person's visits: a fact first, on the disk, then the file.

A visit is a person's where a record of it holds one of the person's seals. A run that is killed
leaves files that a fact has said goodbye to; the next run, and `eventlog expire`, delete them.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final

import anyio.to_thread

from eventlog.errors import KeyConflict
from eventlog.facts import PictureRemoved
from eventlog.journal import table as journal
from eventlog.maintenance.retention import Store, known_pictures
from eventlog.maintenance.retention_rule import Picture
from eventlog.pictures.thumbnails import Thumbnails

_STEP: Final = 20_000  # positions that one statement looks at, so that no snapshot is held for long
_EVENTS: Final = (
    "SELECT DISTINCT event_id FROM journal WHERE position > ? AND position <= ?"
    " AND event_id IS NOT NULL AND ({any})"
)
_SEALS: Final = 50  # that one statement looks for
_BATCH: Final = 100


def events_of(connection: sqlite3.Connection, seals: Iterable[bytes]) -> set[int]:
    """The events with a record that holds one of these seals."""
    end, found, wanted = journal.last_position(connection), set[int](), list(seals)
    for first in range(0, len(wanted), _SEALS):
        some = wanted[first : first + _SEALS]
        sql = _EVENTS.format(any=" OR ".join(["instr(body, ?)"] * len(some)))
        for start in range(0, end, _STEP):
            rows = connection.execute(sql, (start, start + _STEP, *some))
            found.update(event_id for (event_id,) in rows)
    return found


def of_events(connection: sqlite3.Connection, events: set[int]) -> list[Picture]:
    """The pictures of these events that no fact has removed yet."""
    known = known_pictures(connection, time.time_ns() // 1000)
    return [picture for picture in known.pictures if picture.event_id in events]


async def remove(store: Store, thumbnails: Thumbnails, pictures: Sequence[Picture]) -> None:
    """Record that these pictures are removed, and delete their files.

    Raises DatabaseError; run it again.
    """
    for start in range(0, len(pictures), _BATCH):
        batch = pictures[start : start + _BATCH]
        for picture in batch:
            fact = PictureRemoved(
                path=picture.path,
                sha256=picture.sha256,
                size_bytes=picture.size_bytes or None,
                reason="forgotten",
            )
            key = f"picture_removed:{picture.position}"
            with suppress(KeyConflict):  # another rule has just removed it
                await store.append(fact, event_id=picture.event_id, key=key)
        paths = [picture.path for picture in batch]
        await anyio.to_thread.run_sync(thumbnails.remove, paths)
