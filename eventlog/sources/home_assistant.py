"""Home Assistant: what its integrations know of locks, doors and doorbells.

Read are events (`zwave_js_notification`, `state_changed`) as its WebSocket and webhooks send them,
the trigger objects of automations, states alone, and the topics of its MQTT statestream. An event
is known by its context's id, a change of state by its entity and the time of the change.

A state that comes back after "unavailable" is a state, and nobody's operation; `changed_by` is
kept from the operation before, so that it says who only where it changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from eventlog.errors import BadPayload
from eventlog.facts import Ding, Fact, Motion
from eventlog.sources.adapter import Adapter, Message, Settings
from eventlog.sources.items import Item, Refused, Skipped, Standalone, Unknown, Visit
from eventlog.sources.locks import (
    DoorWord,
    LockWord,
    Operation,
    battery_is,
    connected_is,
    device_state,
    door_is,
    door_state,
    lock_is,
    lock_state,
    operated,
    tamper_is,
)
from eventlog.sources.messages import lenient, utc, word
from eventlog.sources.zwave_js import home_assistant_items

SOURCE: Final = "home-assistant"

_LOCKS: Final[dict[str, LockWord]] = {
    "locked": "locked",
    "unlocked": "unlocked",
    "open": "unlatched",
    "jammed": "jammed",
}
_ON_THE_WAY: Final = frozenset({"locking", "unlocking", "opening"})
_GONE: Final = frozenset({"unavailable", "unknown", ""})
_OPERATIONS: Final = {
    "locked": Operation("locked"),
    "unlocked": Operation("unlocked"),
    "open": Operation("unlatched"),
}
# What integrations write into `changed_by` in place of a user.
_CHANGED_BY: Final[dict[str, tuple[str, str | None]]] = {
    "auto": ("auto", None),
    "button": ("button", None),
    "biometric": ("finger", None),
    "keypad": ("keypad", "pin"),
    "manual": ("manual", None),
    "remote": ("remote", None),
    "proprietary remote": ("remote", None),
    "rfid": ("tag", "rfid"),
    "schedule": ("schedule", None),
}
_NOBODY: Final = frozenset({"unspecified", "unknown", "none"})
_DOOR_CLASSES: Final = frozenset({"door", "garage_door", "opening", "window"})
_HEALTH: Final = frozenset({"battery", "connectivity", "problem", "tamper"})
_STREAMED: Final = ("_battery", "_tamper")
_ON_OFF: Final = frozenset({"on", "off"})
_RINGS: Final = frozenset({"ding", "doorbell", "doorbell_press", "ring"})


class Attributes(Struct, frozen=True):
    """The attributes that are read."""

    changed_by: str | None = None
    device_class: str | None = None
    event_type: str | None = None


class Entity(Struct, frozen=True):
    """A state of an entity."""

    entity_id: str
    state: str
    attributes: Attributes | None = None
    last_changed: datetime | None = None
    last_updated: datetime | None = None


def items(message: Message, _: Settings) -> Iterator[Item]:
    """The items of one message. Raises BadPayload."""
    value = message.value
    if message.topic is not None and not isinstance(value, dict):
        yield from _statestream(message, message.topic)
        return
    if not isinstance(value, dict):
        raise BadPayload(SOURCE, "a message is an object")
    if value.get("type") == "event" and isinstance(value.get("event"), dict):
        value = value["event"]  # as the WebSocket sends it
    if value.get("platform") == "event" and isinstance(value.get("event"), dict):
        value = value["event"]  # as an automation's trigger has it
    yield from _of_event(message, value)


def _of_event(message: Message, value: dict[str, Any]) -> Iterator[Item]:
    kind = value.get("event_type")
    if kind == "zwave_js_notification":
        yield from home_assistant_items(message, value)
    elif kind == "state_changed" and isinstance(value.get("data"), dict):
        data = value["data"]
        yield from _changed(message, data.get("old_state"), data.get("new_state"))
    elif isinstance(kind, str):
        yield Unknown(f"event {word(kind)}")
    elif "to_state" in value:
        yield from _changed(message, value.get("from_state"), value["to_state"])
    elif "entity_id" in value and "state" in value:
        yield from _changed(message, None, value)
    else:
        raise BadPayload(SOURCE, "is no event, trigger or state of Home Assistant")


def _changed(message: Message, before: object, after: object) -> Iterator[Item]:
    if after is None:
        yield Skipped("an entity that was removed")
        return
    new, left_out = lenient(SOURCE, after, Entity)
    yield from (Refused("", reason) for reason in left_out)
    old = lenient(SOURCE, before, Entity)[0] if isinstance(before, dict) else None
    match new.entity_id.partition(".")[0]:
        case "lock":
            yield _lock(message, old, new)
        case "event":
            yield _event(new)
        case "binary_sensor":
            yield _sensor(message, old, new)
        case domain:
            yield Skipped(f"an entity of {word(domain)}")


# ── locks ──────────────────────────────────────────────────────────────────────────────────


def _lock(message: Message, old: Entity | None, new: Entity) -> Item:
    at, door = _time(new) or message.received_at, _object(new)
    if new.state in _ON_THE_WAY:
        return Skipped("a lock on its way")
    if new.state in _GONE:
        return connected_is(message, SOURCE, door, online=False, at=_time(new))
    if new.state not in _LOCKS:
        return Unknown(f"lock state {word(new.state)}")
    if old is not None and old.state == new.state:
        return Skipped("a state that did not change")
    operation = _OPERATIONS.get(new.state)
    by_hand = old is not None and (old.state in _LOCKS or old.state in _ON_THE_WAY)
    if operation is None or not by_hand or message.retained:
        return _state(message, new, lock_state(SOURCE, door, _LOCKS[new.state], at))
    return _keyed(message, new, _operated(operation, old, new, door, at))


def _operated(
    operation: Operation, old: Entity | None, new: Entity, door: str, at: datetime | None
) -> Fact:
    """Who did it, where `changed_by` is another one than before."""
    by = _changed_by(new)
    actor, credential, user = None, None, None
    if by and by != _changed_by(old) and by.lower() not in _NOBODY:
        actor, credential = _CHANGED_BY.get(by.lower(), (None, None))
        user = by if actor is None else None
    done = Operation(operation.action, actor, credential)
    return operated(done, door_id=door, recorded_at=at, user_ref=user)


def _changed_by(entity: Entity | None) -> str:
    return (entity.attributes.changed_by or "") if entity and entity.attributes else ""


# ── events and sensors ─────────────────────────────────────────────────────────────────────


def _event(new: Entity) -> Item:
    """An event entity: its state is the time of its last event."""
    if new.state in _GONE:
        return Skipped("an entity that is not there")
    told = new.attributes or Attributes()
    try:
        at = utc(SOURCE, "state", datetime.fromisoformat(new.state))
    except ValueError as error:
        raise BadPayload(SOURCE, "state: is no time") from error
    camera = _object(new)
    is_ring = told.device_class == "doorbell" or (told.event_type or "").lower() in _RINGS
    if is_ring:
        fact: Fact = Ding(camera_id=camera, recorded_at=at)
    elif told.device_class == "motion" or told.event_type == "motion":
        fact = Motion(camera_id=camera, recorded_at=at)
    else:
        return Skipped(f"an event of {word(told.device_class or 'no class')}")
    return Visit(f"{SOURCE}:{new.entity_id[:100]}:{at.isoformat()}", (fact,))


def _sensor(message: Message, old: Entity | None, new: Entity) -> Item:
    device, at = _object(new), _time(new)
    kind = (new.attributes.device_class if new.attributes else None) or _guessed(new)
    if kind not in {*_DOOR_CLASSES, *_HEALTH, "lock"}:
        return Skipped(f"a binary sensor of {word(kind or 'no class')}")
    if new.state in _GONE:
        return connected_is(message, SOURCE, device, online=False, at=at)
    if new.state not in _ON_OFF:
        raise BadPayload(SOURCE, "state: is neither on nor off")
    if old is not None and old.state == new.state:
        return Skipped("a state that did not change")
    return _state(message, new, _sensed(kind, device, new.state == "on", at or message.received_at))


def _sensed(kind: str | None, device: str, on: bool, at: datetime | None) -> Fact:  # noqa: FBT001 - the sensor's own state
    match kind:
        case "lock":
            return lock_state(SOURCE, device, "unlocked" if on else "locked", at)
        case "battery":
            return device_state(device, "battery", "low" if on else "ok", at)
        case "connectivity":
            return device_state(device, "connectivity", "online" if on else "offline", at)
        case "tamper":
            return device_state(device, "tamper", "tampered" if on else "clear", at)
        case "problem":
            return device_state(device, "problem", "problem" if on else "ok", at)
        case _:
            return door_state(SOURCE, device, "open" if on else "closed", at)


def _guessed(new: Entity) -> str | None:
    """The class of a sensor that has none, by its name."""
    name = _object(new)
    return "door" if name == "door" or name.endswith("_door") else None


def _keyed(message: Message, new: Entity, fact: Fact) -> Item:
    """Under the entity and the time of its change; without a time, as a state."""
    changed = new.last_updated or new.last_changed
    if changed is None:
        return _state(message, new, fact)
    at = utc(SOURCE, "last_updated", changed).isoformat()
    return Standalone(f"{SOURCE}:{new.entity_id[:100]}:{at}", (fact,))


def _state(message: Message, new: Entity, fact: Fact) -> Item:
    """The same, for what is a state: its time is that of its last change."""
    changed = new.last_changed or new.last_updated
    if changed is not None:
        at = utc(SOURCE, "last_changed", changed).isoformat()
        return Standalone(f"{SOURCE}:{new.entity_id[:100]}:{at}", (fact,))
    device, state = _object(new), new.state
    if new.entity_id.startswith("lock."):
        return lock_is(message, SOURCE, device, _LOCKS[state])
    return door_is(message, SOURCE, device, "open" if state == "on" else "closed")


# ── statestream ────────────────────────────────────────────────────────────────────────────


def _statestream(message: Message, topic: str) -> Iterator[Item]:
    """`<base>/<domain>/<object>/<attribute>`: retained, one attribute each, without a time."""
    parts = topic.split("/")
    if len(parts) < 3:  # noqa: PLR2004 - domain, object, attribute
        raise BadPayload(SOURCE, "topic: is none of the statestream's")
    domain, name, what = parts[-3], parts[-2][:64], parts[-1]
    told = message.text.strip('"')
    if what != "state":
        yield Skipped(f"attribute {word(what)}")
    elif domain == "lock":
        yield _streamed_lock(message, name, told)
    elif domain == "binary_sensor" and (name == "door" or name.endswith("_door")):
        yield _streamed_door(message, name, told)
    elif (
        domain == "binary_sensor"
        and name.endswith(("_battery", "_tamper"))
        and told in {"on", "off"}
    ):
        yield (
            battery_is(message, SOURCE, name, low=told == "on")
            if name.endswith("_battery")
            else tamper_is(message, SOURCE, name, tampered=told == "on")
        )
    else:
        yield Skipped(f"an entity of {word(domain)}")


def _streamed_lock(message: Message, name: str, told: str) -> Item:
    if told in _ON_THE_WAY:
        return Skipped("a lock on its way")
    if told in _GONE:
        return connected_is(message, SOURCE, name, online=False)
    if told not in _LOCKS:
        return Unknown(f"lock state {word(told)}")
    return lock_is(message, SOURCE, name, _LOCKS[told])


def _streamed_door(message: Message, name: str, told: str) -> Item:
    doors: dict[str, DoorWord] = {"on": "open", "off": "closed"}
    if told not in doors:
        return connected_is(message, SOURCE, name, online=False)
    return door_is(message, SOURCE, name, doors[told])


def _object(entity: Entity) -> str:
    return entity.entity_id.partition(".")[2][:64] or "entity"


def _time(entity: Entity) -> datetime | None:
    changed = entity.last_changed or entity.last_updated
    return None if changed is None else utc(SOURCE, "last_changed", changed)


ADAPTER: Final = Adapter(
    SOURCE,
    items,
    "homeassistant",
    ("lock/+/state", "binary_sensor/+/state"),
)
