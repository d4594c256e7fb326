"""The view `events`: one row for each visit, folded from all of its facts.

The id is the event's, from the envelope; `created_at` is when the opener was appended. An unlock
action that belongs to no event (a key at the lock that no ring preceded) leaves no trace here.
Knows nothing of the other views.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

from msgspec import Struct

from eventlog.facts import (
    AlertSent,
    Ding,
    FaceResult,
    Motion,
    Observation,
    Opener,
    ThumbnailSaved,
    UnlockAction,
)
from eventlog.field_types import shown
from eventlog.projections.projection import Projection, Statement, insert_into, statements
from eventlog.projections.times import canonical, created_at
from eventlog.record import EventId, Record

# ── schema ─────────────────────────────────────────────────────────────────────────────────

# Behind the contract's columns: `face_recognised` is NULL where no face was seen, 0 where only
# strangers were, 1 where somebody was recognised; `outcome` is what became of the door.
# An index ends in the row's id, so one that ascends gives, walked backwards, the newest first
# and then the higher id. Partial ones hold the few events that their filter asks for.
SCHEMA: Final = """
CREATE TABLE {p}events (
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
    outcome         TEXT    NOT NULL DEFAULT 'none'
);
CREATE INDEX {p}idx_events_recorded_at ON {p}events (recorded_at DESC);
CREATE INDEX {p}idx_events_camera_id ON {p}events (camera_id, recorded_at);
CREATE INDEX {p}idx_events_person_name ON {p}events (person_name, recorded_at);
CREATE INDEX {p}idx_events_outcome ON {p}events (outcome, recorded_at);
CREATE INDEX {p}idx_events_stranger ON {p}events (recorded_at) WHERE face_recognised = 0;
CREATE INDEX {p}idx_events_ding ON {p}events (recorded_at) WHERE event_type = 'ding'
"""

COLUMNS: Final = (
    "id",
    "camera_id",
    "recorded_at",
    "event_type",
    "recording_id",
    "person_name",
    "face_confidence",
    "face_distance",
    "unlock_granted",
    "door_action",
    "thumbnail_path",
    "alert_sent",
    "created_at",
    "face_recognised",
    "outcome",
)
# Those of them that hold real numbers.
REALS: Final = frozenset({"face_confidence", "face_distance"})

# ── row ────────────────────────────────────────────────────────────────────────────────────

Outcome = Literal["granted", "refused", "none", "trial"]


class OpenEvent(Struct):
    """What the facts of one event in this batch come to. Each `see_` takes one fact more."""

    opener: Record | None = None
    # The best face: a recognised one before a stranger, then the nearest, then the first.
    name: str | None = None
    distance: float | None = None
    confidence: float | None = None
    recognised: bool | None = None
    # The person of the latest granted action that names somebody.
    admitted: str | None = None
    granted: bool = False
    door_action: str | None = None
    outcome: Outcome = "none"
    thumbnail_path: str | None = None
    alert_sent: bool = False

    def see_opener(self, record: Record, _: Opener) -> None:
        """Keep what the row begins with."""
        self.opener = record

    def see_face(self, _: Record, fact: FaceResult) -> None:
        """Keep the face where it is better than the best so far."""
        recognised = fact.name is not None
        if self.recognised is not None:
            if recognised < self.recognised:
                return
            if recognised == self.recognised and not _nearer(fact.distance, self.distance):
                return
        self.recognised = recognised
        self.name = None if fact.name is None else shown(fact.name)
        self.distance = fact.distance
        self.confidence = confidence(fact)

    def see_unlock(self, _: Record, fact: UnlockAction) -> None:
        """A granted action outweighs all others; among equals the last one counts."""
        if fact.dry_run:
            self.outcome = "trial" if self.outcome == "none" else self.outcome
        elif fact.granted:
            self.granted = True
            self.outcome = "granted"
            self.door_action = _done(fact)
            self.admitted = self.admitted if fact.person is None else shown(fact.person)
        elif not self.granted:
            self.door_action = _done(fact)
            if fact.door_action == "none":
                self.outcome = "refused"

    def see_thumbnail(self, _: Record, fact: ThumbnailSaved) -> None:
        """The last picture is the event's."""
        self.thumbnail_path = fact.path

    def see_alert(self, _: Record, fact: AlertSent) -> None:
        """Once sent is sent."""
        self.alert_sent = self.alert_sent or fact.outcome in (None, "sent")


def _done(fact: UnlockAction) -> str:
    if fact.intent is not None:
        return "none"
    return "unlocked" if fact.door_action == "unlatched" else fact.door_action


def confidence(face: FaceResult) -> float | None:
    """The one that the source gave, else what its distance comes to."""
    if face.confidence is not None or face.distance is None:
        return face.confidence
    return max(0.0, 1.0 - face.distance)


def _nearer(distance: float | None, than: float | None) -> bool:
    # No distance comes last, and of equals the one that came first stays.
    return distance is not None and (than is None or distance < than)


# ── apply ──────────────────────────────────────────────────────────────────────────────────

SEE: Final[dict[type, Callable[[OpenEvent, Record, Any], None]]] = {
    Motion: OpenEvent.see_opener,
    Ding: OpenEvent.see_opener,
    Observation: OpenEvent.see_opener,
    FaceResult: OpenEvent.see_face,
    UnlockAction: OpenEvent.see_unlock,
    ThumbnailSaved: OpenEvent.see_thumbnail,
    AlertSent: OpenEvent.see_alert,
}

# What may be recorded without an event leaves no trace here then.
WITHOUT_EVENT: Final = frozenset({UnlockAction, AlertSent})

# An observation with such a label is a ring.
DOORBELL_LABELS: Final = frozenset({"doorbell", "doorbell_press"})

INSERT: Final = insert_into("events", COLUMNS)

# The rules of OpenEvent once more, between the row as it stands (the columns) and what the later
# batch comes to (the numbered parameters, as `_delta` orders them).
_BETTER: Final = (
    "(?4 IS NOT NULL AND (face_recognised IS NULL OR ?4 > face_recognised OR"
    " (?4 = face_recognised AND ?2 IS NOT NULL AND (face_distance IS NULL OR ?2 < face_distance))))"
)
MERGE: Final = """
UPDATE {p}events SET
    person_name = CASE WHEN better AND ?4 = 1 THEN ?1 WHEN face_recognised = 1 THEN person_name
        ELSE coalesce(?5, person_name) END,
    face_distance = CASE WHEN better THEN ?2 ELSE face_distance END,
    face_confidence = CASE WHEN better THEN ?3 ELSE face_confidence END,
    face_recognised = CASE WHEN better THEN ?4 ELSE face_recognised END,
    unlock_granted = max(unlock_granted, ?6),
    door_action = CASE WHEN ?6 OR NOT unlock_granted THEN coalesce(?7, door_action)
        ELSE door_action END,
    outcome = CASE WHEN ?8 = 'granted' OR (?8 = 'refused' AND outcome != 'granted')
        OR outcome = 'none' THEN ?8
        ELSE outcome END,
    thumbnail_path = coalesce(?9, thumbnail_path),
    alert_sent = max(alert_sent, ?10)
WHERE id = ?11
""".replace("better", _BETTER)


def apply(records: Sequence[Record]) -> list[Statement]:
    """Fold records into rows: events opened here are inserted complete, earlier ones merged.

    Raises ValueError for what can't be without an event: no append is so, but a damaged record
    may be.
    """
    visits: dict[EventId, OpenEvent] = {}
    for record in records:
        event_id = record.event_id
        fact = record.fact
        if event_id is None:
            if type(fact) in WITHOUT_EVENT:
                continue
            raise ValueError("it belongs to no event")
        visit = visits.get(event_id)
        if visit is None:
            visit = visits[event_id] = OpenEvent()
        SEE[type(fact)](visit, record, fact)
    opened: list[tuple[Any, ...]] = []
    merged: list[tuple[Any, ...]] = []
    for event_id, visit in visits.items():
        if visit.opener is None:
            merged.append(_delta(event_id, visit))
        else:
            opened.append(_row(event_id, visit, visit.opener))
    return statements(
        Statement(INSERT, opened, changes_each=False, joinable=True),
        # No row to merge into: the opener could not be read.
        Statement(MERGE, merged, changes_each=True),
    )


def _row(event_id: EventId, visit: OpenEvent, record: Record) -> tuple[Any, ...]:
    opener = record.fact
    if not isinstance(opener, Opener):
        raise TypeError(f"a {type(opener).__name__} opens no event")
    return (
        event_id,
        opener.camera_id,
        canonical(opener.recorded_at),
        _event_type(opener),
        opener.recording_id,
        visit.name if visit.recognised else visit.admitted,
        visit.confidence,
        visit.distance,
        int(visit.granted),
        visit.door_action or "none",
        visit.thumbnail_path,
        int(visit.alert_sent),
        created_at(record.appended_at_us),
        visit.recognised,
        visit.outcome,
    )


def _event_type(opener: Opener) -> str:
    if isinstance(opener, Observation):
        return "ding" if opener.label in DOORBELL_LABELS else "motion"
    return "ding" if isinstance(opener, Ding) else "motion"


def _delta(event_id: EventId, visit: OpenEvent) -> tuple[Any, ...]:
    return (
        visit.name,
        visit.distance,
        visit.confidence,
        visit.recognised,
        visit.admitted,
        int(visit.granted),
        visit.door_action,
        visit.outcome,
        visit.thumbnail_path,
        int(visit.alert_sent),
        event_id,
    )


# ── queries ────────────────────────────────────────────────────────────────────────────────

# Lists of events show their detections as well, so they stand in queries.py. These two terms
# are the partial indexes' own, word for word: an index serves no other spelling.
STRANGER: Final = "face_recognised = 0"
DING: Final = "event_type = 'ding'"


EVENTS: Final = Projection(
    name="events",
    version=2,
    schema=SCHEMA,
    tables=("events",),
    indexes=(
        "idx_events_recorded_at",
        "idx_events_camera_id",
        "idx_events_person_name",
        "idx_events_outcome",
        "idx_events_stranger",
        "idx_events_ding",
    ),
    handles=frozenset(SEE),
    parents=(),
    apply=apply,
)
