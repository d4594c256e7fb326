"""Converts the arguments of `write_event` to facts.

The only place that knows what the contract's arguments mean. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar, cast

from eventlog.errors import BadFact
from eventlog.facts import Box, Detection, Ding, DoorAction, FaceResult, Fact, Motion, UnlockAction
from eventlog.journal.plain_values import NotPlainError, plain_value
from eventlog.record import Receipt, in_utc

T = TypeVar("T")

_CORNERS = ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2")


def facts_of_visit(
    *,
    camera_id: str,
    recorded_at: str | datetime,
    recording_id: str | None,
    event_type: str,
    person_name: str | None,
    face_confidence: float | None,
    face_distance: float | None,
    unlock_granted: bool,
    door_action: str,
    detections: Iterable[Mapping[str, Any]] | None,
) -> list[Fact]:
    """The facts of one event, its opener first.

    Raises BadFact for what can't be read as such; `codecs.encode` judges the values.
    """
    event_type = _taken(event_type, "event", "event_type")
    door_action = _taken(door_action, "unlock_action", "door_action")
    at = recorded_at_of(
        recorded_at, kind=event_type if event_type in ("motion", "ding") else "event"
    )
    facts: list[Fact] = [_opener(event_type, camera_id, at, recording_id)]
    facts += [_detection(detection) for detection in _listed(detections)]
    if not (person_name is None and face_confidence is None and face_distance is None):
        facts.append(
            FaceResult(name=person_name, distance=face_distance, confidence=face_confidence)
        )
    if door_action == "unlatched":  # allowed in facts, but not one of the contract's three
        raise BadFact("unlock_action", "door_action", "is 'unlocked', 'locked' or 'none'")
    granted = _flag(unlock_granted)
    if granted or door_action != "none":
        facts.append(
            UnlockAction(
                granted=granted,
                door_action=cast("DoorAction", door_action),
                person=person_name,
                confidence=face_confidence,
                distance=face_distance,
            )
        )
    return facts


def recorded_at_of(moment: str | datetime, *, kind: str) -> datetime:
    """A time as an aware UTC datetime; one without a zone is UTC already. Raises BadFact."""
    moment = _taken(moment, kind, "recorded_at")
    try:
        at = _read(moment) if isinstance(moment, str) else moment
        return in_utc(at)
    except (ValueError, OverflowError, AttributeError, TypeError) as error:
        raise BadFact(
            kind, "recorded_at", "is not an ISO 8601 time of the years 1 to 9999"
        ) from error


def _read(text: str) -> datetime:
    # Python reads a time with a NUL at its end as if there were none.
    if "\0" in text:
        raise ValueError("a time contains no NUL")
    return datetime.fromisoformat(text)


def opened_event(receipt: Receipt) -> int:
    """The id of the event that an append opened."""
    if receipt.event_id is None:
        raise AssertionError("an append that opens an event has an event id")
    return receipt.event_id


def _opener(
    event_type: str, camera_id: str, recorded_at: datetime, recording_id: str | None
) -> Fact:
    if event_type == "motion":
        return Motion(camera_id=camera_id, recorded_at=recorded_at, recording_id=recording_id)
    if event_type == "ding":
        return Ding(camera_id=camera_id, recorded_at=recorded_at, recording_id=recording_id)
    raise BadFact("event", "event_type", "is 'motion' or 'ding'")


def _listed(detections: Iterable[Mapping[str, Any]] | None) -> Iterable[Mapping[str, Any]]:
    if detections is None:
        return ()
    listed: object = detections  # whatever its annotation says
    if not isinstance(listed, Iterable) or isinstance(listed, str | bytes | Mapping):
        raise BadFact("detection", "", "come as a list of mappings")
    return detections


def _detection(detection: Mapping[str, Any]) -> Detection:
    try:
        label, confidence = detection["label"], detection["confidence"]
        corners = [detection.get(corner) for corner in _CORNERS]
    except (KeyError, TypeError, AttributeError) as error:
        raise BadFact("detection", "", "is a mapping with label and confidence") from error
    box = None
    if any(corner is not None for corner in corners):
        box = Box(x1=corners[0], y1=corners[1], x2=corners[2], y2=corners[3])
    return Detection(label=label, confidence=confidence, box=box)


def _taken(value: T, kind: str, field: str) -> T:
    """An argument at its plain value. Raises BadFact for one that would lose something."""
    try:
        return cast("T", plain_value(value))
    except NotPlainError as error:
        raise BadFact(kind, field, str(error)) from error


def _flag(value: object) -> bool:
    value = _taken(value, "unlock_action", "granted")
    # Pipelines of today pass SQLite's 0 and 1 as well.
    if value is True or value is False or value in (0, 1):
        return bool(value)
    raise BadFact("unlock_action", "granted", "is true or false")
