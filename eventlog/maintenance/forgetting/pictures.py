"""Finds the visits of a person, and the pictures of these visits.

A visit is a person's where a record of it holds one of the person's seals.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable
from typing import Final

from eventlog.journal import table as journal
from eventlog.maintenance.known_pictures import known_pictures
from eventlog.maintenance.retention_rule import Picture

_STEP: Final = 20_000  # positions that one statement looks at, so that no snapshot is held for long
_EVENTS: Final = (
    "SELECT DISTINCT event_id FROM journal WHERE position > ? AND position <= ?"
    " AND event_id IS NOT NULL AND ({any})"
)
_SEALS: Final = 50  # that one statement looks for


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
    return [picture for picture in known.pictures if not events.isdisjoint(_visits(picture))]


def _visits(picture: Picture) -> set[int]:
    """Every visit that has the picture: one file may be in several."""
    return {picture.event_id or 0, *picture.also}
