"""Reads an element of Ring's lists: doorbot and intercom history, active dings, events.

One id may serve two kinds, and the same ring comes by push and by two histories with times that
differ by fractions; so the key is `ring:<id>:<kind>`, and the first telling is kept. Ids have up
to 19 digits: where one comes as text too, the text is taken. Only pushes and intercoms name the
device.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, TypeAlias

from msgspec import Meta, Struct

from eventlog.errors import BadPayload
from eventlog.facts import Detection, Ding, Fact, Motion, Observation, VisitEnded, Word
from eventlog.record import ID_MAX
from eventlog.sources.adapter import Settings
from eventlog.sources.items import Addition, Item, Refused, Skipped, Standalone, Unknown, Visit
from eventlog.sources.locks import Operation, operated
from eventlog.sources.messages import (
    UnixMillis,
    UnixSeconds,
    lenient,
    millis,
    moment,
    slug,
    utc,
    word,
)

SOURCE: Final = "ring"

# Up to 19 digits, and sometimes text: never a float, which would lose the last of them.
RingId: TypeAlias = (
    Annotated[int, Meta(ge=0, le=ID_MAX)]
    | Annotated[str, Meta(pattern=r"\A[0-9]+\Z", max_length=20)]
)
Digits: TypeAlias = Annotated[str, Meta(pattern=r"\A[0-9]+\Z", max_length=20)]
EventId: TypeAlias = (
    Annotated[int, Meta(ge=0, le=ID_MAX)]
    | Annotated[str, Meta(pattern=r"\A[0-9A-Za-z_.-]+\Z", max_length=64)]
)

_KNOCK: Final = "knock"
# Known, but not a visit: the live picture is watched, or an alarm is armed.
_NO_VISIT: Final = frozenset(
    {"on_demand", "on_demand_link", "alarm", "sidewalk", "person_detected", "offline_event"}
)
_UNLOCKS: Final = {
    "key_access": Operation("unlocked", "key", rule="key_access"),
    "door.unlock": Operation("unlocked", "app"),
    "unlock": Operation("unlocked", "app"),
    "intercom_unlock": Operation("unlocked", "app"),
}
_DETECTED: Final = {
    "human": "person",
    "person": "person",
    "package": "package",
    "package_delivery": "package",
    "vehicle": "vehicle",
    "animal": "animal",
}


class Device(Struct, frozen=True):
    """The device that an element names."""

    id: int | str | None = None
    description: str | None = None
    name: str | None = None


class DetectionType(Struct, frozen=True):
    """One of the things that were detected."""

    detection_type: str | None = None


class Vision(Struct, frozen=True):
    """What the camera made of the picture; the text "null" occurs."""

    person_detected: bool | None = None
    detection_type: str | None = None
    detection_types: list[DetectionType] | None = None


class Ringing(Struct, frozen=True):
    """An element: each list calls its id, its kind and its time by other names."""

    id: RingId | None = None
    id_str: Digits | None = None
    ding_id: RingId | None = None
    ding_id_str: Digits | None = None
    event_id: EventId | None = None
    kind: Word | None = None
    event_type: Word | None = None
    created_at: datetime | UnixMillis | None = None
    start_time: datetime | UnixMillis | None = None
    now: UnixSeconds | None = None
    duration: Annotated[float, Meta(ge=0, le=86_400)] | None = None
    answered: bool | None = None
    device_name: str | None = None
    doorbot_description: str | None = None
    doorbot: Device | None = None
    cv_properties: Vision | None = None
    cv: Vision | None = None
    detection_type: str | None = None
    subtype: str | None = None


def element_items(value: object, settings: Settings) -> Iterator[Item]:
    """The items of one element. Raises BadPayload."""
    ringing, left_out = lenient(SOURCE, value, Ringing)
    ring_id, kind = _id(ringing, left_out), _kind(ringing, left_out)
    if kind in _NO_VISIT:
        yield Skipped(f"kind {kind}")
        return
    at = _recorded_at(ringing, left_out)
    yield from (Refused("", reason) for reason in left_out)
    key = f"{SOURCE}:{ring_id}:{kind}"
    if kind in _UNLOCKS:
        door = camera_of(ringing) or settings.camera_id
        yield Standalone(key, (operated(_UNLOCKS[kind], door_id=door, recorded_at=at),))
        return
    camera = camera_of(ringing) or settings.camera_id
    opening = opener(kind, camera, at, ring_id)
    if opening is None:
        yield Unknown(f"kind {word(kind)}")
        return
    yield Visit(key, (opening,))
    yield from _details(ringing, key, opening, at)


def opener(kind: str, camera: str, at: datetime, ring_id: str | None) -> Fact | None:
    """The fact that opens the event of a kind; None for a kind that opens none."""
    match kind:
        case "ding":
            return Ding(camera_id=camera, recorded_at=at, recording_id=ring_id)
        case "motion":
            return Motion(camera_id=camera, recorded_at=at, recording_id=ring_id)
        case "door_activity":  # a knock, which the door's viewer feels
            return Observation(
                camera_id=camera,
                recorded_at=at,
                recording_id=ring_id,
                label=_KNOCK,
                medium="sound",
            )
        case _:
            return None


def _details(ringing: Ringing, key: str, opening: Fact, at: datetime) -> Iterator[Item]:
    for label in sorted(_labels(ringing)):
        seen = Detection(label=label, recorded_at=at)
        yield Addition(key, f"{key}:{label}", (seen,), (opening,))
    if ringing.duration is not None:
        end = VisitEnded(
            ended_at=at + timedelta(seconds=ringing.duration),
            reason="source",
            answered=ringing.answered,
        )
        yield Addition(key, f"{key}:ended", (end,), (opening,), distinct=True)


def _labels(ringing: Ringing) -> set[str]:
    """What the camera detected; it does not say how sure it is."""
    told = {ringing.detection_type, ringing.subtype}
    labels = set()
    for vision in (ringing.cv_properties, ringing.cv):
        if vision is None:
            continue
        told.add(vision.detection_type)
        told.update(one.detection_type for one in vision.detection_types or [])
        if vision.person_detected:
            labels.add("person")
    return labels | {_DETECTED[one] for one in told if one in _DETECTED}


def _id(ringing: Ringing, left_out: list[str]) -> str:
    for given in (
        ringing.ding_id_str,
        ringing.id_str,
        ringing.id,
        ringing.ding_id,
        ringing.event_id,
    ):
        if given is not None:
            text = str(given)
            return str(int(text)) if text.isdigit() else text
    raise BadPayload(SOURCE, _first(left_out, "id", "ding_id", "event_id") or "id: is missing")


def _kind(ringing: Ringing, left_out: list[str]) -> str:
    kind = ringing.kind or ringing.event_type
    if kind is None:
        raise BadPayload(SOURCE, _first(left_out, "kind", "event_type") or "kind: is missing")
    return kind.lower()


def _recorded_at(ringing: Ringing, left_out: list[str]) -> datetime:
    for name in ("created_at", "start_time"):
        told: Any = getattr(ringing, name)
        if isinstance(told, datetime):
            return utc(SOURCE, name, told)
        if told is not None:
            return millis(told)
    if ringing.now is not None:
        return moment(ringing.now)
    bad = _first(left_out, "created_at", "start_time", "now")
    raise BadPayload(SOURCE, bad or "has neither created_at nor now")


def _first(left_out: list[str], *names: str) -> str | None:
    """Why the first of some fields was left out, if one was."""
    return next((one for one in left_out if one.partition(":")[0] in names), None)


def camera_of(ringing: Ringing) -> str:
    """The device's name as a camera id, 'Front Door' as 'front_door'; "" if none is named."""
    device = ringing.doorbot or Device()
    return slug(
        ringing.doorbot_description or ringing.device_name or device.description or device.name
    )
