"""The view `face_results`: every comparison of a face, as its source reported it.

An event may show several faces, of which `events` keeps the best. The id is the position of the
record; `name` is NULL for a stranger, and any other NULL means not known. Knows of the view
`events` only that its rows belong to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from eventlog.facts import FaceResult, PersonErased
from eventlog.projections.names import cut_at_erasures, erasing, index_of_seals, pair
from eventlog.projections.projection import (
    Projection,
    Statement,
    columns_of,
    insert_into,
    shown_columns,
    statements,
)
from eventlog.projections.times import canonical
from eventlog.record import Record

# ── schema ─────────────────────────────────────────────────────────────────────────────────

SCHEMA: Final = f"""
CREATE TABLE {{p}}face_results (
    id          INTEGER PRIMARY KEY,
    event_id    INTEGER NOT NULL REFERENCES {{p}}events(id) ON DELETE CASCADE,
    name        TEXT,
    distance    REAL,
    tolerance   REAL,
    confidence  REAL,
    score_value REAL,
    score_scale TEXT,
    box_x1      REAL,
    box_y1      REAL,
    box_x2      REAL,
    box_y2      REAL,
    box_unit    TEXT,
    model       TEXT,
    recorded_at TEXT,
    track       TEXT,
    nearest     TEXT,
    threshold   REAL,
    given_by    TEXT,
    sealed      BLOB,
    nearest_sealed BLOB
) STRICT;
CREATE INDEX {{p}}idx_face_results_event_id ON {{p}}face_results (event_id);
{index_of_seals("face_results")};
{index_of_seals("face_results", "nearest_sealed")}
"""

COLUMNS: Final = shown_columns(SCHEMA)

# ── row ────────────────────────────────────────────────────────────────────────────────────


def row(record: Record, fact: FaceResult) -> tuple[Any, ...]:
    """One row: all that the fact says."""
    score, box, moment = fact.score, fact.box, fact.recorded_at
    (name, sealed), (nearest, nearest_sealed) = pair(record, "name"), pair(record, "nearest")
    return (
        record.position,
        record.event_id,
        name,
        fact.distance,
        fact.tolerance,
        fact.confidence,
        *((None, None) if score is None else (score.value, score.scale)),
        *((None,) * 5 if box is None else (box.x1, box.y1, box.x2, box.y2, box.unit)),
        fact.model,
        None if moment is None else canonical(moment),
        fact.track,
        nearest,
        fact.threshold,
        fact.given_by,
        sealed,
        nearest_sealed,
    )


# ── apply ──────────────────────────────────────────────────────────────────────────────────

INSERT: Final = insert_into("face_results", columns_of(SCHEMA))

ERASE: Final = (
    erasing("face_results", "name"),
    erasing("face_results", "nearest", "nearest_sealed"),
)


def apply(records: Sequence[Record]) -> list[Statement]:
    """One row for each face result."""
    rows = [row(record, record.fact) for record in records if isinstance(record.fact, FaceResult)]
    return statements(Statement(INSERT, rows, changes_each=False, joinable=True))


# ── queries ────────────────────────────────────────────────────────────────────────────────

OF_EVENT: Final = f"SELECT {', '.join(COLUMNS)} FROM face_results WHERE event_id = ? ORDER BY id"


def of_event(event_id: int) -> tuple[str, tuple[Any, ...]]:
    """The face results of one event, in the order of the journal. Rows are COLUMNS."""
    return OF_EVENT, (event_id,)


FACE_RESULTS: Final = Projection(
    name="face_results",
    version=3,
    schema=SCHEMA,
    handles=frozenset({FaceResult, PersonErased}),
    apply=cut_at_erasures(apply, ERASE),
)
