"""The view `acts`: each act that a lock was asked to do, and its outcome.

One row for each unlock action with an intent that was granted. `act` is 'pending' until an outcome
is recorded, or the lock reports the operation: see `outcomes.py`. `took_ms` and `detail` are those
of the latest outcome, whose position is `told_by`. The id is the position of the
record that announced it. Knows of the view `events` only its ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from eventlog.facts import ActuatorOutcome, LockState, PersonErased, UnlockAction
from eventlog.projections import outcomes
from eventlog.projections.names import cut_at_erasures, erasing, index_of_seals, pair
from eventlog.projections.paging import require_page
from eventlog.projections.projection import (
    Projection,
    Statement,
    columns_of,
    insert_into,
    shown_columns,
    statements,
)
from eventlog.projections.times import canonical_us, own_time_us
from eventlog.record import Record

# ── schema ─────────────────────────────────────────────────────────────────────────────────

SCHEMA: Final = f"""
CREATE TABLE {{p}}acts (
    id          INTEGER PRIMARY KEY,
    event_id    INTEGER REFERENCES {{p}}events(id) ON DELETE CASCADE,
    intent      TEXT    NOT NULL,
    door_id     TEXT,
    door_action TEXT    NOT NULL,
    person      TEXT,
    at          TEXT    NOT NULL,
    at_us       INTEGER NOT NULL,
    act         TEXT    NOT NULL,
    outcome     TEXT    NOT NULL,
    effect      TEXT,
    took_ms     INTEGER,
    detail      TEXT,
    told_by     INTEGER,
    sealed      BLOB
) STRICT;
CREATE INDEX {{p}}idx_acts_intent ON {{p}}acts (intent);
CREATE INDEX {{p}}idx_acts_door ON {{p}}acts (door_id, at_us);
{index_of_seals("acts")}
"""

COLUMNS: Final = shown_columns(SCHEMA)

# ── row ────────────────────────────────────────────────────────────────────────────────────


def row(record: Record, fact: UnlockAction) -> tuple[Any, ...]:
    """One row, of an act without an outcome yet."""
    at_us = own_time_us(record)
    person, sealed = pair(record, "person")
    return (
        record.position,
        record.event_id,
        fact.intent,
        fact.door_id,
        fact.door_action,
        person,
        canonical_us(at_us),
        at_us,
        "pending",
        outcomes.outcome(fact),
        *(None,) * 4,
        sealed,
    )


# ── apply ──────────────────────────────────────────────────────────────────────────────────

INSERT: Final = insert_into("acts", columns_of(SCHEMA))
# The latest outcome of an act also has these.
TELL: Final = "UPDATE {p}acts SET took_ms = ?, detail = ?, told_by = ? WHERE intent = ? AND id < ?"

ERASE: Final = (erasing("acts", "person"),)


def apply(records: Sequence[Record]) -> list[Statement]:
    """A row for each act that was announced, settled by what came after it."""
    announced = [
        row(record, record.fact)
        for record in records
        if isinstance(record.fact, UnlockAction) and outcomes.announces(record.fact)
    ]
    told: list[tuple[Any, ...]] = [
        (r.fact.took_ms, r.fact.detail, r.position, r.fact.intent, r.position)
        for r in records
        if isinstance(r.fact, ActuatorOutcome)
    ]
    return statements(
        Statement(INSERT, announced, changes_each=False),
        Statement(TELL, told, changes_each=False),
        *outcomes.settling("acts", records, confirms=False),
    )


# ── queries ────────────────────────────────────────────────────────────────────────────────

LATEST: Final = f"SELECT {', '.join(COLUMNS)} FROM acts ORDER BY id DESC LIMIT ?"


def latest(limit: int = 20) -> tuple[str, tuple[Any, ...]]:
    """The newest acts first. Rows are COLUMNS. Raises BadArgument for a limit out of range."""
    require_page(limit, 0)
    return LATEST, (limit,)


ACTS: Final = Projection(
    name="acts",
    version=2,
    schema=SCHEMA,
    handles=frozenset({UnlockAction, ActuatorOutcome, LockState, PersonErased}),
    apply=cut_at_erasures(apply, ERASE),
)
