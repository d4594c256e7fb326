"""The response types of the API.

Ids and positions are decimal text, because a number in a browser is exact up to 2^53 only. Times
have their offset. `conversion.py` makes these of rows.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from eventlog.projections.clocks import Doubt

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
    `listed_at` is the time by which lists are sorted; `clock` says what is wrong with
    `recorded_at`, if anything.
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
    """One request to the lock; `listed_at` is the time by which lists are sorted.

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
    """A person that a record names."""

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
