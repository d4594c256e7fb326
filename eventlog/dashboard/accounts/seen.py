"""Which events each user has looked at: marks of single events, and one up to a position.

Queries of the table `seen_marks` and of `users.seen_through`. A mark holds the position of the
newest fact that was seen, so that an event comes back with what is new. It is not a fact: nothing
of it is in the log. Functions take the connection and the time in seconds since 1970.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final, NamedTuple

from msgspec import Struct

from eventlog.storage.connections import transaction

MARKS_MAX: Final = 2_000  # of each user, the newest


class Seen(Struct, frozen=True):
    """What a user has seen: all up to the position `through`, and single events up to others."""

    through: int = 0
    events: dict[int, int] = {}


class Mark(NamedTuple):
    """That a user has seen an event, with its facts up to a position."""

    user_id: int
    event_id: int
    position: int
    seen_at_s: int


def of_user(connection: sqlite3.Connection, user_id: int) -> Seen:
    """What a user has seen."""
    row = connection.execute("SELECT seen_through FROM users WHERE id = ?", (user_id,)).fetchone()
    marks = connection.execute(
        "SELECT event_id, position FROM seen_marks WHERE user_id = ?", (user_id,)
    )
    return Seen(0 if row is None else int(row[0]), dict(marks.fetchall()))


def mark(connection: sqlite3.Connection, marks: Sequence[Mark]) -> None:
    """Note what users have seen; what an account that is removed has seen is left out."""
    with transaction(connection):
        connection.executemany(
            "INSERT INTO seen_marks (user_id, event_id, position, seen_at)"
            " SELECT ?1, ?2, ?3, ?4 WHERE EXISTS (SELECT 1 FROM users WHERE id = ?1)"
            " ON CONFLICT DO UPDATE SET position = max(position, ?3), seen_at = ?4",
            marks,
        )
        connection.executemany(
            "DELETE FROM seen_marks WHERE user_id = ?1 AND position < (SELECT position"
            " FROM seen_marks WHERE user_id = ?1 ORDER BY position DESC LIMIT 1 OFFSET ?2)",
            [(user_id, MARKS_MAX - 1) for user_id in {mark.user_id for mark in marks}],
        )


def mark_all(connection: sqlite3.Connection, user_id: int, through: int) -> None:
    """Note that a user has seen everything up to a position; marks until there are not needed."""
    with transaction(connection):
        connection.execute(
            "UPDATE users SET seen_through = max(seen_through, ?) WHERE id = ?", (through, user_id)
        )
        connection.execute(
            "DELETE FROM seen_marks WHERE user_id = ? AND position <="
            " (SELECT seen_through FROM users WHERE id = ?)",
            (user_id, user_id),
        )
