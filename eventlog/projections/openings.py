"""The openings of doors: from when to when each door was open, and what opened it.

Read from `door_reports`; a contact that repeats that it is open begins no second opening. The
unlock and the visit are joined by time only: the newest unlock within BEFORE_S before the door
opened, of the same door where there is one, and its event, or the newest event near it. Knows the
columns of the views.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from eventlog.projections import unlock_actions
from eventlog.projections.paging import require_moment, require_page
from eventlog.projections.reported import Query
from eventlog.projections.times import canonical, since_epoch_us
from eventlog.record import ID_MAX

BEFORE_S: Final = 120
AFTER_S: Final = 60

_OPEN: Final = "('open', 'ajar', 'forced_open')"
_EARLIER: Final = (
    "SELECT p.state FROM door_reports p WHERE p.door_id = r.door_id AND (p.at_us, p.id) <"
    " (r.at_us, r.id) ORDER BY p.at_us DESC, p.id DESC LIMIT 1"
)
_NEXT: Final = (
    "SELECT n.id FROM door_reports n WHERE n.door_id = r.door_id AND (n.at_us, n.id) >"
    f" (r.at_us, r.id) AND n.state NOT IN {_OPEN} ORDER BY n.at_us, n.id LIMIT 1"
)


def _near(at_us: str, before_s: int, after_s: int) -> str:
    """SQL for the bounds of a time as the views write it, around one in microseconds."""
    form = "strftime('%Y-%m-%dT%H:%M:%S', {at} / 1000000 {shift}, 'unixepoch')"
    low = form.format(at=at_us, shift=f"- {before_s}")
    return f"BETWEEN {low} AND {form.format(at=at_us, shift=f'+ {after_s}')} || '.999999'"


_UNLOCK: Final = (
    f"SELECT u.id FROM unlock_actions u WHERE u.listed_at {_near('r.at_us', BEFORE_S, 0)}"
    " AND u.effect IN ('unlocked', 'unlatched') AND u.confirms IS NULL{which}"
    " ORDER BY u.listed_at DESC, u.id DESC LIMIT 1"
)
_SAME_DOOR: Final = _UNLOCK.format(which=" AND u.door_id = r.door_id")
_ANY_DOOR: Final = _UNLOCK.format(which="")
_OPENED_BY: Final = f"coalesce(({_SAME_DOOR}), ({_ANY_DOOR}))"
_EVENT: Final = (
    f"SELECT e.id FROM events e WHERE e.listed_at {_near('{at_us}', BEFORE_S, AFTER_S)}"
    " ORDER BY e.listed_at DESC, e.id DESC LIMIT 1"
)
COLUMNS: Final = (
    "id",
    "door_id",
    "state",
    "source",
    "at",
    "at_us",
    "closed_at",
    "closed_us",
    "closed_state",
    "unlock_id",
    "event_id",
    "closed_id",
)
_OPENINGS: Final = f"""
SELECT o.id, o.door_id, o.state, o.source, o.at, o.at_us, c.at, c.at_us, c.state, u.id,
    coalesce(u.event_id, ({_EVENT.format(at_us="o.at_us")})), c.id
FROM (
    SELECT r.*, ({_NEXT}) AS closed_by, {_OPENED_BY} AS unlock_id FROM door_reports r
    WHERE r.state IN {_OPEN} AND coalesce(({_EARLIER}), '') NOT IN {_OPEN}
    AND r.at_us <= ? ORDER BY r.at_us DESC, r.id DESC LIMIT ?
) o LEFT JOIN door_reports c ON c.id = o.closed_by LEFT JOIN unlock_actions u ON u.id = o.unlock_id
ORDER BY o.at_us DESC, o.id DESC
"""
UNLOCK_COLUMNS: Final = (*unlock_actions.COLUMNS, "visit")
_OF_UNLOCK: Final = [f"u.{name}" for name in unlock_actions.COLUMNS]
_UNLOCKS: Final = f"""
SELECT {", ".join(_OF_UNLOCK)},
    coalesce(u.event_id, ({_EVENT.format(at_us="u.at_us")})) AS visit
FROM unlock_actions u
WHERE u.effect IN ('unlocked', 'unlatched') AND u.confirms IS NULL
    AND u.listed_at <= ? ORDER BY u.listed_at DESC, u.id DESC LIMIT ?
"""


def latest(limit: int = 20, until: datetime | None = None) -> Query:
    """The newest openings until a moment, the newest first. Rows are COLUMNS.

    Raises BadArgument for a limit out of range, and for what is not a time.
    """
    require_page(limit, 0)
    last_us = ID_MAX if until is None else since_epoch_us(require_moment("until", until))
    return _OPENINGS, (last_us, limit)


def unlocks(limit: int = 20, until: datetime | None = None) -> Query:
    """The newest actions that opened a lock, until a moment; rows are UNLOCK_COLUMNS.

    The visit is the action's own event, or the newest event near it. Raises BadArgument for a
    limit out of range, and for what is not a time.
    """
    require_page(limit, 0)
    last = "9999-99" if until is None else canonical(require_moment("until", until))
    return _UNLOCKS, (last, limit)
