"""UniFi Protect: events of its REST list, and of its private and its public WebSocket.

An event is known by its id. A message may carry only what changed since the last one, the same end
may come three times, and an event may first be met by an update: whatever a message holds goes in,
under keys that hold what can change. `access` is somebody who opens the web page, and not the door.

Times are in milliseconds, confidences 0 to 100, `coord` x, y, width and height in thousandths. The
types are those of uiprotect 25.0.0 (`data/types.py`, `data/nvr.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from eventlog.errors import BadPayload
from eventlog.facts import (
    Box,
    Detection,
    Ding,
    FaceResult,
    Fact,
    Finite,
    Motion,
    Observation,
    Score,
    VisitEnded,
)
from eventlog.sources.adapter import Adapter, Message, Settings
from eventlog.sources.items import Addition, Item, Refused, Skipped, Standalone, Unknown, Visit
from eventlog.sources.locks import DoorWord, clipped, device_state, door_state, presented
from eventlog.sources.messages import UnixMillis, lenient, millis, slug, word

SOURCE: Final = "unifi-protect"
CONFIDENCE: Final = "unifi-protect confidence"

_MOTIONS: Final = frozenset(
    {"motion", "smartDetectZone", "smartDetectLine", "smartDetectLoiterZone", "sensorMotion"}
    | {"lightMotion", "faceGroupDetected", "alarmHubMotion"}
)
_SOUNDS: Final = frozenset({"smartAudioDetect", "sensorAlarm", "alarmHubGlassBreak"})
_DOORS: Final[dict[str, DoorWord]] = {
    "sensorOpened": "open",
    "sensorClosed": "closed",
    "alarmHubEntryOpened": "open",
    "alarmHubEntryClosed": "closed",
}
_CREDENTIALS: Final = {"nfcCardScanned": "nfc", "fingerprintIdentified": "fingerprint"}
_DEVICES: Final = {
    "cameraConnected": ("connectivity", "online"),
    "cameraDisconnected": ("connectivity", "offline"),
    "deviceConnected": ("connectivity", "online"),
    "deviceDisconnected": ("connectivity", "offline"),
    "disconnect": ("connectivity", "offline"),
    "networkDeviceOffline": ("connectivity", "offline"),
    "offline": ("connectivity", "offline"),
    "sensorBatteryLow": ("battery", "low"),
    "sensorTamper": ("tamper", "tampered"),
    "alarmHubBatteryLow": ("battery", "low"),
    "alarmHubDeviceTamper": ("tamper", "tampered"),
    "alarmHubTamper": ("tamper", "tampered"),
}
# Known, and nothing that happened at the door.
_NO_FACT: Final = frozenset(
    {"factoryReset", "provision", "update", "cameraPowerCycling", "doorAccess"}
    | {"resolutionLowered", "poorConnection", "streamRecovery", "recordingDeleted"}
    | {"nonScheduledRecording", "recordingModeChanged", "hotplug", "cameraRebooted"}
    | {"consolidatedResolutionLowered", "consolidatedPoorConnection", "installed"}
    | {"corruptedDbRecovered", "off", "reboot", "fwUpdate", "applicationUpdate"}
    | {"applicationUpdatable", "driveFailed", "cameraUtilizationLimitReached"}
    | {"cameraUtilizationLimitExceeded", "driveSlow", "globalRecordingModeChanged"}
    | {"nvrSettingsChanged", "unadoptedDeviceDiscovered", "deviceAdopted", "deviceUnadopted"}
    | {"multipleUnadoptedDeviceDiscovered", "ufvDiscovered", "devicesPasswordUpdated"}
    | {"deviceUpdatable", "multipleDeviceUpdatable", "deviceRebooted", "userLeft"}
    | {"userArrived", "videoExported", "microphoneDisabled", "videoDeleted"}
    | {"recordingScheduleChanged", "sensorButtonPressed", "sensorExtremeValues"}
    | {"sensorWaterLeak", "sensorSmokeTest", "sensorVape", "sensorSmokeBatteryLow"}
    | {"relayInputChanged", "cameraDigitalInputChanged", "alarmHubRelaySwitched"}
    | {"alarmHubButtonPress", "alarmHubSmoke", "alarmHubBatteryConnected"}
    | {"ringDisruptedConditions", "recordingOff"}
    | {"sensorSmokeNeedsCleaning", "sensorSmokeFault", "sensorCoFault", "sensorSmokeEndOfLife"}
)
_LABELS: Final = {"licensePlate": "license_plate", "car": "vehicle", "pet": "animal"}

EventId = Annotated[str, Meta(pattern=r"\A[0-9A-Za-z_-]+\Z", max_length=64)]
Percent = Annotated[float, Meta(ge=0, le=100)]


class Text(Struct, frozen=True):
    """A text of the metadata."""

    text: str | None = None


class Card(Struct, frozen=True):
    """A card: by its user's id (private API), or by the identity's (public API)."""

    nfcId: str | None = None  # noqa: N815 - as Protect writes it
    userId: str | None = None  # noqa: N815
    ulpId: str | None = None  # noqa: N815


class Group(Struct, frozen=True):
    """Who a face is, or what a plate reads."""

    matchedName: str | None = None  # noqa: N815
    name: str | None = None
    confidence: Percent | None = None


class Thumbnail(Struct, frozen=True):
    """One of the objects that were detected."""

    type: str
    confidence: Percent | None = None
    clockBestWall: UnixMillis | None = None  # noqa: N815
    name: str | None = None
    coord: tuple[Finite, Finite, Finite, Finite] | None = None
    group: Group | None = None


class Metadata(Struct, frozen=True):
    """What an event has beyond its type and times."""

    sensorId: Text | str | None = None  # noqa: N815
    sensorName: Text | str | None = None  # noqa: N815
    lightId: Text | str | None = None  # noqa: N815
    lightName: Text | str | None = None  # noqa: N815
    deviceId: Text | str | None = None  # noqa: N815
    alarmType: Text | str | None = None  # noqa: N815
    nfc: Card | None = None
    fingerprint: Card | None = None
    detectedThumbnails: list[Any] | None = None  # noqa: N815


class Event(Struct, frozen=True):
    """An event, or what changed of it."""

    id: EventId
    type: str | None = None
    start: UnixMillis | None = None
    end: UnixMillis | None = None
    score: Percent | None = None
    smartDetectTypes: list[str] | None = None  # noqa: N815
    camera: str | None = None
    device: str | None = None
    metadata: Metadata | None = None


def items(message: Message, _: Settings) -> Iterator[Item]:
    """The items of one message. Raises BadPayload."""
    value = _unwrapped(message.value)
    if value is None:
        yield Skipped("a message of another model than event")
        return
    event, left_out = lenient(SOURCE, value, Event)
    yield from (Refused("", reason) for reason in left_out)
    kind = event.type
    if kind in _MOTIONS or kind in _SOUNDS or kind == "ring":
        yield from _visit(event, _opener(event))
    elif kind is None:
        yield from _visit(event, None)
    elif kind == "access":
        yield Skipped("a login to the web page, and not the door")
    elif kind in _NO_FACT:
        yield Skipped(f"type {kind}")
    elif kind in _DOORS or kind in _CREDENTIALS or kind in _DEVICES:
        yield _standalone(event, kind)
    else:
        yield Unknown(f"type {word(kind)}")


def _unwrapped(value: object) -> dict[str, Any] | None:
    """The event of a message; None where it is of another model."""
    if not isinstance(value, dict):
        raise BadPayload(SOURCE, "a message is an object")
    told: dict[str, Any] = value
    if isinstance(told.get("item"), dict):  # the public WebSocket
        told = told["item"]
    elif isinstance(told.get("action"), dict) and isinstance(told.get("data"), dict):
        action = told["action"]  # the private one: what changed, and the id beside it
        told = {"id": action.get("id"), "modelKey": action.get("modelKey"), **told["data"]}
    return told if told.get("modelKey", "event") == "event" else None


# ── visits ─────────────────────────────────────────────────────────────────────────────────


def _opener(event: Event) -> Fact | None:
    """The fact that opens the event; None where the message does not tell when it began."""
    if event.start is None:
        return None
    camera, at = _device(event), millis(event.start)
    if event.type == "ring":
        return Ding(camera_id=camera, recorded_at=at, recording_id=event.id)
    if event.type in _SOUNDS:
        types = event.smartDetectTypes or []
        alarm = _text(event.metadata.alarmType) if event.metadata else None
        label = _label(types[0]) if types else alarm or "sound"
        return Observation(
            camera_id=camera,
            recorded_at=at,
            recording_id=event.id,
            label=label[:64],
            medium="sound",
        )
    return Motion(camera_id=camera, recorded_at=at, recording_id=event.id)


def _visit(event: Event, opening: Fact | None) -> Iterator[Item]:
    """What a message adds to its event; without an opener, only where that is known already."""
    key = f"{SOURCE}:{event.id}"
    openers = () if opening is None else (opening,)
    if opening is not None:
        yield Visit(key, openers)
    added = list(_added(event, key, openers))
    yield from added
    if opening is None and not added:
        yield Skipped("an update that changes nothing that is kept")


def _added(event: Event, key: str, openers: tuple[Fact, ...]) -> Iterator[Item]:
    thumbnails = (event.metadata.detectedThumbnails if event.metadata else None) or []
    seen = []
    for number, value in enumerate(thumbnails):
        try:
            thumbnail, left_out = lenient(SOURCE, value, Thumbnail)
        except BadPayload as error:
            yield Refused("", f"metadata.detectedThumbnails[{number}]: {error.reason}")
            continue
        yield from (Refused("", reason) for reason in left_out)
        seen.append(thumbnail.type)
        yield from _of_thumbnail(event, thumbnail, key, openers)
    if event.type not in _SOUNDS:
        for kind in event.smartDetectTypes or []:
            if kind not in seen:
                found = _detection(event, kind, None if event.score is None else event.score / 100)
                yield _addition(key, openers, "seen", found)
    if event.end is not None:
        end = VisitEnded(ended_at=millis(event.end), reason="source")
        yield Addition(key, f"{key}:ended:{event.end:.0f}", (end,), openers)


def _of_thumbnail(
    event: Event, thumbnail: Thumbnail, key: str, openers: tuple[Fact, ...]
) -> Iterator[Item]:
    at = None if thumbnail.clockBestWall is None else millis(thumbnail.clockBestWall)
    sure = None if thumbnail.confidence is None else thumbnail.confidence / 100
    group = thumbnail.group or Group()
    name = clipped(group.matchedName or group.name)
    if thumbnail.type == "face":
        score = group.confidence if group.confidence is not None else thumbnail.confidence
        face = FaceResult(
            name=name,
            score=None if score is None else Score(value=score / 100, scale=CONFIDENCE),
            box=_box(thumbnail),
            recorded_at=at,
            track=event.id,
        )
        yield _addition(key, openers, "face", face)
        return
    is_vehicle = thumbnail.type in {"vehicle", "licensePlate", "car"}
    found = _detection(event, thumbnail.type, sure)
    yield _addition(
        key,
        openers,
        "seen",
        Detection(
            label=found.label,
            confidence=sure,
            box=_box(thumbnail),
            recorded_at=at,
            plate=clipped(name or thumbnail.name) if is_vehicle else None,
            track=event.id,
        ),
    )


def _detection(event: Event, kind: str, confidence: float | None) -> Detection:
    return Detection(label=_label(kind), confidence=confidence, track=event.id)


def _addition(key: str, openers: tuple[Fact, ...], what: str, fact: Fact) -> Item:
    """A part of the event; what differs from an earlier telling is kept too."""
    label = fact.label if isinstance(fact, Detection) else ""
    return Addition(key, f"{key}:{what}:{label}", (fact,), openers, distinct=True)


def _box(thumbnail: Thumbnail) -> Box | None:
    """`coord` is x, y, width and height in thousandths."""
    if thumbnail.coord is None:
        return None
    x, y, width, height = thumbnail.coord
    corners = (one / 1000 for one in (x, y, x + width, y + height))
    x1, y1, x2, y2 = corners
    return Box(x1=x1, y1=y1, x2=x2, y2=y2, unit="fractions")


def _label(kind: str) -> str:
    """A type as a label: 'alrmGlassBreak' is 'glass_break'."""
    if kind in _LABELS:
        return _LABELS[kind]
    plain = kind.removeprefix("alrm")
    parts = [f"_{one.lower()}" if one.isupper() else one for one in plain]
    return "".join(parts).strip("_")[:64] or "object"


# ── doors, credentials, devices ────────────────────────────────────────────────────────────


def _standalone(event: Event, kind: str) -> Item:
    if event.start is None:
        return Skipped("an update that changes nothing that is kept")
    at, device = millis(event.start), _device(event)
    return Standalone(f"{SOURCE}:{event.id}", (_standing(event, kind, device, at),), distinct=True)


def _standing(event: Event, kind: str, device: str, at: datetime) -> Fact:
    if kind in _DOORS:
        return door_state(SOURCE, device, _DOORS[kind], at)
    if kind in _DEVICES:
        what, state = _DEVICES[kind]
        return device_state(device, what, state, at)  # type: ignore[arg-type]  # one of its words
    metadata = event.metadata or Metadata()
    card = (metadata.nfc if kind == "nfcCardScanned" else metadata.fingerprint) or Card()
    user = card.ulpId or card.userId or card.nfcId
    return presented(
        _CREDENTIALS[kind],
        door_id=device,
        user_ref=user,
        reason=None if user else "not_identified",
        recorded_at=at,
    )


def _device(event: Event) -> str:
    """The camera's id; a sensor's or a light's name, which has no other."""
    metadata = event.metadata or Metadata()
    names = (metadata.sensorName, metadata.lightName)
    ids = (event.camera, event.device, metadata.sensorId, metadata.lightId, metadata.deviceId)
    if event.camera is None:
        for name in names:
            if slug(_text(name)):
                return slug(_text(name))
    return next((told for one in ids if (told := _text(one))), "unknown")[:64]


def _text(told: Text | str | None) -> str:
    return (told.text or "") if isinstance(told, Text) else told or ""


ADAPTER: Final = Adapter(SOURCE, items)
