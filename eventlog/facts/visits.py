"""The facts of a visit: what opens it, what a camera and its models saw, and its end.

Knows nothing of journals, positions or events.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta

from eventlog.facts.values import (
    Box,
    Confidence,
    Count,
    Digest,
    Distance,
    DoorFact,
    Finite,
    Instant,
    Score,
    Sealable,
    Text,
    Word,
)


class Motion(DoorFact, frozen=True, kw_only=True, tag="motion"):
    """Something moved in front of a camera.

    Args:
        camera_id: The camera that saw it, 1 to 64 characters.
        recorded_at: When the source saw it, an aware datetime.
        recording_id: The recording's id at its source; None if it is not known.
    """

    version: Literal[1] = 1
    camera_id: Word
    recorded_at: Instant
    recording_id: Text | None = None


class Ding(DoorFact, frozen=True, kw_only=True, tag="ding"):
    """Somebody rang the bell.

    Args:
        camera_id: The camera that saw it, 1 to 64 characters.
        recorded_at: When the source saw it, an aware datetime.
        recording_id: The recording's id at its source; None if it is not known.
    """

    version: Literal[1] = 1
    camera_id: Word
    recorded_at: Instant
    recording_id: Text | None = None


class Observation(DoorFact, frozen=True, kw_only=True, tag="observation"):
    """A source noticed something other than motion or a ring: a bark, a parcel, glass that broke.

    Args:
        camera_id: The camera that saw it, 1 to 64 characters.
        recorded_at: When the source saw it, an aware datetime.
        recording_id: The recording's id at its source; None if it is not known.
        label: What was noticed.
        medium: How: "sound", "image" or "by_hand".
    """

    version: Literal[1] = 1
    camera_id: Word
    recorded_at: Instant
    recording_id: Text | None = None
    label: Word
    medium: Literal["sound", "image", "by_hand"]


_DOORBELL_LABELS: Final = frozenset({"doorbell", "doorbell_press"})


def is_ring(fact: DoorFact) -> bool:
    """Whether somebody rang: a ding, or an observation with the label of a doorbell."""
    if isinstance(fact, Observation):
        return fact.label in _DOORBELL_LABELS
    return isinstance(fact, Ding)


class Detection(DoorFact, frozen=True, kw_only=True, tag="detection"):
    """A model found an object in a frame.

    Args:
        label: What was found: person, dog, package, …
        confidence: 0.0 to 1.0; None if the source gives none.
        box: Where it is in the picture; None if it is not known.
        model: The model that found it; None if it is not known.
        recorded_at: The frame's time, an aware datetime; None if it is not known.
        sub_label: A narrower label, such as delivery_person; None if it is not known.
        plate: The number plate that was read; None if it is not known.
        zones: The source's names of the areas that it was in, 16 at most; none by default.
        track: The source's id of the object, the same in every frame; None if it is not known.
    """

    version: Literal[2] = 2
    label: Word
    confidence: Confidence | None = None
    box: Box | None = None
    model: Text | None = None
    recorded_at: Instant | None = None
    sub_label: Word | None = None
    plate: Sealable | None = None
    zones: Annotated[tuple[Word, ...], Meta(max_length=16)] = ()
    track: Word | None = None


class FaceResult(DoorFact, frozen=True, kw_only=True, tag="face_result"):
    """A face was compared with the faces of known people.

    face_recognition gives a `distance` and a `tolerance`. A source with a measure of its own gives
    a `score` and a `threshold` instead.

    Args:
        name: The person, by the prefix of their file in known_faces/; None is a stranger.
        distance: face_recognition's distance, 0 or more; None if it was not measured.
        tolerance: What the distance was compared with; None if it is not known.
        confidence: 0.0 to 1.0; None takes max(0.0, 1.0 - distance) in the read tables.
        score: What the source measured, on its own scale; None if it is not known.
        box: Where the face is in the picture; None if it is not known.
        model: The model that found it; None if it is not known.
        recorded_at: When the source saw it, an aware datetime; None if it is not known.
        track: The source's id of the face, the same in every frame; None if it is not known.
        nearest: The most similar known person, where nobody was recognised; None if it is not
            known.
        threshold: What the score was compared with, on its scale; None if it is not known.
        given_by: "model", or "person" for a correction by hand; None if it is not known.
    """

    version: Literal[2] = 2
    name: Sealable | None = None
    distance: Distance | None = None
    tolerance: Distance | None = None
    confidence: Confidence | None = None
    score: Score | None = None
    box: Box | None = None
    model: Text | None = None
    recorded_at: Instant | None = None
    track: Word | None = None
    nearest: Sealable | None = None
    threshold: Finite | None = None
    given_by: Literal["model", "person"] | None = None


class ThumbnailSaved(DoorFact, frozen=True, kw_only=True, tag="thumbnail_saved"):
    """A picture of the visit was written into the thumbnails folder.

    Args:
        path: Where it is, relative: 'thumbnails/2026-02-25T10-30-00.jpg'.
        sha256: The file's SHA-256, 32 bytes; None if it is not known.
        size_bytes: The file's size in bytes; None if it is not known.
        width_px: Its width in pixels; None if it is not known.
        height_px: Its height in pixels; None if it is not known.
        recorded_at: When the source saw it, an aware datetime; None if it is not known.
    """

    version: Literal[1] = 1
    path: Text
    sha256: Digest | None = None
    size_bytes: Count | None = None
    width_px: Count | None = None
    height_px: Count | None = None
    recorded_at: Instant | None = None


class PictureRemoved(DoorFact, frozen=True, kw_only=True, tag="picture_removed"):
    """A picture was deleted.

    Args:
        path: The picture's path, as in its `thumbnail_saved`.
        sha256: The file's SHA-256, 32 bytes; None if it is not known.
        size_bytes: The file's size in bytes; None if it is not known.
        reason: "forgotten", "age", "bytes" (to make room) or "asked".
    """

    version: Literal[1] = 1
    path: Text
    sha256: Digest | None = None
    size_bytes: Count | None = None
    reason: Literal["forgotten", "age", "bytes", "asked"]


class VisitEnded(DoorFact, frozen=True, kw_only=True, tag="visit_ended"):
    """The source closed the visit.

    Args:
        ended_at: When, an aware datetime.
        reason: "quiet", "longest", "source", "source_silent" or "stopped".
        answered: Whether somebody answered the ring; None if it is not known.
        frames: How many frames the visit had; None if it is not known.
        looked: How many of them were looked at; None if it is not known.
        skipped: How many of them were skipped; None if it is not known.
        why_skipped: Why, in one word; None if it is not known.
    """

    version: Literal[1] = 1
    ended_at: Instant
    reason: Literal["quiet", "longest", "source", "source_silent", "stopped"]
    answered: bool | None = None
    frames: Count | None = None
    looked: Count | None = None
    skipped: Count | None = None
    why_skipped: Word | None = None
