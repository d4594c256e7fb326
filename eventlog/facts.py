"""What can happen at the door: frozen values, one type for each kind of fact.

A fact says what happened and when the camera saw it; it knows nothing of journals, positions or
events. Every field that a source may not know is None, and None means not known. Building a
fact checks nothing: `codecs.encode` does, before a fact may enter the journal.

Units: confidences are 0.0 to 1.0; distances are face_recognition's euclidean distance, 0 or
more; times are aware datetimes, kept as UTC instants of microseconds.

A change to a field here is a new `version` of that kind, an upcaster and a golden file.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeAlias

from msgspec import Meta, Struct
from msgspec.structs import fields

# ── the values that facts are made of ──────────────────────────────────────────────────────

LARGEST = 1.7976931348623157e308  # the largest finite float: a bound that refuses inf and NaN

Instant: TypeAlias = Annotated[datetime, Meta(tz=True)]
Confidence: TypeAlias = Annotated[float, Meta(ge=0.0, le=1.0)]
Distance: TypeAlias = Annotated[float, Meta(ge=0.0, le=LARGEST)]
Finite: TypeAlias = Annotated[float, Meta(ge=-LARGEST, le=LARGEST)]
Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**53)]  # exact in JSON and JavaScript as well
Word: TypeAlias = Annotated[str, Meta(min_length=1, max_length=64)]
Text: TypeAlias = Annotated[str, Meta(min_length=1, max_length=256)]
Digest: TypeAlias = Annotated[bytes, Meta(min_length=32, max_length=32)]
# Personal fields are marked, so that a later version can seal what they hold.
PersonName: TypeAlias = Annotated[str, Meta(min_length=1, max_length=64, extra={"personal": True})]

DoorAction: TypeAlias = Literal["unlocked", "locked", "none"]


class Box(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A rectangle in a picture: (x1, y1) is its upper left corner, (x2, y2) its lower right.

    `unit` says whether the numbers are pixels or fractions of the picture's width and height.
    """

    x1: Finite | None
    y1: Finite | None
    x2: Finite | None
    y2: Finite | None
    unit: Literal["pixels", "fractions"] = "pixels"


class Score(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A number on a scale of its source's own, which is named beside it."""

    value: Finite
    scale: Word


# ── facts that open an event ───────────────────────────────────────────────────────────────


class Motion(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    gc=False,
    tag_field="kind",
    tag="motion",
):
    """Something moved in front of a camera."""

    version: Literal[1] = 1
    camera_id: Word
    recorded_at: Instant
    recording_id: Text | None = None


class Ding(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    gc=False,
    tag_field="kind",
    tag="ding",
):
    """Somebody rang."""

    version: Literal[1] = 1
    camera_id: Word
    recorded_at: Instant
    recording_id: Text | None = None


# ── facts of a visit ───────────────────────────────────────────────────────────────────────


class Detection(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    gc=False,
    tag_field="kind",
    tag="detection",
):
    """A model saw an object in a frame. `recorded_at` is the frame's time."""

    version: Literal[1] = 1
    label: Word
    confidence: Confidence
    box: Box | None = None
    model: Text | None = None
    recorded_at: Instant | None = None


class FaceResult(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    gc=False,
    tag_field="kind",
    tag="face_result",
):
    """A face was compared with those of known people. A `name` of None is a stranger.

    `distance` was held against `tolerance`. A source that measures otherwise gives a `score`
    with its scale, and no distance.
    """

    version: Literal[1] = 1
    name: PersonName | None = None
    distance: Distance | None = None
    tolerance: Distance | None = None
    confidence: Confidence | None = None
    score: Score | None = None
    box: Box | None = None
    model: Text | None = None
    recorded_at: Instant | None = None


class UnlockAction(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    gc=False,
    tag_field="kind",
    tag="unlock_action",
):
    """Somebody or something asked the lock to act, and was granted it or refused.

    `actor` is who or what asked (face, keypad, app, key, …), `rule` what decided. Not granted
    and a `door_action` of "none" is a refusal.
    """

    version: Literal[1] = 1
    granted: bool
    door_action: DoorAction = "none"
    person: PersonName | None = None
    confidence: Confidence | None = None
    distance: Distance | None = None
    rule: Text | None = None
    actor: Word | None = None
    door_id: Word | None = None
    recorded_at: Instant | None = None


class ThumbnailSaved(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    gc=False,
    tag_field="kind",
    tag="thumbnail_saved",
):
    """A picture of the visit lies in the thumbnails folder.

    `path` is relative, 'thumbnails/2026-02-25T10-30-00.jpg'; the digest is the file's SHA-256.
    """

    version: Literal[1] = 1
    path: Text
    sha256: Digest | None = None
    size_bytes: Count | None = None
    width_px: Count | None = None
    height_px: Count | None = None
    recorded_at: Instant | None = None


class AlertSent(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    gc=False,
    tag_field="kind",
    tag="alert_sent",
):
    """The household was told of the visit; `channel` is how (telegram, …)."""

    version: Literal[1] = 1
    channel: Word | None = None
    recorded_at: Instant | None = None


# ── facts that belong to no visit ──────────────────────────────────────────────────────────


class PersonNamed(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    gc=False,
    tag_field="kind",
    tag="person_named",
):
    """A person has a name to show. `name` is the prefix of their file in known_faces/."""

    version: Literal[1] = 1
    name: PersonName
    display_name: PersonName | None = None


class UncleanStop(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    gc=False,
    tag_field="kind",
    tag="unclean_stop",
):
    """The recorder found at its start that it had not been closed.

    `journal_position` is where the journal ended then; `head_position` and `head_hash` are what
    the head file named. Where the head is further, the records between them are gone.
    """

    version: Literal[1] = 1
    journal_position: Count
    head_position: Count | None = None
    head_hash: Digest | None = None


Fact: TypeAlias = (
    Motion
    | Ding
    | Detection
    | FaceResult
    | UnlockAction
    | ThumbnailSaved
    | AlertSent
    | PersonNamed
    | UncleanStop
)

FACT_TYPES: Final[tuple[type[Struct], ...]] = (
    Motion,
    Ding,
    Detection,
    FaceResult,
    UnlockAction,
    ThumbnailSaved,
    AlertSent,
    PersonNamed,
    UncleanStop,
)
# What opens an event, and what may stand without one.
OPENERS: Final = frozenset({"motion", "ding"})
STANDALONE: Final = frozenset({"person_named", "unlock_action", "unclean_stop"})


def kind_of(fact_type: type[Struct]) -> str:
    """The kind that a type of fact is written under."""
    tag: Any = fact_type.__struct_config__.tag
    return str(tag)


def version_of(fact_type: type[Struct]) -> int:
    """The version of its kind that a type of fact is written in."""
    return next(int(f.default) for f in fields(fact_type) if f.name == "version")
