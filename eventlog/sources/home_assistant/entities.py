"""Reads a change of a Home Assistant entity: a lock, an event, a binary sensor.

A state that comes back after "unavailable" is a state, and not an operation; `changed_by` is
kept from the operation before, so that it says who only where it changed. A change is known by its
entity and its time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from msgspec import Struct

from eventlog.errors import BadPayload
from eventlog.facts import Ding, Fact, Motion
from eventlog.sources.adapter import Message
from eventlog.sources.items import Item, Refused, Skipped, Standalone, Unknown, Visit
from eventlog.sources.locks import (
    LockWord,
    Operation,
    connected_is,
    device_state,
    door_is,
    door_state,
    lock_is,
    lock_state,
    operated,
)
from eventlog.sources.messages import lenient, utc, word

SOURCE: Final = "home-assistant"

LOCKS: Final[dict[str, LockWord]] = {
    "locked": "locked",
    "unlocked": "unlocked",
    "open": "unlatched",
    "jammed": "jammed",
}
ON_THE_WAY: Final = frozenset({"locking", "unlocking", "opening"})
GONE: Final = frozenset({"unavailable", "unknown", ""})
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


class Context(Struct, frozen=True):
    """Who asked Home Assistant for a change; None if it came from the device."""

    user_id: str | None = None


class Entity(Struct, frozen=True):
    """A state of an entity."""

    entity_id: str
    state: str
    attributes: Attributes | None = None
    last_changed: datetime | None = None
    last_updated: datetime | None = None
    context: Context | None = None


def changed_items(message: Message, before: object, after: object) -> Iterator[Item]:
    """The items of a change of an entity from one state to another. Raises BadPayload."""
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
    if new.state in ON_THE_WAY:
        return Skipped("a lock on its way")
    if new.state in GONE:
        return connected_is(message, SOURCE, door, online=False, at=_time(new))
    if new.state not in LOCKS:
        return Unknown(f"lock state {word(new.state)}")
    if old is not None and old.state == new.state:
        return Skipped("a state that did not change")
    operation = _OPERATIONS.get(new.state)
    by_hand = old is not None and (old.state in LOCKS or old.state in ON_THE_WAY)
    if operation is None or not by_hand or message.retained:
        return _state(message, new, lock_state(SOURCE, door, LOCKS[new.state], at))
    return _keyed(message, new, _operated(operation, old, new, door, at))


def _operated(
    operation: Operation, old: Entity | None, new: Entity, door: str, at: datetime | None
) -> Fact:
    """Who did it: `changed_by` where it is another one than before, else the user who asked."""
    by = _changed_by(new)
    actor, credential, user = None, None, None
    if by and by != _changed_by(old) and by.lower() not in _NOBODY:
        actor, credential = _CHANGED_BY.get(by.lower(), (None, None))
        user = by if actor is None else None
    elif new.context is not None and new.context.user_id:
        actor, user = "app", new.context.user_id
    done = Operation(operation.action, actor, credential)
    return operated(done, door_id=door, recorded_at=at, user_ref=user)


def _changed_by(entity: Entity | None) -> str:
    return (entity.attributes.changed_by or "") if entity and entity.attributes else ""


# ── events and sensors ─────────────────────────────────────────────────────────────────────


def _event(new: Entity) -> Item:
    """An event entity: its state is the time of its last event."""
    if new.state in GONE:
        return Skipped("an entity that is not there")
    told = new.attributes or Attributes()
    try:
        at = utc(SOURCE, "state", datetime.fromisoformat(new.state))
    except ValueError as error:
        raise BadPayload(SOURCE, "state: is not a time") from error
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
    if new.state in GONE:
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
        # Its own key: the operation of the same change may be known by another message.
        return Standalone(f"{SOURCE}:{new.entity_id[:100]}:{at}:state", (fact,))
    device, state = _object(new), new.state
    if new.entity_id.startswith("lock."):
        return lock_is(message, SOURCE, device, LOCKS[state])
    return door_is(message, SOURCE, device, "open" if state == "on" else "closed")


def _object(entity: Entity) -> str:
    return entity.entity_id.partition(".")[2][:64] or "entity"


def _time(entity: Entity) -> datetime | None:
    changed = entity.last_changed or entity.last_updated
    return None if changed is None else utc(SOURCE, "last_changed", changed)
