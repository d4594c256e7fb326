"""Reads the measured faces of the newest visits, and what they asked the lock.

Reads the views by their columns: what `decision/what_if.py` decides again, and what the page of a
person draws. Faces that a person named by hand were not measured and are left out.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import Any, Final

from eventlog.projections.times import canonical

VISITS_MAX: Final = 10_000

_CHOSEN: Final = (
    "WITH chosen AS (SELECT id, listed_at FROM events WHERE face_recognised IS NOT NULL"
    " AND listed_at >= ? AND listed_at < ? ORDER BY listed_at DESC, id DESC LIMIT ?)"
)
_FACES: Final = (
    "{chosen} SELECT f.event_id, e.listed_at, f.name, f.distance, f.tolerance FROM chosen e"
    " JOIN face_results f ON f.event_id = e.id"
    " WHERE f.given_by IS NULL OR f.given_by != 'person'"
    " ORDER BY e.listed_at DESC, e.id DESC, f.id"
)
_ASKED: Final = (
    "{chosen} SELECT u.event_id, u.granted, u.dry_run, u.person, u.distance, u.reason, u.actor"
    " FROM chosen e JOIN unlock_actions u ON u.event_id = e.id WHERE u.confirms IS NULL"
    " AND u.door_action != 'locked' ORDER BY u.id"
)
_OF_PERSON: Final = (
    "SELECT e.id, e.listed_at, f.distance, f.tolerance FROM events e JOIN face_results f"
    " ON f.event_id = e.id WHERE e.person_name = ? AND f.distance IS NOT NULL"
    " AND f.name IS NOT NULL"
    " ORDER BY e.listed_at DESC, e.id DESC, f.distance LIMIT ?"
)
_FACE: Final = ("event_id", "at", "name", "distance", "tolerance")
_ACTION: Final = ("event_id", "granted", "dry_run", "person", "distance", "reason", "actor")
_BEGIN: Final = "0000"
_END: Final = "9999-99"


def history(
    connection: sqlite3.Connection,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = VISITS_MAX,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The faces, event by event from the newest, and what was asked of the lock in those events."""
    bounds = (
        _BEGIN if since is None else canonical(since),
        _END if until is None else canonical(until),
        limit,
    )
    faces = connection.execute(_FACES.format(chosen=_CHOSEN), bounds)
    asked = connection.execute(_ASKED.format(chosen=_CHOSEN), bounds)
    return (
        [dict(zip(_FACE, row, strict=True)) for row in faces],
        [dict(zip(_ACTION, row, strict=True)) for row in asked],
    )


def distances(
    connection: sqlite3.Connection, person: str, limit: int
) -> list[tuple[int, str, float, float | None]]:
    """A person's newest visits, the oldest first: event, time, nearest distance and tolerance."""
    # A visit may have several faces of one person; of each, the nearest is kept.
    rows = connection.execute(_OF_PERSON, (person, 20 * limit)).fetchall()
    nearest: dict[int, tuple[int, str, float, float | None]] = {}
    for row in rows:
        nearest.setdefault(row[0], row)
    return list(nearest.values())[:limit][::-1]
