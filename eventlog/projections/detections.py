"""The view `detections`: one row for each object that a model saw in a frame.

The id is the position of the record, so that no replay shifts it. Columns `bbox_*` are pixels and
`fraction_*` parts of the picture's width and height; a box fills one of the two. A detection
whose source gave no confidence has 0.0, and 0 in `scored`. `zones` is a JSON list. Knows of the
view `events` that its rows belong to, and no more than when an event is listed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from eventlog.facts import FACT_TYPES, OPENER_TYPES, Box, Detection
from eventlog.projections import clocks
from eventlog.projections.names import cut_at_erasures, erasing, index_of_seals, pair
from eventlog.projections.projection import (
    Projection,
    Statement,
    columns_of,
    insert_into,
    shown_columns,
    statements,
)
from eventlog.projections.times import canonical, since_epoch_us
from eventlog.record import EventId, Record

# ── schema ─────────────────────────────────────────────────────────────────────────────────

# `event_recorded_us` repeats the event's `listed_at`, in microseconds since 1970: it lets the index
# give the events of a label, rare or common, newest first.
SCHEMA: Final = f"""
CREATE TABLE {{p}}detections (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id          INTEGER NOT NULL REFERENCES {{p}}events(id) ON DELETE CASCADE,
    label             TEXT    NOT NULL,
    confidence        REAL    NOT NULL,
    bbox_x1           REAL,
    bbox_y1           REAL,
    bbox_x2           REAL,
    bbox_y2           REAL,
    box_unit          TEXT,
    fraction_x1       REAL,
    fraction_y1       REAL,
    fraction_x2       REAL,
    fraction_y2       REAL,
    model             TEXT,
    recorded_at       TEXT,
    sub_label         TEXT,
    plate             TEXT,
    zones             TEXT    NOT NULL DEFAULT '[]',
    track             TEXT,
    scored            INTEGER NOT NULL DEFAULT 1,
    frame_width       INTEGER,
    frame_height      INTEGER,
    plate_sealed      BLOB,
    event_recorded_us INTEGER NOT NULL
);
CREATE INDEX {{p}}idx_detections_event_id ON {{p}}detections (event_id);
CREATE INDEX {{p}}idx_detections_label ON {{p}}detections (label, event_recorded_us, event_id);
{index_of_seals("detections", "plate_sealed")}
"""

# What a reader is shown: all but the seal and the last column, which is for the index.
COLUMNS: Final = shown_columns(SCHEMA)[:-1]
# Those of them that hold real numbers.
REALS: Final = frozenset(
    name for name in COLUMNS if name.startswith(("confidence", "bbox_", "fraction_"))
)

# ── row ────────────────────────────────────────────────────────────────────────────────────

_NO_BOX: Final = (None,) * 9


def row(record: Record, fact: Detection, event_recorded_us: int | None) -> tuple[Any, ...]:
    """One row. None as the event's time: its opener came in an earlier batch."""
    moment = fact.recorded_at
    plate, plate_sealed = pair(record, "plate")
    return (
        record.position,
        record.event_id,
        fact.label,
        0.0 if fact.confidence is None else fact.confidence,
        *(_NO_BOX if fact.box is None else _box(fact.box)),
        fact.model,
        None if moment is None else canonical(moment),
        fact.sub_label,
        plate,
        "[]" if not fact.zones else json.dumps(fact.zones, ensure_ascii=False),
        fact.track,
        int(fact.confidence is not None),
        *((None, None) if fact.box is None else (fact.box.frame_width, fact.box.frame_height)),
        plate_sealed,
        event_recorded_us,
    )


def _box(box: Box) -> tuple[Any, ...]:
    corners = (box.x1, box.y1, box.x2, box.y2)
    nothing = (None, None, None, None)
    if box.unit == "pixels":
        return (*corners, box.unit, *nothing)
    return (*nothing, box.unit, *corners)


# ── apply ──────────────────────────────────────────────────────────────────────────────────

# The event's time from its row, where this batch does not hold the opener or its time is in doubt.
# SQLite's fractions are milliseconds, so seconds and microseconds are read separately.
_LISTED_US: Final = (
    "(SELECT CAST(strftime('%s', substr(listed_at, 1, 19)) AS INTEGER) * 1000000"
    " + CAST(substr(listed_at, 21) AS INTEGER) FROM {p}events WHERE id = ?2)"
)
INSERT: Final = insert_into("detections", columns_of(SCHEMA))
INSERT_LATER: Final = INSERT.replace("?)", f"coalesce(?24, {_LISTED_US}))")
# Where the clock was set in this batch, earlier events are listed at other times.
RELIST: Final = (
    f"UPDATE {{p}}detections SET event_recorded_us = {_LISTED_US.replace('?2', 'event_id')}"
    " WHERE event_id IN (SELECT id FROM {p}event_clocks WHERE moved_by BETWEEN ? AND ?)"
)

ERASE: Final = (erasing("detections", "plate", "plate_sealed"),)


def apply(records: Sequence[Record]) -> list[Statement]:
    """One row for each detection."""
    opened: dict[EventId | None, int] = {}
    rows: list[tuple[Any, ...]] = []
    later: list[tuple[Any, ...]] = []
    for record in records:
        fact = record.fact
        if isinstance(fact, Detection):
            at_us = opened.get(record.event_id)
            (later if at_us is None else rows).append(row(record, fact, at_us))
        elif isinstance(fact, OPENER_TYPES):
            if clocks.doubt(record, fact) is None:
                opened[record.event_id] = since_epoch_us(fact.recorded_at)
            else:
                opened.pop(record.event_id, None)
    edges: list[tuple[Any, ...]] = [(records[0].position, records[-1].position)] if records else []
    return statements(
        Statement(INSERT, rows, changes_each=False, joinable=True),
        Statement(INSERT_LATER, later, changes_each=False),
        Statement(RELIST, edges, changes_each=False),
    )


# ── queries ────────────────────────────────────────────────────────────────────────────────

# Whether an event, `e`, has a label. The unary plus keeps the planner from reading all rows of
# the label instead of the few of the event.
HAS_LABEL: Final = "EXISTS (SELECT 1 FROM detections WHERE event_id = e.id AND +label = ?)"


DETECTIONS: Final = Projection(
    name="detections",
    version=4,
    schema=SCHEMA,
    handles=frozenset(FACT_TYPES),  # any of them may set the clock,
    apply=cut_at_erasures(apply, ERASE),
)
