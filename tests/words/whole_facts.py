"""One fact of each kind with every field known, and a way to put any value into any field."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from msgspec.structs import replace

from eventlog.facts import (
    ActuatorOutcome,
    AlertIntended,
    AlertSent,
    Box,
    CredentialPresented,
    Detection,
    DeviceState,
    Ding,
    DoorState,
    EraBegun,
    FaceEnrolled,
    FaceResult,
    Fact,
    HeadSeen,
    HeadWitnessed,
    IdentityLinked,
    LockState,
    Motion,
    Observation,
    PartBack,
    PartStopped,
    PersonErased,
    PersonNamed,
    PictureRemoved,
    RuleArmed,
    Score,
    SigningKey,
    SourceBack,
    SourceSilent,
    ThumbnailSaved,
    UncleanStop,
    UnlockAction,
    VisitEnded,
)

NOON: Final = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)
BOX: Final = Box(x1=1.0, y1=2.0, x2=3.0, y2=4.0, frame_width=1920, frame_height=1080)
SCORE: Final = Score(value=1.0, scale="percent")

# One fact of each kind with every field known.
WHOLE: Final[dict[str, Any]] = {
    "motion": Motion(camera_id="front_door", recorded_at=NOON, recording_id="1"),
    "ding": Ding(camera_id="front_door", recorded_at=NOON, recording_id="1"),
    "detection": Detection(
        label="dog",
        confidence=0.5,
        box=BOX,
        model="yolo",
        recorded_at=NOON,
        sub_label="poodle",
        plate="B-AD 1815",
        zones=("porch", "garden"),
        track="t1",
    ),
    "face_result": FaceResult(
        name="anna",
        distance=0.3,
        tolerance=0.6,
        confidence=0.7,
        score=SCORE,
        box=BOX,
        model="dlib",
        recorded_at=NOON,
        track="t1",
        nearest="ben",
        threshold=0.9,
        given_by="model",
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
        user_ref="u-1",
        credential_kind="face",
        credential_slot=2,
        reason="matched",
        frames=3,
        dry_run=False,
        intent="i1",
    ),
    "thumbnail_saved": ThumbnailSaved(
        path="thumbnails/a.jpg",
        sha256=bytes(32),
        size_bytes=1,
        width_px=1,
        height_px=1,
        recorded_at=NOON,
    ),
    "alert_sent": AlertSent(
        channel="telegram",
        recorded_at=NOON,
        rule="rings",
        revision=1,
        outcome="sent",
        tries=2,
        message_id="m1",
        intended=7,
    ),
    "person_named": PersonNamed(name="anna", display_name="Anna"),
    "unclean_stop": UncleanStop(journal_position=1, head_position=2, head_hash=bytes(32)),
    "observation": Observation(
        camera_id="front_door", recorded_at=NOON, recording_id="1", label="bark", medium="sound"
    ),
    "visit_ended": VisitEnded(
        ended_at=NOON,
        reason="quiet",
        answered=True,
        frames=180,
        looked=60,
        skipped=120,
        why_skipped="cpu",
    ),
    "actuator_outcome": ActuatorOutcome(
        intent="i1", outcome="failed", took_ms=12, detail="503", recorded_at=NOON
    ),
    "credential_presented": CredentialPresented(
        door_id="front",
        credential_kind="pin",
        credential_slot=2,
        user_ref="u-1",
        person="anna",
        reason="restricted",
        recorded_at=NOON,
    ),
    "lock_state": LockState(door_id="front", state="jammed", source="zwave", recorded_at=NOON),
    "door_state": DoorState(door_id="front", state="ajar", source="nuki", recorded_at=NOON),
    "device_state": DeviceState(
        device_id="bridge", what="battery", state="low", value=0.1, recorded_at=NOON
    ),
    "identity_linked": IdentityLinked(person="anna", source="front", identity="2"),
    "source_silent": SourceSilent(source="frigate", since=NOON, reason="offline"),
    "source_back": SourceBack(source="frigate", until=NOON, reconciled=12, late=3),
    "part_stopped": PartStopped(part="frigate", error="TimeoutError", restarts=4),
    "part_back": PartBack(part="frigate", restarts=4),
    "rule_armed": RuleArmed(
        rule="known by day",
        text="who in (p0)",
        people=("anna",),
        digest=sha256(b"who in (p0)").digest(),
    ),
    "alert_intended": AlertIntended(rule="rings", channel="ntfy", revision=1, covers=(1, 2)),
    "picture_removed": PictureRemoved(
        path="thumbnails/a.jpg", sha256=bytes(32), size_bytes=1, reason="age"
    ),
    "person_erased": PersonErased(sealed=(bytes(32),), reason="asked", requested_at=NOON),
    "signing_key": SigningKey(vkey="eventlog.invalid/00/0+abcdef01+AQ==", retired=True),
    "era_begun": EraBegun(era=1, reason="lost", previous_size=9, previous_root=bytes(32)),
    "face_enrolled": FaceEnrolled(
        person="anna", picture_sha256=bytes(32), model="sface", removed=True
    ),
    "head_witnessed": HeadWitnessed(size=9, root=bytes(32), witness="witness.example/1", time=NOON),
    "head_seen": HeadSeen(name="eventlog.invalid/00/0", size=9, root=bytes(32), key_id=bytes(4)),
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
    """The complete fact of a kind with another value in one field, which may be 'box.x1'."""
    fact: Fact = WHOLE[kind]
    outer, _, inner = field.partition(".")
    if inner:
        value = replace(PARTS[outer], **{inner: value})
    return replace(fact, **{outer: value})
