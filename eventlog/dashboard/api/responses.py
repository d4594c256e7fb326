"""The response types of the API: rows of the read tables as JSON.

Ids and positions are decimal text, because a number in a browser is exact up to 2^53 only; times
have their offset; what is yes or no is a boolean. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from eventlog.dashboard.local_time import with_offset
from eventlog.projections.clocks import Doubt
from eventlog.projections.story import Story
from eventlog.record import Receipt as StoredReceipt

Outcome = Literal["granted", "refused", "none"]


class Seen(Struct, frozen=True, kw_only=True):
    """An object that a model saw. `bbox_*` are pixels, `fraction_*` parts of the picture.

    `confidence` is null where the source gave none.
    """

    id: str
    label: str
    confidence: float | None
    bbox_x1: float | None
    bbox_y1: float | None
    bbox_x2: float | None
    bbox_y2: float | None
    box_unit: str | None
    fraction_x1: float | None
    fraction_y1: float | None
    fraction_x2: float | None
    fraction_y2: float | None
    model: str | None
    recorded_at: str | None
    sub_label: str | None
    plate: str | None
    zones: list[str]
    track: str | None
    frame_width: int | None
    frame_height: int | None


class Event(Struct, frozen=True, kw_only=True):
    """One visit. `person_name` null: no known person; `face_recognised` false a stranger's face.

    `opener` is the kind of fact that opened it. `door_action` has the contract's three words,
    `lock_action` the lock's own; `opened` and `refused` say whether that happened at any time.
    `listed_at` is the time that lists go by, `clock` what is wrong with `recorded_at`, if anything.
    """

    id: str
    camera_id: str
    recorded_at: str
    event_type: str
    recording_id: str | None
    person_name: str | None
    face_confidence: float | None
    face_distance: float | None
    face_recognised: bool | None
    unlock_granted: bool
    door_action: str
    outcome: Outcome
    opener: str
    observed: str | None
    lock_action: str
    opened: bool
    refused: bool
    ended_at: str | None
    end_reason: str | None
    answered: bool | None
    listed_at: str
    clock: Doubt | None
    alert_sent: bool
    picture: str | None
    created_at: str
    detections: list[Seen]


class Face(Struct, frozen=True, kw_only=True):
    """One comparison of a face; `name` null is a stranger."""

    id: str
    name: str | None
    distance: float | None
    tolerance: float | None
    confidence: float | None
    score_value: float | None
    score_scale: str | None
    box_x1: float | None
    box_y1: float | None
    box_x2: float | None
    box_y2: float | None
    box_unit: str | None
    model: str | None
    recorded_at: str | None
    track: str | None
    nearest: str | None
    threshold: float | None
    given_by: str | None


class Unlock(Struct, frozen=True, kw_only=True):
    """One asking of the lock; `listed_at` is the time that lists go by.

    With an `intent` an act was announced: `act` is its state, and `effect` what the door did.
    """

    id: str
    event_id: str | None
    listed_at: str
    outcome: Outcome
    granted: bool
    door_action: str
    person: str | None
    actor: str | None
    rule: str | None
    distance: float | None
    confidence: float | None
    door_id: str | None
    user_ref: str | None
    credential_kind: str | None
    credential_slot: int | None
    reason: str | None
    frames: int | None
    dry_run: bool
    intent: str | None
    act: str | None
    effect: str | None
    recorded_at: str | None
    appended_at: str


class StoryLine(Struct, frozen=True, kw_only=True):
    """One record of an event in words."""

    position: str
    kind: str
    at: str
    text: str


class WholeEvent(Struct, frozen=True, kw_only=True):
    """An event with its faces, its unlock actions and its story."""

    event: Event
    faces: list[Face]
    unlocks: list[Unlock]
    sentence: str
    story: list[StoryLine]


class Person(Struct, frozen=True, kw_only=True):
    """Somebody whom a record has named."""

    id: str
    name: str
    display_name: str | None
    created_at: str


class Events(Struct, frozen=True):
    """A page of events; `next` is the cursor of the page after it."""

    events: list[Event]
    next: str | None


class Unlocks(Struct, frozen=True):
    """A page of unlock actions; `next` is the cursor of the page after it."""

    unlocks: list[Unlock]
    next: str | None


class Persons(Struct, frozen=True):
    """All persons, by name."""

    persons: list[Person]


class Receipt(Struct, frozen=True):
    """The positions of the facts of an append, and the event that they belong to."""

    positions: list[str]
    event_id: str | None


class Failure(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What went wrong: the error's name, a sentence, and what it is about.

    `fact` is the index in the request of the fact at fault, `field` the field of it. `receipt` is
    that of the append that used the key first.
    """

    error: str
    message: str
    fact: int | None = None
    field: str | None = None
    receipt: Receipt | None = None


def event(row: Mapping[str, Any]) -> Event:
    """An event from its row, with its detections."""
    recognised = row["face_recognised"]
    columns = _only(row, Event, without={"id", "picture", "detections", "created_at"})
    columns |= {
        "recorded_at": with_offset(row["recorded_at"]),
        "face_recognised": None if recognised is None else bool(recognised),
        "unlock_granted": bool(row["unlock_granted"]),
        "opened": bool(row["opened"]),
        "refused": bool(row["refused"]),
        "listed_at": with_offset(row["listed_at"]),
        "ended_at": _time(row["ended_at"]),
        "answered": None if row["answered"] is None else bool(row["answered"]),
        "alert_sent": bool(row["alert_sent"]),
    }
    return Event(
        id=str(row["id"]),
        picture=None if row["thumbnail_path"] is None else f"/api/events/{row['id']}/picture",
        created_at=with_offset(row["created_at"]),
        detections=[_detection(detection) for detection in row["detections"]],
        **columns,
    )


def whole_event(
    row: Mapping[str, Any],
    faces: Sequence[Mapping[str, Any]],
    unlocks: Sequence[Mapping[str, Any]],
    told: Story,
) -> WholeEvent:
    """An event with all that is known of it."""
    lines = [
        StoryLine(
            position=str(line.position),
            kind=line.kind,
            at=line.at.isoformat().replace("+00:00", "Z"),
            text=line.text,
        )
        for line in told.lines
    ]
    return WholeEvent(
        event=event(row),
        faces=[_face(face) for face in faces],
        unlocks=[unlock(action) for action in unlocks],
        sentence=told.sentence,
        story=lines,
    )


def unlock(row: Mapping[str, Any]) -> Unlock:
    """An unlock action from its row."""
    columns = _only(row, Unlock, without={"id", "event_id"})
    columns |= {
        "granted": bool(row["granted"]),
        "dry_run": bool(row["dry_run"]),
        "recorded_at": _time(row["recorded_at"]),
        "listed_at": with_offset(row["listed_at"]),
        "appended_at": with_offset(row["appended_at"]),
    }
    event_id = row["event_id"]
    return Unlock(
        id=str(row["id"]), event_id=None if event_id is None else str(event_id), **columns
    )


def person(row: Mapping[str, Any]) -> Person:
    """A person from its row."""
    return Person(
        id=str(row["id"]),
        name=row["name"],
        display_name=row["display_name"],
        created_at=with_offset(row["created_at"]),
    )


def receipt(stored: StoredReceipt) -> Receipt:
    """A receipt."""
    event_id = stored.event_id
    return Receipt(
        [str(position) for position in stored.positions],
        None if event_id is None else str(event_id),
    )


def _detection(row: Mapping[str, Any]) -> Seen:
    columns = _only(row, Seen, without={"id"})
    columns |= {
        "recorded_at": _time(row["recorded_at"]),
        "confidence": row["confidence"] if row["scored"] else None,
        "zones": json.loads(row["zones"]),
    }
    return Seen(id=str(row["id"]), **columns)


def _face(row: Mapping[str, Any]) -> Face:
    columns = _only(row, Face, without={"id"})
    columns["recorded_at"] = _time(row["recorded_at"])
    return Face(id=str(row["id"]), **columns)


def _only(row: Mapping[str, Any], shape: type[Struct], *, without: set[str]) -> dict[str, Any]:
    return {name: row[name] for name in shape.__struct_fields__ if name not in without}


def _time(text: str | None) -> str | None:
    return None if text is None else with_offset(text)
