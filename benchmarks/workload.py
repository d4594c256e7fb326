"""The unit of work, the same for every contender: an event of five facts.

A motion, two detections, a face result and an unlock action, with the fields filled as a real
pipeline fills them; where nothing may be durable, a second face result stands in for the unlock
action. Everything is made before the clock starts, and from a seed. Knows no contender's tables.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from eventlog.facts import Box, Detection, FaceResult, Fact, Motion, UnlockAction

T0: Final = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)
FACTS_PER_EVENT: Final = 5
SEED: Final = 20_260_225

COMMON_LABEL: Final = "person"
RARE_LABEL: Final = "fox"
COMMON_PERSON: Final = "anna"
_LABELS: Final = ("person", "person", "person", "car", "dog", "cat", "package", "bicycle")
_PERSONS: Final = (COMMON_PERSON, COMMON_PERSON, "ben", "carla", None, None, None, None)
_CAMERAS: Final = ("front_door", "front_door", "garden_gate")
# One event in so many shows the rare label.
RARE_ONE_IN: Final = 1_000
# Events are so far apart, so that a day holds some hundreds.
APART: Final = timedelta(minutes=2, seconds=7)

_DETECTOR: Final = "yolov8n.pt"
_RECOGNISER: Final = "face_recognition 1.3.0"


def unit(number: int, rng: random.Random, *, with_unlock: bool = True) -> list[Fact]:
    """The five facts of the event with this number, from 0."""
    # Ring tells whole seconds; a frame's time is the camera's own.
    at = T0 + number * APART
    frame = at + timedelta(microseconds=rng.randrange(1_000_000))
    camera = rng.choice(_CAMERAS)
    rare = number % RARE_ONE_IN == RARE_ONE_IN // 2
    labels = [RARE_LABEL if rare else rng.choice(_LABELS), rng.choice(_LABELS)]
    name = rng.choice(_PERSONS)
    face = _face(name, rng, frame)
    facts: list[Fact] = [
        Motion(
            camera_id=camera, recorded_at=at, recording_id=str(7_300_000_000_000_000_000 + number)
        ),
        *(_detection(label, rng, frame) for label in labels),
        face,
    ]
    if with_unlock:
        facts.append(_unlock(face, camera, frame))
    else:
        facts.append(_face(None, rng, frame))
    return facts


def units(count: int, *, with_unlock: bool = True, first: int = 0) -> Iterator[list[Fact]]:
    """So many events' facts, the same for the same arguments."""
    rng = random.Random(SEED + first)
    for number in range(first, first + count):
        yield unit(number, rng, with_unlock=with_unlock)


def plain_arguments(facts: list[Fact]) -> dict[str, Any]:
    """The same event as the arguments of the contract's `write_event`."""
    opener = facts[0]
    assert isinstance(opener, Motion)
    faces = [fact for fact in facts if isinstance(fact, FaceResult)]
    face = faces[0] if faces else FaceResult()
    return {
        "camera_id": opener.camera_id,
        "recorded_at": opener.recorded_at.replace(tzinfo=None).isoformat(),
        "recording_id": opener.recording_id,
        "event_type": "motion",
        "person_name": face.name,
        "face_confidence": face.confidence,
        "face_distance": face.distance,
        "unlock_granted": face.name is not None,
        "door_action": "none" if face.name is None else "unlocked",
        "thumbnail_path": None,
        "detections": [_plain_detection(fact) for fact in facts if isinstance(fact, Detection)],
    }


def _detection(label: str, rng: random.Random, frame: datetime) -> Detection:
    return Detection(
        label=label,
        confidence=round(rng.uniform(0.4, 0.99), 4),
        box=_box(rng),
        model=_DETECTOR,
        recorded_at=frame,
    )


def _face(name: str | None, rng: random.Random, frame: datetime) -> FaceResult:
    distance = rng.uniform(0.25, 0.45) if name else rng.uniform(0.62, 0.95)
    return FaceResult(
        name=name,
        distance=distance,
        tolerance=0.5,
        confidence=1.0 - distance,
        box=_box(rng),
        model=_RECOGNISER,
        recorded_at=frame,
    )


def _unlock(face: FaceResult, camera: str, frame: datetime) -> UnlockAction:
    return UnlockAction(
        granted=face.name is not None,
        door_action="none" if face.name is None else "unlocked",
        person=face.name,
        confidence=face.confidence,
        distance=face.distance,
        rule="distance within tolerance",
        actor="face",
        door_id=camera,
        recorded_at=frame + timedelta(milliseconds=120),
    )


def _box(rng: random.Random) -> Box:
    x, y = rng.randrange(1500), rng.randrange(800)
    return Box(x1=float(x), y1=float(y), x2=float(x + rng.randrange(60, 400)), y2=float(y + 200))


def _plain_detection(fact: Detection) -> dict[str, Any]:
    box = fact.box
    assert box is not None
    return {
        "label": fact.label,
        "confidence": fact.confidence,
        "bbox_x1": box.x1,
        "bbox_y1": box.y1,
        "bbox_x2": box.x2,
        "bbox_y2": box.y2,
    }
