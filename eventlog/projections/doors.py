"""The view `doors`: whether each door is open, as its contact last reported.

One row for each door: the latest report by its own time. `id` is the position of that record and
`at` its time, which is that of the append where the contact gives none. Knows nothing of locks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from eventlog.facts import DoorState
from eventlog.projections.projection import Projection, Statement, columns_of, latest_of, statements
from eventlog.projections.times import canonical_us, own_time_us
from eventlog.record import Record

# ── schema ─────────────────────────────────────────────────────────────────────────────────

SCHEMA: Final = """
CREATE TABLE {p}doors (
    id      INTEGER PRIMARY KEY,
    door_id TEXT    NOT NULL UNIQUE,
    state   TEXT    NOT NULL,
    source  TEXT    NOT NULL,
    at      TEXT    NOT NULL,
    at_us   INTEGER NOT NULL
) STRICT
"""

COLUMNS: Final = columns_of(SCHEMA)

# ── row ────────────────────────────────────────────────────────────────────────────────────


def row(record: Record, fact: DoorState) -> tuple[Any, ...]:
    """One row."""
    at_us = own_time_us(record)
    return (record.position, fact.door_id, fact.state, fact.source, canonical_us(at_us), at_us)


# ── apply ──────────────────────────────────────────────────────────────────────────────────

UPSERT: Final = latest_of("doors", COLUMNS, ("door_id",))


def apply(records: Sequence[Record]) -> list[Statement]:
    """The latest report of each door."""
    rows = [row(record, record.fact) for record in records if isinstance(record.fact, DoorState)]
    return statements(Statement(UPSERT, rows, changes_each=False))


# ── queries ────────────────────────────────────────────────────────────────────────────────

ALL: Final = "SELECT * FROM doors ORDER BY door_id"


def listed() -> tuple[str, tuple[Any, ...]]:
    """All doors, by name. Rows are COLUMNS."""
    return ALL, ()


DOORS: Final = Projection(
    name="doors",
    version=1,
    schema=SCHEMA,
    handles=frozenset({DoorState}),
    apply=apply,
)
