"""Queries for what a household sees first: the door now, today's figures, what needs a look.

Pure functions over a read-only connection. Each is served by an index and bounded, however long
the history is. Knows the views' columns and which facts came late, and neither the accounts nor a
template.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec import Struct

from eventlog.projections import events, unlock_actions
from eventlog.projections.times import canonical
from eventlog.store.late_marks import by_token, late_unlocks

WAITING_DAYS: Final = 14  # an older event is no longer asked about
WAITING_MAX: Final = 100  # events that are counted
COUNTED_MAX: Final = 1_000  # rings, strangers or refusals of a day
ACTIONS_MAX: Final = 500  # the newest ones, among which the last opening is looked for
ROWS_MAX: Final = 500  # of one index, the newest

_DOORS: Final = (
    "SELECT door_id, max(door), max(door_at), max(door_position), max(bolt), max(bolt_at),"
    " max(bolt_position) FROM (SELECT door_id, state AS door, at AS door_at, id AS door_position,"
    " NULL AS bolt, NULL AS bolt_at, NULL AS bolt_position FROM doors"
    " UNION ALL SELECT door_id, NULL, NULL, NULL, state, at, id FROM locks)"
    " GROUP BY door_id ORDER BY door_id LIMIT ?"
)
DOORS_MAX: Final = 20
OPENING: Final = (
    f"SELECT {', '.join(unlock_actions.COLUMNS)} FROM"  # noqa: S608 - columns of ours
    " (SELECT * FROM unlock_actions ORDER BY listed_at DESC, id DESC LIMIT ?)"
    " WHERE confirms IS NULL AND NOT dry_run AND effect IN ('unlocked', 'unlatched')"
    " AND outcome IN ('granted', 'none') LIMIT 1"
)
TERMS: Final = {
    "rings": events.DING,
    "strangers": events.STRANGER,
    "refused": events.REFUSED,
}
COUNT: Final = (
    "SELECT count(*) FROM (SELECT 1 FROM events WHERE {term} AND listed_at >= ? AND listed_at < ?"
    " LIMIT ?)"
)
# A ring that somebody known answered for, or that opened the door, needs no look.
_UNANSWERED: Final = f"{events.DING} AND person_name IS NULL AND opened = 0"
_FAILED: Final = "outcome = '{}'"
_NEEDED: Final = (
    *(events.STRANGER, events.REFUSED, _UNANSWERED),
    *(_FAILED.format(word) for word in ("failed", "timed_out", "unknown")),
)
WAITING: Final = " UNION ".join(
    "SELECT * FROM (SELECT id, listed_at FROM events"  # noqa: S608 - terms of ours
    f" WHERE {term} AND listed_at >= ?1 ORDER BY listed_at DESC LIMIT {ROWS_MAX})"
    for term in _NEEDED
)
# When the newest fact of an event came that may be news: its opener, a face or an action.
NEWS: Final = (
    "max((SELECT min(position) FROM journal WHERE event_id = w.id),"
    " coalesce((SELECT max(id) FROM face_results WHERE event_id = w.id), 0),"
    " coalesce((SELECT max(id) FROM unlock_actions WHERE event_id = w.id), 0))"
)
_RANKED: Final = f"SELECT w.id, {NEWS} FROM ({WAITING}) w ORDER BY w.listed_at DESC, w.id DESC"  # noqa: S608 - terms of ours


class DoorNow(Struct, frozen=True):
    """What a door's contact and its lock last reported, and when; None where nothing did.

    `late` says that a token brought in one of the two reports long after its time.
    """

    door_id: str
    door: str | None
    door_at: str | None
    bolt: str | None
    bolt_at: str | None
    late: bool


class Waiting(Struct, frozen=True):
    """Events to look at: the newest first, at most WAITING_MAX.

    `through` is the position of the newest fact among them: a person who has seen them has seen
    everything up to it.
    """

    ids: tuple[int, ...] = ()
    through: int = 0


class Today(Struct, frozen=True):
    """The figures of one day, and the door's state now."""

    doors: list[DoorNow]
    opening: dict[str, Any] | None  # with `late`, whether it was added later
    counts: dict[str, int]


def today(connection: sqlite3.Connection, begin: datetime, end: datetime) -> Today:
    """What a household asks first, for the day between two times."""
    bounds = canonical(begin), canonical(end), COUNTED_MAX
    return Today(
        doors=_doors(connection),
        opening=_opening(connection),
        counts={
            name: int(connection.execute(COUNT.format(term=term), bounds).fetchone()[0])
            for name, term in TERMS.items()
        },
    )


def _doors(connection: sqlite3.Connection) -> list[DoorNow]:
    rows = connection.execute(_DOORS, (DOORS_MAX,)).fetchall()
    reports = [report for row in rows for report in ((row[3], row[2]), (row[6], row[5]))]
    late = by_token(connection, reports)
    return [
        DoorNow(door_id, door, door_at, bolt, bolt_at, late=by_contact in late or by_lock in late)
        for door_id, door, door_at, by_contact, bolt, bolt_at, by_lock in rows
    ]


def _opening(connection: sqlite3.Connection) -> dict[str, Any] | None:
    row = connection.execute(OPENING, (ACTIONS_MAX,)).fetchone()
    if row is None:
        return None
    found = dict(zip(unlock_actions.COLUMNS, row, strict=True))
    return {**found, "late": bool(late_unlocks(connection, [found]))}


def waiting(
    connection: sqlite3.Connection, now: datetime, through: int, seen: Mapping[int, int]
) -> Waiting:
    """The events of the last WAITING_DAYS that need a look and have had none.

    Args:
        connection: A read-only one.
        now: The time now.
        through: The position up to which everything was seen.
        seen: The position up to which single events were seen, by event id.

    Returns:
        The events; one that was seen comes again with a fact that may be news.
    """
    since = canonical(now - timedelta(days=WAITING_DAYS))
    ids: list[int] = []
    newest = through
    for event_id, news in connection.execute(_RANKED, (since,)):
        if news > max(through, seen.get(event_id, 0)):
            ids.append(event_id)
            newest = max(newest, news)
        if len(ids) == WAITING_MAX:
            break
    return Waiting(tuple(ids), newest)


def news_of(connection: sqlite3.Connection, event_id: int) -> int:
    """The position of the newest fact of an event that may be news, 0 where there is none."""
    sql = f"SELECT {NEWS} FROM (SELECT ? AS id) w"  # noqa: S608 - a term of ours
    return int(connection.execute(sql, (event_id,)).fetchone()[0] or 0)
