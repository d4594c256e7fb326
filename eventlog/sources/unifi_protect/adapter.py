"""UniFi Protect: events of its REST list, and of its private and its public WebSocket.

An event is known by its id. A message may carry only what changed since the last one, the same end
may come three times, and an event may first be met by an update: whatever a message holds goes in.
`access` is somebody who opens the web page, and not the door. The types are those of uiprotect
25.0.0 (`data/types.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from eventlog.errors import BadPayload
from eventlog.facts import (
    Fact,
)
from eventlog.sources.adapter import Adapter, Message, Settings
from eventlog.sources.items import Item, Refused, Skipped, Standalone, Unknown
from eventlog.sources.locks import DoorWord, device_state, door_state, presented
from eventlog.sources.messages import lenient, millis, word
from eventlog.sources.unifi_protect.shapes import SOURCE, Card, Event, Metadata, device_of
from eventlog.sources.unifi_protect.visits import SOUNDS, opener, visit_items

_MOTIONS: Final = frozenset(
    {"motion", "smartDetectZone", "smartDetectLine", "smartDetectLoiterZone", "sensorMotion"}
    | {"lightMotion", "faceGroupDetected", "alarmHubMotion"}
)
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


def items(message: Message, _: Settings) -> Iterator[Item]:
    """The items of one message. Raises BadPayload."""
    value = _unwrapped(message.value)
    if value is None:
        yield Skipped("a message of another model than event")
        return
    event, left_out = lenient(SOURCE, value, Event)
    yield from (Refused("", reason) for reason in left_out)
    kind = event.type
    if kind in _MOTIONS or kind in SOUNDS or kind == "ring":
        yield from visit_items(event, opener(event))
    elif kind is None:
        yield from visit_items(event, None)
    elif kind == "access":
        yield Skipped("a login to the web page, and not the door")
    elif kind in _NO_FACT:
        yield Skipped(f"type {kind}")
    elif kind in _DOORS or kind in _CREDENTIALS or kind in _DEVICES:
        yield _standalone(event, kind)
    else:
        yield Unknown(f"type {word(kind)}")


def _unwrapped(value: object) -> dict[str, Any] | None:
    """The event of a message; None if it is of another model."""
    if not isinstance(value, dict):
        raise BadPayload(SOURCE, "a message is an object")
    told: dict[str, Any] = value
    if isinstance(told.get("item"), dict):  # the public WebSocket
        told = told["item"]
    elif isinstance(told.get("action"), dict) and isinstance(told.get("data"), dict):
        action = told["action"]  # the private one: what changed, and the id outside it
        told = {"id": action.get("id"), "modelKey": action.get("modelKey"), **told["data"]}
    return told if told.get("modelKey", "event") == "event" else None


def _standalone(event: Event, kind: str) -> Item:
    if event.start is None:
        return Skipped("an update that changes nothing that is kept")
    at, device = millis(event.start), device_of(event)
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


ADAPTER: Final = Adapter(SOURCE, items)
