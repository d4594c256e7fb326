"""Matter: the events of a door lock's DoorLock cluster.

Read are the messages of the Matter server's WebSocket (`node_event`): Home Assistant keeps only
the source of an operation, as one word. The numbers are those of chip.clusters.Objects.DoorLock of
home-assistant-chip-clusters 2025.7.0. Node, endpoint and event number are the key.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from eventlog.errors import BadPayload
from eventlog.facts import DeviceState, Fact
from eventlog.sources.adapter import Adapter, Message, Settings
from eventlog.sources.items import Item, Refused, Skipped, Standalone, Unknown
from eventlog.sources.locks import (
    DoorWord,
    LockWord,
    Operation,
    device_state,
    door_state,
    lock_state,
    operated,
    presented,
)
from eventlog.sources.messages import UnixMillis, lenient, millis, shape

SOURCE: Final = "matter"
DOOR_LOCK: Final = 0x0101
EPOCH_TIMESTAMP: Final = 1  # of timestamp_type; 0 counts from the start of the device
MICROSECONDS: Final = 1e14  # a larger timestamp is in microseconds

# By the number of the event.
_ALARM, _DOOR_STATE, _OPERATION, _ERROR, _USER_CHANGE = range(5)
_ACTIONS: Final[dict[int, Operation]] = {
    0: Operation("locked"),
    1: Operation("unlocked"),
    4: Operation("unlatched"),
}
_NO_ACCESS, _FORCED_USER = 2, 3
_SOURCES: Final[dict[int, tuple[str | None, str | None]]] = {
    0: (None, None),
    1: ("manual", None),
    2: ("remote", None),
    3: ("keypad", "pin"),
    4: ("auto", None),
    5: ("button", None),
    6: ("schedule", None),
    7: ("remote", None),
    8: ("tag", "rfid"),
    9: ("finger", None),
    10: ("app", "aliro"),
}
_CREDENTIALS: Final = {
    0: "programming_pin",
    1: "pin",
    2: "rfid",
    3: "fingerprint",
    4: "finger_vein",
    5: "face",
    6: "aliro",
    7: "aliro",
    8: "aliro",
}
_FACE: Final = 5
_ERRORS: Final = {
    0: "unspecified",
    1: "invalid_credential",
    2: "disabled_user",
    3: "restricted",
    4: "low_battery",
}
_DOORS: Final[dict[int, DoorWord]] = {
    0: "open",
    1: "closed",
    2: "unknown",  # it is stuck
    3: "forced_open",
    4: "unknown",
    5: "ajar",
}
_ALARMS: Final[dict[int, LockWord | DoorWord | str]] = {
    0: "jammed",
    1: "factory_reset",
    3: "radio_power_cycled",
    4: "wrong_code_limit",
    5: "cover_removed",
    6: "forced_open",
    7: "ajar",
    8: "forced_user",
}


class Credential(Struct, frozen=True):
    """One of the credentials that were used."""

    credentialType: int | None = None  # noqa: N815 - as Matter writes it
    credentialIndex: int | None = None  # noqa: N815


class Data(Struct, frozen=True):
    """What the events of a lock hold; each has some of these."""

    lockOperationType: int | None = None  # noqa: N815
    operationSource: int | None = None  # noqa: N815
    operationError: int | None = None  # noqa: N815
    userIndex: int | None = None  # noqa: N815
    credentials: list[Credential] | None = None
    doorState: int | None = None  # noqa: N815
    alarmCode: int | None = None  # noqa: N815


class NodeEvent(Struct, frozen=True):
    """An event of a node."""

    node_id: int
    endpoint_id: int
    cluster_id: int
    event_id: int
    event_number: int
    timestamp: float | None = None
    timestamp_type: int | None = None
    data: Any = None


def items(message: Message, _: Settings) -> Iterator[Item]:
    """The items of one message. Raises BadPayload."""
    value = message.value
    if not isinstance(value, dict):
        raise BadPayload(SOURCE, "a message is an object")
    if value.get("event") not in (None, "node_event"):
        yield Skipped("a message that is not an event of a node")
        return
    event, left_out = lenient(SOURCE, value.get("data") if "event" in value else value, NodeEvent)
    if event.cluster_id != DOOR_LOCK:
        yield Skipped("an event of another cluster")
        return
    told, more = lenient(SOURCE, event.data or {}, Data)
    yield from (Refused("", reason) for reason in (*left_out, *more))
    door = f"node_{event.node_id}.{event.endpoint_id}"[:64]
    fact = _fact(event, told, door, _time(event) or message.received_at)
    if isinstance(fact, Skipped | Unknown):
        yield fact
        return
    yield Standalone(f"{SOURCE}:{event.node_id}:{event.endpoint_id}:{event.event_number}", (fact,))


def _fact(event: NodeEvent, told: Data, door: str, at: datetime | None) -> Fact | Skipped | Unknown:
    match event.event_id:
        case 0:
            return _alarm(told, door, at)
        case 1:
            return door_state(SOURCE, door, _DOORS.get(told.doorState or 0, "unknown"), at)
        case 2 | 3:
            return _operation(event, told, door, at)
        case 4:
            return Skipped("a change of the lock's users")
        case number:
            return Unknown(f"event {number} of the door lock")


def _operation(
    event: NodeEvent, told: Data, door: str, at: datetime | None
) -> Fact | Skipped | Unknown:
    actor, credential = _SOURCES.get(told.operationSource or 0, (None, None))
    used = (told.credentials or [Credential()])[0]
    if used.credentialType is not None:
        credential = _CREDENTIALS.get(used.credentialType, credential)
        actor = "face" if used.credentialType == _FACE else actor
    slot = told.userIndex if told.userIndex is not None and told.userIndex > 0 else None
    if told.lockOperationType in {_NO_ACCESS, _FORCED_USER}:
        reason = "no_access" if told.lockOperationType == _NO_ACCESS else "forced_user"
        kind = credential or "unknown"
        return presented(kind, door_id=door, slot=slot, reason=reason, recorded_at=at)
    row = _ACTIONS.get(-1 if told.lockOperationType is None else told.lockOperationType)
    if row is None:
        return Unknown("a lock operation of a type that is not known")
    action, why = row.action, None
    if event.event_id == _ERROR:
        action, why = "none", _ERRORS.get(told.operationError or 0, "unspecified")
    done = Operation(action, actor, credential, why)
    return operated(done, door_id=door, slot=slot, recorded_at=at)


def _alarm(told: Data, door: str, at: datetime | None) -> Fact | Unknown:
    match _ALARMS.get(-1 if told.alarmCode is None else told.alarmCode):
        case "jammed":
            return lock_state(SOURCE, door, "jammed", at)
        case "forced_open":
            return door_state(SOURCE, door, "forced_open", at)
        case "ajar":
            return door_state(SOURCE, door, "ajar", at)
        case "cover_removed":
            return device_state(door, "tamper", "tampered", at)
        case None:
            return Unknown("an alarm that is not known")
        case problem:
            return DeviceState(device_id=door, what="problem", state=problem, recorded_at=at)


def _time(event: NodeEvent) -> datetime | None:
    """The event's own time; None if it counts from the start of the device."""
    if event.timestamp_type not in {None, EPOCH_TIMESTAMP} or not event.timestamp:
        return None
    told = event.timestamp / 1_000 if event.timestamp > MICROSECONDS else event.timestamp
    return millis(shape(SOURCE, told, UnixMillis)) if told >= 1e11 else None  # noqa: PLR2004 - 1973


ADAPTER: Final = Adapter(SOURCE, items)
