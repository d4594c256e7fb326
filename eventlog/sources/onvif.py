"""ONVIF: the notifications of a camera's event service, as client libraries print them.

Read is one notification as JSON: its topic, and its message with time, operation, source and data,
as zeep (Python) and onvif (Node) write them. A notification gives a level, true or false; that of
the operation `Initialized` is the state at the time of the subscription, and nothing that happens.
The topics are those that Home Assistant reads (components/onvif/parsers.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from eventlog.errors import BadPayload
from eventlog.facts import Detection, Ding, Fact, Motion, Observation
from eventlog.sources.adapter import Adapter, Message, Settings, occurrence
from eventlog.sources.items import Item, Skipped, Unknown, Visit, series
from eventlog.sources.locks import door_is, tamper_is
from eventlog.sources.messages import utc, word

SOURCE: Final = "onvif"
_TRUE: Final = frozenset({"true", "1"})
_FALSE: Final = frozenset({"false", "0"})

# The last part of the topic -> what was seen; None is a motion alone.
_SEEN: Final[dict[str, str | None]] = {
    "Motion": None,
    "MotionAlarm": None,
    "CellMotionDetector/Motion": None,
    "PeopleDetect": "person",
    "HumanShapeDetect": "person",
    "Human": "person",
    "FaceDetect": "face",
    "VehicleDetect": "vehicle",
    "DogCatDetect": "animal",
    "Package": "package",
    "LineCross": None,
    "LineDetector/Crossed": None,
    "FieldDetector/ObjectsInside": None,
}
_RING: Final = "Visitor"
_SOUNDS: Final = ("DetectedSound",)
_TAMPERS: Final = (
    "Tamper",
    "TamperDetector",
    "GlobalSceneChange",
    "ImageTooBlurry",
    "ImageTooDark",
)
_INPUTS: Final = ("DigitalInput",)
_NO_FACT: Final = (
    "AutofocusAlarm",
    "HardwareFailure",
    "LastClockSynchronization",
    "LastReboot",
    "LastReset",
    "Monitoring",
    "RecordingConfig",
    "Relay",
    "StorageFailure",
    "ProcessorUsage",
    "OperatingTime",
    "State",
    "JobState",
    "IPv4",
    "Ethernet",
)


def items(message: Message, settings: Settings) -> Iterator[Item]:
    """The items of one notification. Raises BadPayload."""
    if not isinstance(message.value, dict):
        raise BadPayload(SOURCE, "a message is an object")
    topic = _topic(message.value)
    body = _body(message.value)
    source, data = _simple(body, "Source", "source"), _simple(body, "Data", "data")
    parts = [part.partition(":")[2] or part for part in topic.split("/")]
    last, two = parts[-1], "/".join(parts[-2:])
    operation = str(_field(body, "PropertyOperation") or "Changed")
    level = _level(data)
    camera = settings.camera_id
    token = next(iter(source.values()), "")
    own = _time(body)
    at = own or message.received_at
    if at is None:
        raise BadPayload(SOURCE, "UtcTime: is missing")
    named = series(SOURCE, camera, topic, token)
    if last in _TAMPERS or two in _TAMPERS or "TamperDetector" in parts:
        yield tamper_is(message, SOURCE, camera, tampered=level is True, at=at)
    elif last in _INPUTS:
        yield door_is(message, SOURCE, f"{camera}.{token}"[:64], "open" if level else "closed", at)
    elif any(part in _NO_FACT for part in parts[-2:]):
        yield Skipped(f"topic {word(last)}")
    elif last != _RING and last not in _SEEN and two not in _SEEN and last not in _SOUNDS:
        yield Unknown(f"topic {word(last)}")
    elif operation != "Changed":
        yield Skipped(f"a state at the time of {word(operation)}")
    elif level is False:
        yield Skipped("the end of something that is recorded at its start")
    elif own is None:  # the time of its arrival is not a key
        yield occurrence(message, named, *_facts(last, two, camera, at))
    else:
        yield Visit(f"{named}:{at.isoformat()}", _facts(last, two, camera, at))


def _facts(last: str, two: str, camera: str, at: datetime) -> tuple[Fact, ...]:
    """The opener, and what was seen."""
    opening: Fact
    if last == _RING:
        opening = Ding(camera_id=camera, recorded_at=at)
    elif last in _SOUNDS:
        opening = Observation(camera_id=camera, recorded_at=at, label="sound", medium="sound")
    else:
        opening = Motion(camera_id=camera, recorded_at=at)
    label = _SEEN.get(last, _SEEN.get(two))
    if label is None:
        return (opening,)
    return (opening, Detection(label=label, recorded_at=at))


def _topic(value: dict[str, Any]) -> str:
    told = value.get("Topic", value.get("topic"))
    if isinstance(told, dict):
        told = told.get("_value_1", told.get("_"))
    if not isinstance(told, str) or not told:
        raise BadPayload(SOURCE, "Topic: is not text")
    return told[:256]


def _body(value: dict[str, Any]) -> dict[str, Any]:
    told = value.get("Message", value.get("message"))
    for inner in ("_value_1", "Message", "message"):
        if isinstance(told, dict) and isinstance(told.get(inner), dict):
            told = told[inner]
    if not isinstance(told, dict):
        raise BadPayload(SOURCE, "Message: is not an object")
    return told


def _field(body: dict[str, Any], name: str) -> object:
    """An attribute of the message: among its elements, or under `$`."""
    attributes = body.get("$")
    return body.get(name, attributes.get(name) if isinstance(attributes, dict) else None)


def _simple(body: dict[str, Any], *names: str) -> dict[str, str]:
    """The simple items of a part of the message, by name."""
    parts: list[dict[str, Any]] = [body[n] for n in names if isinstance(body.get(n), dict)]
    part = parts[0] if parts else {}
    found = part.get("SimpleItem", part.get("simpleItem")) or []
    answer: dict[str, str] = {}
    for one in found if isinstance(found, list) else [found]:
        told = one.get("$", one) if isinstance(one, dict) else {}
        if isinstance(told, dict) and isinstance(told.get("Name"), str):
            answer[told["Name"]] = str(told.get("Value", ""))
    return answer


def _level(data: dict[str, str]) -> bool | None:
    """True or false as the data say; None if they say neither."""
    for told in data.values():
        if told.lower() in _TRUE:
            return True
        if told.lower() in _FALSE:
            return False
    return None


def _time(body: dict[str, Any]) -> datetime | None:
    """The camera's own time, which may be wrong; its clock is what there is."""
    told = _field(body, "UtcTime")
    if isinstance(told, datetime):
        return utc(SOURCE, "UtcTime", told)
    if not isinstance(told, str):
        return None
    try:
        return utc(SOURCE, "UtcTime", datetime.fromisoformat(told))
    except ValueError as error:
        raise BadPayload(SOURCE, "UtcTime: is not a time") from error


ADAPTER: Final = Adapter(SOURCE, items, takes=frozenset({"camera_id"}))
