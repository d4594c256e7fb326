"""The view `events`: one row for each visit, computed from all of its facts.

The id is the event's, from the envelope; `created_at` is when the opener was appended. An unlock
action that belongs to no event (a key at the lock that no ring preceded) leaves no row here.
Faces and unlock actions are kept in two tables of this view's own, so that a row can be settled
again when a fact comes late. Knows no other view.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from eventlog.facts import (
    FACT_TYPES,
    OPENER_TYPES,
    ActuatorOutcome,
    AlertSent,
    FaceResult,
    IdentityLinked,
    LockState,
    Observation,
    PictureRemoved,
    UnlockAction,
    VisitEnded,
    is_ring,
    kind_of,
)
from eventlog.projections import clocks, faces, identities, names, outcomes, settling
from eventlog.projections.open_event import SEE, OpenEvent
from eventlog.projections.projection import (
    Projection,
    Statement,
    columns_of,
    insert_into,
    statements,
)
from eventlog.projections.times import canonical, canonical_us, created_at
from eventlog.record import EventId, Record

# ── schema ─────────────────────────────────────────────────────────────────────────────────

# After the contract's columns: `face_recognised` is NULL if no face was seen, 0 if only strangers
# were seen, and 1 if a person was recognised. `outcome` is the outcome of the request to the lock;
# `opened` says whether the door was opened at any time, `refused` whether any action was refused.
# `opener` is the kind that opened the event, `observed` the label of an observation. `lock_action`
# is `door_action` as the lock reports it, which may be 'unlatched'. `listed_at` is the time by
# which lists are sorted: `recorded_at`, or the time of the append if `clock` says what is wrong
# with `recorded_at`.
# An index ends in the row's id, so reading an ascending one backwards gives the newest first, then
# the higher id. The partial indexes hold the few events that match their filter.
_OWN: Final = f"""
CREATE TABLE {{p}}events (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    camera_id       TEXT    NOT NULL DEFAULT 'front_door',
    recorded_at     TEXT    NOT NULL,
    event_type      TEXT    NOT NULL DEFAULT 'motion',
    recording_id    TEXT,
    person_name     TEXT,
    face_confidence REAL,
    face_distance   REAL,
    unlock_granted  INTEGER NOT NULL DEFAULT 0,
    door_action     TEXT    DEFAULT 'none',
    thumbnail_path  TEXT,
    alert_sent      INTEGER NOT NULL DEFAULT 0,
    created_at      TEXT    NOT NULL DEFAULT (datetime('now')),
    face_recognised INTEGER,
    outcome         TEXT    NOT NULL DEFAULT 'none',
    opener          TEXT    NOT NULL DEFAULT 'motion',
    observed        TEXT,
    lock_action     TEXT    NOT NULL DEFAULT 'none',
    opened          INTEGER NOT NULL DEFAULT 0,
    refused         INTEGER NOT NULL DEFAULT 0,
    ended_at        TEXT,
    end_reason      TEXT,
    answered        INTEGER,
    listed_at       TEXT    NOT NULL DEFAULT '',
    clock           TEXT,
    sealed          BLOB
);
CREATE INDEX {{p}}idx_events_recorded_at ON {{p}}events (recorded_at DESC);
CREATE INDEX {{p}}idx_events_recorded_at_listed ON {{p}}events (listed_at);
CREATE INDEX {{p}}idx_events_camera_id ON {{p}}events (camera_id, listed_at);
CREATE INDEX {{p}}idx_events_person_name ON {{p}}events (person_name, listed_at);
CREATE INDEX {{p}}idx_events_outcome ON {{p}}events (outcome, listed_at);
CREATE INDEX {{p}}idx_events_stranger ON {{p}}events (listed_at) WHERE face_recognised = 0;
CREATE INDEX {{p}}idx_events_ding ON {{p}}events (listed_at) WHERE event_type = 'ding';
CREATE INDEX {{p}}idx_events_outcome_refused ON {{p}}events (refused, listed_at)
    WHERE refused = 1;
{names.index_of_seals("events")}
"""
SCHEMA: Final = ";\n".join(
    part.strip() for part in (_OWN, settling.SCHEMA, clocks.SCHEMA, identities.SCHEMA, names.SCHEMA)
)

COLUMNS: Final = columns_of(SCHEMA)
# Those of them that hold real numbers.
REALS: Final = frozenset({"face_confidence", "face_distance"})

# ── row ────────────────────────────────────────────────────────────────────────────────────

# The fields whose names a row can show.
NAMES: Final[dict[type, tuple[str, ...]]] = {
    FaceResult: ("name",),
    UnlockAction: ("person",),
    IdentityLinked: ("person", "same_as"),
}


# ── apply ──────────────────────────────────────────────────────────────────────────────────

# What may be recorded without an event: it opens none, and may settle others.
WITHOUT_EVENT: Final = frozenset(
    {UnlockAction, AlertSent, ActuatorOutcome, LockState, PictureRemoved}
)

# What changes other events than its own.
ACTING: Final = frozenset({UnlockAction, ActuatorOutcome, LockState, PictureRemoved})

INSERT: Final = insert_into("events", COLUMNS)


# What a later batch changes, except faces and actions.
MERGE: Final = """
UPDATE {p}events SET
    thumbnail_path = iif(?2, ?3, thumbnail_path),
    alert_sent = max(alert_sent, ?4),
    ended_at = coalesce(?5, ended_at), end_reason = coalesce(?6, end_reason),
    answered = iif(?5 IS NULL, answered, ?7)
WHERE id = ?1
"""
# These come first: a picture that was saved under the path in this batch is folded in OpenEvent.
REMOVE: Final = "UPDATE {p}events SET thumbnail_path = NULL WHERE id = ? AND thumbnail_path = ?"
# One scan for all that a batch removes.
REMOVE_ANYWHERE: Final = (
    "UPDATE {p}events SET thumbnail_path = NULL"
    " WHERE thumbnail_path IN (SELECT value FROM json_each(?))"
)


def apply(records: Sequence[Record]) -> list[Statement]:
    """Fold records into rows: events opened here are inserted complete, earlier ones merged.

    Raises ValueError for what can't be without an event: no append is so, but a damaged record
    may be.
    """
    visits: dict[EventId, OpenEvent] = {}
    face_rows: list[tuple[Any, ...]] = []
    action_rows: list[tuple[Any, ...]] = []
    acting: list[Record] = []
    for record in records:
        fact, kind = record.fact, type(record.fact)
        event_id, see = record.event_id, SEE.get(kind)
        if kind in ACTING:
            acting.append(record)
            if isinstance(fact, PictureRemoved):
                _take_away(visits, event_id, fact.path)
            elif isinstance(fact, UnlockAction) and (event_id or outcomes.announces(fact)):
                action_rows.append(settling.action_row(record, fact))
        if see is None:
            continue
        if event_id is None:
            if kind in WITHOUT_EVENT:
                continue
            raise ValueError("it belongs to no event")
        visit = visits.get(event_id)
        if visit is None:
            visit = visits[event_id] = OpenEvent(faces=[])
        see(visit, record, fact)
        if kind is FaceResult:
            face_rows.append((record.position, event_id, *visit.faces[-1][1:]))
    texts = names.texts(records, NAMES)
    opened = [_row(of, visit, visit.opener, texts) for of, visit in visits.items() if visit.opener]
    merged = [_delta(of, visit) for of, visit in visits.items() if visit.is_late]
    settled: list[tuple[Any, ...]] = [(of,) for of, visit in visits.items() if visit.is_unsettled]
    shown_here: list[tuple[Any, ...]] = [
        (of,) for of, visit in visits.items() if visit.opener and (visit.acted or visit.faces)
    ]
    linked = identities.names_in(records)
    return statements(
        names.keeping(records, NAMES),
        identities.linking(records),
        *_removing(acting),
        Statement(INSERT, opened, changes_each=False, joinable=True),
        # No row to merge into: the opener could not be read.
        Statement(MERGE, merged, changes_each=True),
        Statement(settling.INSERT_FACE, face_rows, changes_each=False, joinable=True),
        Statement(settling.INSERT_ACTION, action_rows, changes_each=False, joinable=True),
        *outcomes.settling("event_actions", acting),
        Statement(settling.SETTLE + "id = ?1", settled, changes_each=True),
        # Where there are links, the rows that were inserted here show their persons too.
        Statement(
            settling.SETTLE + f"id = ?1 AND {identities.ANY}", shown_here, changes_each=False
        ),
        Statement(settling.SETTLE + settling.OF_NAMES, linked, changes_each=False),
        *settling.settling_others(acting),
        *clocks.statements(records),
    )


ERASE: Final = (
    f"UPDATE {{p}}event_names SET text = '{names.ERASED}' WHERE sealed = ?",
    names.erasing("events", "person_name"),
)


def _take_away(visits: dict[EventId, OpenEvent], event_id: EventId | None, path: str) -> None:
    for of, visit in visits.items():
        if event_id in (None, of):
            visit.see_removal(path)


def _removing(records: Sequence[Record]) -> Iterable[Statement]:
    removed = [(r.event_id, r.fact.path) for r in records if isinstance(r.fact, PictureRemoved)]
    of_event: list[tuple[Any, ...]] = [one for one in removed if one[0] is not None]
    anywhere = [path for event_id, path in removed if event_id is None]
    rows: list[tuple[Any, ...]] = [(json.dumps(anywhere),)] if anywhere else []
    return (
        Statement(REMOVE, of_event, changes_each=False),
        Statement(REMOVE_ANYWHERE, rows, changes_each=False),
    )


def _row(
    event_id: EventId, visit: OpenEvent, record: Record, texts: Mapping[bytes, str]
) -> tuple[Any, ...]:
    opener = record.fact
    if not isinstance(opener, OPENER_TYPES):
        raise TypeError(f"a {type(opener).__name__} opens no event")
    best = faces.best(visit.faces)
    named = best is not None and (best.name is not None or best.given)
    who = best.name if best is not None and named else visit.admitted
    sealed = who if isinstance(who, bytes) else None
    word = visit.lock_action or "none"
    recorded_at, doubt = canonical(opener.recorded_at), clocks.doubt(record, opener)
    return (
        event_id,
        opener.camera_id,
        recorded_at,
        "ding" if is_ring(opener) else "motion",
        opener.recording_id,
        who if sealed is None else texts[sealed],
        None if best is None else best.confidence,
        None if best is None else best.distance,
        int(visit.granted),
        "unlocked" if word == "unlatched" else word,
        visit.thumbnail_path,
        int(visit.alert_sent),
        created_at(record.appended_at_us),
        None if best is None else best.name is not None,
        visit.outcome,
        kind_of(type(opener)),
        opener.label if isinstance(opener, Observation) else None,
        word,
        int(visit.opened),
        int(visit.refused),
        *_end(visit.ended),
        recorded_at if doubt is None else canonical_us(record.appended_at_us),
        doubt,
        sealed,
    )


def _end(ended: VisitEnded | None) -> tuple[Any, ...]:
    if ended is None:
        return (None, None, None)
    return (canonical(ended.ended_at), ended.reason, ended.answered)


def _delta(event_id: EventId, visit: OpenEvent) -> tuple[Any, ...]:
    return (
        event_id,
        visit.pictured,
        visit.thumbnail_path,
        int(visit.alert_sent),
        *_end(visit.ended),
    )


# ── queries ────────────────────────────────────────────────────────────────────────────────

# Lists of events also show detections, so they are in event_list.py. These terms
# repeat those of the partial indexes exactly: SQLite uses an index for no other spelling.
STRANGER: Final = "face_recognised = 0"
DING: Final = "event_type = 'ding'"
REFUSED: Final = "refused = 1"


EVENTS: Final = Projection(
    name="events",
    version=6,
    schema=SCHEMA,
    handles=frozenset(FACT_TYPES),  # each append has the two clocks
    apply=names.cut_at_erasures(apply, ERASE),
)
