"""Reads which pictures the journal knows, and what of a visit decides how long they are kept.

Knows the journal's rows and the read table of events; deletes nothing.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from eventlog import codecs
from eventlog.errors import BadRecord
from eventlog.facts import PictureRemoved, ThumbnailSaved
from eventlog.journal import table as journal
from eventlog.journal.progress import Progress, tell
from eventlog.maintenance.retention_rule import Picture, Visit
from eventlog.pictures.thumbnails import name_in
from eventlog.record import is_instant

_PICTURES: Final = (
    "SELECT position, event_id, kind, version, appended_at, body FROM journal"
    " WHERE position > ? AND kind IN ('thumbnail_saved', 'picture_removed')"
    " ORDER BY position LIMIT ?"
)
_VISITS: Final = (
    "SELECT e.id, e.event_type, e.outcome, e.person_name, e.face_recognised, group_concat(d.label)"
    " FROM events e LEFT JOIN detections d ON d.event_id = e.id"
    " WHERE e.id > ? GROUP BY e.id ORDER BY e.id LIMIT ?"
)
_ROWS: Final = 500


class Known(Struct, frozen=True):
    """What the journal says of pictures: those to keep, and paths whose file should be gone."""

    pictures: list[Picture]
    removed: set[str]


def known_pictures(
    connection: sqlite3.Connection, now_us: int, progress: Progress | None = None
) -> Known:
    """Every picture of the journal that no fact has removed, and the paths that one has.

    A picture's time is the latest that was seen up to its record and is not in the future: a
    clock that was unset when it was saved makes it look younger, never older.
    """
    alive: dict[str, Picture] = {}
    removed: dict[str, set[str]] = {}  # paths, by the name of the file
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
                removed.setdefault(_name(fact.path), set()).add(fact.path)
            elif isinstance(fact, ThumbnailSaved):
                name = _name(fact.path)
                removed.pop(name, None)
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
    return Known(list(alive.values()), {path for paths in removed.values() for path in paths})


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
