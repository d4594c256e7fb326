"""Zigbee2MQTT: messages of the locks, door contacts and keypads of a Zigbee network.

A lock's operation is the `action` of its state message. The message comes again with the action
empty, and its `lock_state` may still be the old one: states in a message with an action are
ignored, and those in a message without one are states. The codes are those of
`converters/fromZigbee` of zigbee-herdsman-converters 26.112.0 (lock, lock_operation_event,
lock_programming_event).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from msgspec import Struct

from eventlog.errors import BadPayload
from eventlog.facts import Fact
from eventlog.sources.adapter import Adapter, Message, Settings, occurrence
from eventlog.sources.items import Item, Refused, Skipped, Standalone, Unknown, series
from eventlog.sources.locks import (
    ONLINE,
    DoorWord,
    LockWord,
    Operation,
    battery_is,
    connected_is,
    door_is,
    lock_is,
    operated,
    presented,
    tamper_is,
)
from eventlog.sources.messages import UnixMillis, lenient, millis, shape, slug, utc, word

SOURCE: Final = "zigbee2mqtt"
NOBODY: Final = 65535  # the user of an operation that no user made
LOW_BATTERY: Final = 15  # per cent, for locks that do not say themselves that it is low

_OPERATIONS: Final = {
    "lock": Operation("locked"),
    "unlock": Operation("unlocked"),
    "lock_failure_invalid_pin_or_id": Operation("none", reason="invalid_credential"),
    "lock_failure_invalid_schedule": Operation("none", reason="out_of_hours"),
    "unlock_failure_invalid_pin_or_id": Operation("none", reason="invalid_credential"),
    "unlock_failure_invalid_schedule": Operation("none", reason="out_of_hours"),
    "one_touch_lock": Operation("locked", "button"),
    "key_lock": Operation("locked", "key", "key"),
    "key_unlock": Operation("unlocked", "key", "key"),
    "auto_lock": Operation("locked", "auto"),
    "schedule_lock": Operation("locked", "schedule"),
    "schedule_unlock": Operation("unlocked", "schedule"),
    "manual_lock": Operation("locked", "manual"),
    "manual_unlock": Operation("unlocked", "manual"),
}
# By `action_source`: who asked, and by what.
_SOURCES: Final[dict[int, tuple[str, str | None]]] = {
    0: ("keypad", "pin"),
    1: ("remote", None),
    2: ("manual", None),
    3: ("tag", "rfid"),
    4: ("finger", "fingerprint"),
}
_NO_OPERATION: Final = {
    "unknown",
    "master_code_changed",
    "pin_code_added",
    "pin_code_deleted",
    "pin_code_changed",
    "rfid_code_added",
    "rfid_code_deleted",
}
_DOOR: Final[dict[str, DoorWord]] = {
    "open": "open",
    "closed": "closed",
    "error_jammed": "unknown",
    "error_forced_open": "forced_open",
    "error_unspecified": "unknown",
    "undefined": "unknown",
}
_LOCK: Final[dict[str, LockWord]] = {
    "not_fully_locked": "not_fully_locked",
    "locked": "locked",
    "unlocked": "unlocked",
    "LOCK": "locked",
    "UNLOCK": "unlocked",
}


class State(Struct, frozen=True):
    """What a message of a device says of a door; all of it may be left out."""

    action: str | None = None
    action_user: int | None = None
    action_source: int | None = None
    state: str | None = None
    lock_state: str | None = None
    door_state: str | None = None
    contact: bool | None = None
    tamper: bool | None = None
    battery: float | None = None
    battery_low: bool | None = None
    last_seen: datetime | UnixMillis | None = None


def items(message: Message, settings: Settings) -> Iterator[Item]:
    """The items of one message. Raises BadPayload."""
    device, last = _device(message.topic, settings)
    if last == "availability":
        yield from _availability(message, device)
    elif last == "bridge":
        yield Skipped("a message of the bridge")
    elif last == "action":
        yield Skipped("an action that the device's own message has as well")
    elif last in {"set", "get"}:
        yield Skipped("a command")
    else:
        told, left_out = lenient(SOURCE, message.value, State)
        yield from (Refused("", reason) for reason in left_out)
        yield from _of_device(message, device, told)


def _device(topic: str | None, settings: Settings) -> tuple[str, str]:
    """The device's name as an id, and the last part of the topic where it is not a name."""
    if topic is None:
        return settings.camera_id, ""
    first, _, rest = topic.partition("/")
    if settings.prefix is not None and topic.startswith(f"{settings.prefix}/"):
        first, rest = settings.prefix, topic.removeprefix(f"{settings.prefix}/")
    if rest.startswith("bridge/"):
        return "bridge", "availability" if rest == "bridge/state" else "bridge"
    name, _, last = rest.rpartition("/")
    if name and last in {"availability", "action", "set", "get"}:
        return slug(name) or settings.camera_id, last
    return slug(rest) or slug(first) or settings.camera_id, ""


def _availability(message: Message, device: str) -> Iterator[Item]:
    """Of a device or of the bridge: the word alone, or as the state of an object."""
    told = message.value.get("state") if isinstance(message.value, dict) else message.text
    if told not in ONLINE:
        raise BadPayload(SOURCE, "availability: is neither online nor offline")
    yield connected_is(message, SOURCE, device, online=told == "online")


def _of_device(message: Message, device: str, told: State) -> Iterator[Item]:
    own_time = _time(told.last_seen)
    at = own_time or message.received_at
    if told.action:
        yield _operation(message, device, told, own_time, at)
    else:
        yield from _states(message, device, told, at)
    if _is_of_a_door(told):
        yield from _health(message, device, told, at)
    elif not told.action:
        yield Skipped("nothing about a door")


def _operation(
    message: Message, device: str, told: State, own_time: datetime | None, at: datetime | None
) -> Item:
    action = told.action or ""
    if message.retained:
        return Skipped("a retained operation: what a broker kept does not happen now")
    if action in _NO_OPERATION:
        return Skipped(f"action {action}")
    slot = None if told.action_user is None or told.action_user >= NOBODY else told.action_user
    slot = slot if slot is not None and slot >= 0 else None
    asked_by = -1 if told.action_source is None else told.action_source
    actor, credential = _SOURCES.get(asked_by, (None, None))
    named = series(SOURCE, device, action, told.action_source, slot)
    if action == "non_access_user_operational_event":
        fact = presented(
            credential or "pin", door_id=device, slot=slot, reason="restricted", recorded_at=at
        )
        return _keyed(message, named, own_time, fact)
    row = _OPERATIONS.get(action)
    if row is None:
        return Unknown(f"action {word(action)}")
    if row.actor is None:  # the word does not say who, the source of the operation does
        row = Operation(row.action, actor, credential, row.reason)
    fact_of = operated(row, door_id=device, slot=slot, recorded_at=at)
    return _keyed(message, named, own_time, fact_of)


def _keyed(message: Message, named: str, own_time: datetime | None, fact: Fact) -> Item:
    """Under the device's own time where it has one, else under a running number."""
    if own_time is not None:
        return Standalone(f"{named}:{own_time.isoformat()}", (fact,))
    return occurrence(message, named, fact)


def _states(message: Message, device: str, told: State, at: datetime | None) -> Iterator[Item]:
    lock = _LOCK.get(told.lock_state or told.state or "")
    if lock is not None:
        yield lock_is(message, SOURCE, device, lock, at)
    door = _DOOR.get(told.door_state or "")
    if door is None and told.contact is not None:
        door = "closed" if told.contact else "open"
    if door is not None:
        yield door_is(message, SOURCE, device, door, at)


def _is_of_a_door(told: State) -> bool:
    some = (told.lock_state, told.door_state, told.contact, told.action or None)
    return any(one is not None for one in some) or told.state in _LOCK


def _health(message: Message, device: str, told: State, at: datetime | None) -> Iterator[Item]:
    """Battery and tamper contact, of devices at a door."""
    low = told.battery_low
    if low is None and told.battery is not None:
        low = told.battery <= LOW_BATTERY
    if low is not None:
        yield battery_is(message, SOURCE, device, low=low, value=told.battery, at=at)
    if told.tamper is not None:
        yield tamper_is(message, SOURCE, device, tampered=told.tamper, at=at)


def _time(last_seen: datetime | float | None) -> datetime | None:
    """The device's own time: ISO 8601, or milliseconds."""
    if last_seen is None:
        return None
    if isinstance(last_seen, datetime):
        return utc(SOURCE, "last_seen", last_seen)
    return millis(shape(SOURCE, last_seen, UnixMillis))


ADAPTER: Final = Adapter(
    SOURCE, items, SOURCE, ("+", "+/+", "+/+/+"), takes=frozenset({"camera_id"})
)
