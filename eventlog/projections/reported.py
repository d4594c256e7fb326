"""Every report of a state of a door, so that its state at any time can be read back.

The views `doors` and `locks` each have such a table in addition to their latest rows. Reports
may come in any order: what counts is their own time, then their position. Knows no fact.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from eventlog.projections.paging import require_moment
from eventlog.projections.times import since_epoch_us

Query = tuple[str, tuple[Any, ...]]

_SCHEMA: Final = """
CREATE TABLE {p}%s (
    id      INTEGER PRIMARY KEY,
    door_id TEXT    NOT NULL,
    state   TEXT    NOT NULL,
    source  TEXT,
    at      TEXT    NOT NULL,
    at_us   INTEGER NOT NULL
) STRICT;
CREATE INDEX {p}idx_%s_door ON {p}%s (door_id, at_us)
"""
_AT: Final = (
    "SELECT r.* FROM {view} d JOIN {table} r ON r.id = (SELECT id FROM {table}"
    " WHERE door_id = d.door_id AND at_us <= ? ORDER BY at_us DESC, id DESC LIMIT 1)"
    " ORDER BY d.door_id"
)


def with_reports(schema: str, table: str) -> str:
    """The schema of a view with the table of all of its reports behind it."""
    return f"{schema.strip()};\n{(_SCHEMA % ((table,) * 3)).strip()}"


def at(view: str, table: str, moment: datetime) -> Query:
    """Each door as its reports have it at a moment; rows have the columns of the view.

    Raises BadArgument if that is not a time.
    """
    at_us = since_epoch_us(require_moment("at", moment))
    return _AT.format(view=view, table=table), (at_us,)
