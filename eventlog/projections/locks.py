"""The view `locks`: the state of each lock, by its last report or operation.

One row for each door: the latest by its own time of what the lock reports as a state and what it
did by an unlock action that names the door. A trial, and an act that was only announced, say
nothing of the bolt. `id` is the position of that record. Every report is kept too, in
`lock_reports`. Knows nothing of the other views.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from eventlog.facts import LockState, UnlockAction
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
CREATE TABLE {p}locks (
    id      INTEGER PRIMARY KEY,
    door_id TEXT    NOT NULL UNIQUE,
    state   TEXT    NOT NULL,
    source  TEXT,
    at      TEXT    NOT NULL,
    at_us   INTEGER NOT NULL
) STRICT
"""

SCHEMA: Final = reported.with_reports(_LATEST, "lock_reports")
COLUMNS: Final = columns_of(SCHEMA)

# ── row ────────────────────────────────────────────────────────────────────────────────────


def row(record: Record) -> tuple[Any, ...] | None:
    """One row; None for a record that says nothing of a bolt."""
    fact = record.fact
    if isinstance(fact, LockState):
        said: tuple[Any, ...] = (fact.door_id, fact.state, fact.source)
    elif isinstance(fact, UnlockAction) and _moved(fact):
        said = (fact.door_id, fact.door_action, fact.actor)
    else:
        return None
    at_us = own_time_us(record)
    return (record.position, *said, canonical_us(at_us), at_us)


def _moved(fact: UnlockAction) -> bool:
    if fact.door_id is None or fact.door_action == "none":
        return False
    return not fact.dry_run and fact.intent is None


# ── apply ──────────────────────────────────────────────────────────────────────────────────

UPSERT: Final = latest_of("locks", COLUMNS, ("door_id",))
INSERT: Final = insert_into("lock_reports", COLUMNS)


def apply(records: Sequence[Record]) -> list[Statement]:
    """The latest state of each lock."""
    rows = [one for record in records if (one := row(record)) is not None]
    return statements(
        Statement(UPSERT, rows, changes_each=False),
        Statement(INSERT, rows, changes_each=False, joinable=True),
    )


# ── queries ────────────────────────────────────────────────────────────────────────────────

ALL: Final = "SELECT * FROM locks ORDER BY door_id"


def listed(at: datetime | None = None) -> tuple[str, tuple[Any, ...]]:
    """All locks, by door: as they are now, or as they were at a moment. Rows are COLUMNS.

    Raises BadArgument if that is not a time.
    """
    return (ALL, ()) if at is None else reported.at("locks", "lock_reports", at)


LOCKS: Final = Projection(
    name="locks",
    version=2,
    schema=SCHEMA,
    handles=frozenset({LockState, UnlockAction}),
    apply=apply,
)
