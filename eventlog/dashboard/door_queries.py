"""Queries of the pages about doors: the slots and users that locks know, and how they are used.

Pure functions over a read-only connection, bounded however long the history is. Knows the columns
of the views.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct

from eventlog.projections import means
from eventlog.projections.event_list import Query

ACTIONS_MAX: Final = 5_000  # of the newest, looked at for slots
SLOTS_MAX: Final = 200

_SLOTS: Final = (
    "SELECT door_id, credential_slot, user_ref, max(credential_kind), person, actor,"
    " max(listed_at), count(*) FROM (SELECT * FROM unlock_actions ORDER BY listed_at DESC LIMIT ?)"
    " WHERE credential_slot IS NOT NULL OR user_ref IS NOT NULL"
    " GROUP BY door_id, credential_slot, user_ref ORDER BY door_id, credential_slot, user_ref"
    " LIMIT ?"
)
# Where a lock gives no name for itself.
_SOMEWHERE: Final = "lock"


class Slot(Struct, frozen=True, kw_only=True):
    """A slot or a user of a lock, by which `identity_linked` names it, and whose it is."""

    source: str
    identity: str
    words: str
    person: str | None
    last: str
    count: int


def rows(
    connection: sqlite3.Connection, columns: Sequence[str], query: Query
) -> list[dict[str, Any]]:
    """The rows of a query, with the names of their columns."""
    return [dict(zip(columns, row, strict=True)) for row in connection.execute(*query)]


def slots_of(connection: sqlite3.Connection) -> list[Slot]:
    """The slots and users that the newest actions name, lock by lock."""
    return [
        Slot(
            source=door or _SOMEWHERE,
            identity=f"slot {slot}" if user is None else user,
            words=_words(door, slot, user, means.in_slot(actor, kind)),
            person=person,
            last=last,
            count=count,
        )
        for door, slot, user, kind, person, actor, last, count in connection.execute(
            _SLOTS, (ACTIONS_MAX, SLOTS_MAX)
        )
        if user is not None or door is not None
    ]


def _words(door: str | None, slot: int | None, user: str | None, what: str) -> str:
    of = "" if door is None else f" of {door}"
    if user is not None:
        return f"user {user}{of}"
    return f"{what} of slot {slot}{of}"
