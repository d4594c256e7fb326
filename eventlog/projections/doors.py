"""The view `doors`: whether each door is open, as its contact last reported.

One row for each door: the latest report by its own time. `id` is the position of that record and
`at` its time, which is that of the append where the contact gives none. Every report is kept too,
in `door_reports`. Knows nothing of locks.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from eventlog.facts import DoorState
from eventlog.projections import reported
from eventlog.projections.projection import (
    Projection,
    Statement,
    columns_of,
    insert_into,
    latest_of,
    statements,
)
from eventlog.projections.times import canonical_us, own_time_us
from eventlog.record import Record

# ── schema ─────────────────────────────────────────────────────────────────────────────────

_LATEST: Final = """
CREATE TABLE {p}doors (
    id      INTEGER PRIMARY KEY,
    door_id TEXT    NOT NULL UNIQUE,
    state   TEXT    NOT NULL,
    source  TEXT    NOT NULL,
    at      TEXT    NOT NULL,
    at_us   INTEGER NOT NULL
) STRICT
"""

# For the list of openings, the newest first.
_OPENINGS: Final = (
    "CREATE INDEX {p}idx_door_reports_open ON {p}door_reports (at_us)"
    " WHERE state IN ('open', 'ajar', 'forced_open')"
)
SCHEMA: Final = f"{reported.with_reports(_LATEST, 'door_reports')};\n{_OPENINGS}"
COLUMNS: Final = columns_of(SCHEMA)

# ── row ────────────────────────────────────────────────────────────────────────────────────


def row(record: Record, fact: DoorState) -> tuple[Any, ...]:
    """One row."""
    at_us = own_time_us(record)
    return (record.position, fact.door_id, fact.state, fact.source, canonical_us(at_us), at_us)


# ── apply ──────────────────────────────────────────────────────────────────────────────────

UPSERT: Final = latest_of("doors", COLUMNS, ("door_id",))
INSERT: Final = insert_into("door_reports", COLUMNS)


def apply(records: Sequence[Record]) -> list[Statement]:
    """The latest report of each door."""
    rows = [row(record, record.fact) for record in records if isinstance(record.fact, DoorState)]
    return statements(
        Statement(UPSERT, rows, changes_each=False),
        Statement(INSERT, rows, changes_each=False, joinable=True),
    )


# ── queries ────────────────────────────────────────────────────────────────────────────────

ALL: Final = "SELECT * FROM doors ORDER BY door_id"


def listed(at: datetime | None = None) -> tuple[str, tuple[Any, ...]]:
    """All doors, by door: as they are now, or as they were at a moment. Rows are COLUMNS.

    Raises BadArgument if that is not a time.
    """
    return (ALL, ()) if at is None else reported.at("doors", "door_reports", at)


DOORS: Final = Projection(
    name="doors",
    version=2,
    schema=SCHEMA,
    handles=frozenset({DoorState}),
    apply=apply,
)
