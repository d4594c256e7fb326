"""One fact of each kind with every field known, and a way to put any value into any field."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from msgspec.structs import replace

from eventlog.facts import (
    AlertSent,
    Box,
    Detection,
    Ding,
    FaceResult,
    Fact,
    Motion,
    PersonNamed,
    Score,
    ThumbnailSaved,
    UncleanStop,
    UnlockAction,
)

NOON: Final = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)
BOX: Final = Box(x1=1.0, y1=2.0, x2=3.0, y2=4.0)
SCORE: Final = Score(value=1.0, scale="percent")

# One fact of each kind with every field known.
WHOLE: Final[dict[str, Any]] = {
    "motion": Motion(camera_id="front_door", recorded_at=NOON, recording_id="1"),
    "ding": Ding(camera_id="front_door", recorded_at=NOON, recording_id="1"),
    "detection": Detection(label="dog", confidence=0.5, box=BOX, model="yolo", recorded_at=NOON),
    "face_result": FaceResult(
        name="anna",
        distance=0.3,
        tolerance=0.6,
        confidence=0.7,
        score=SCORE,
        box=BOX,
        model="dlib",
        recorded_at=NOON,
    ),
    "unlock_action": UnlockAction(
        granted=True,
        door_action="unlocked",
        person="anna",
        confidence=0.7,
        distance=0.3,
        rule="nearest",
        actor="face",
        door_id="front",
        recorded_at=NOON,
    ),
    "thumbnail_saved": ThumbnailSaved(
        path="thumbnails/a.jpg",
        sha256=bytes(32),
        size_bytes=1,
        width_px=1,
        height_px=1,
        recorded_at=NOON,
    ),
    "alert_sent": AlertSent(channel="telegram", recorded_at=NOON),
    "person_named": PersonNamed(name="anna", display_name="Anna"),
    "unclean_stop": UncleanStop(journal_position=1, head_position=2, head_hash=bytes(32)),
}
PARTS: Final = {"box": BOX, "score": SCORE}
# Every field of every kind, and every field of a box or a score where one stands.
FIELDS: Final = [(kind, name) for kind, fact in WHOLE.items() for name in fact.__struct_fields__]
INNER: Final = [
    (kind, part, name)
    for kind, field in FIELDS
    for part, whole in PARTS.items()
    if field == part
    for name in whole.__struct_fields__
]


def with_value(kind: str, field: str, value: object) -> Fact:
    """The whole fact of a kind with another value in one field, which may be 'box.x1'."""
    fact: Fact = WHOLE[kind]
    outer, _, inner = field.partition(".")
    if inner:
        value = replace(PARTS[outer], **{inner: value})
    return replace(fact, **{outer: value})
