"""Which events and unlocks of a list came late, and are marked there.

An unlock is late that joined its event long after that was opened. An event, or an unlock of no
event, is late that a token brought in long after its own time: a history that the machine itself
reads in is not marked, or every card of it would be. By the wall clock, which is all that the views
have; one that was not set says nothing. Knows the views' columns.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from eventlog.journal import table as journal
from eventlog.projections.late import LATE_S
from eventlog.store.late_facts import late_facts

_JOINED_LATE: Final = (
    "SELECT u.id, u.event_id FROM unlock_actions u JOIN events e ON e.id = u.event_id"
    " WHERE u.event_id IN ({marks}) AND e.created_at > '2020'"
    " AND strftime('%s', u.appended_at) - strftime('%s', e.created_at) > ?"
)


def late_unlocks(connection: sqlite3.Connection, shown: Sequence[Mapping[str, Any]]) -> set[int]:
    """The ids of those rows of `unlock_actions` that came late."""
    joined = _joined_late(connection, (row["event_id"] for row in shown))
    rows = [(row["id"], row["listed_at"]) for row in shown if _is_far(row, "appended_at")]
    return {*joined, *by_token(connection, rows)}


def late_events(connection: sqlite3.Connection, shown: Sequence[Mapping[str, Any]]) -> set[int]:
    """The ids of those rows of `events` that came late, or whose door action did."""
    joined = _joined_late(connection, (event["id"] for event in shown))
    openers = {
        opener.position: (event["id"], event["listed_at"])
        for event in shown
        if _is_far(event, "created_at")
        and (opener := journal.opener_of(connection, event["id"])) is not None
    }
    late = by_token(connection, [(position, at) for position, (_, at) in openers.items()])
    return {*joined.values(), *(openers[position][0] for position in late)}


def _joined_late(connection: sqlite3.Connection, events: Iterable[int | None]) -> dict[int, int]:
    """The unlocks that were added to these events late, each with its event."""
    wanted = sorted({event_id for event_id in events if event_id is not None})
    marks = ", ".join("?" * len(wanted))
    rows = connection.execute(_JOINED_LATE.format(marks=marks), (*wanted, LATE_S))
    return dict(rows.fetchall())


def _is_far(row: Mapping[str, Any], appended: str) -> bool:
    """Whether a row is shown long before it was appended: only then its append is looked at."""
    listed, came = (datetime.fromisoformat(row[name]) for name in ("listed_at", appended))
    return (came - listed).total_seconds() > LATE_S - 1  # a view may have cut off parts of a second


def by_token(
    connection: sqlite3.Connection, rows: Iterable[tuple[int | None, str | None]]
) -> set[int]:
    """Those of these facts, by position, that a token brought in late, each with its shown time."""
    found = late_facts(connection, rows)
    return {position for position, late in found.items() if late.by_token}
