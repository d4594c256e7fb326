"""Z-Wave JS: notifications of locks and door contacts.

Read are the driver's own notifications as the zwave-js server and Z-Wave JS UI send them
(`<prefix>/_EVENTS/ZWAVE_GATEWAY-<name>/node/notification`, with "Send Z-Wave Events" on), and
Home Assistant's event `zwave_js_notification`. The numbers are those of `registries/Notifications`
of @zwave-js/core 15.29.0. A notification has neither an id nor a time; Home Assistant's event has
both.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from eventlog.errors import BadPayload
from eventlog.facts import Fact
from eventlog.sources.adapter import Adapter, Message, Settings, occurrence
from eventlog.sources.items import Item, Refused, Skipped, Standalone, Unknown, series
from eventlog.sources.locks import (
    DoorWord,
    LockWord,
    Operation,
    battery_is,
    connected_is,
    device_state,
    door_is,
    lock_is,
    operated,
    presented,
    tamper_is,
)
from eventlog.sources.messages import lenient, utc

SOURCE: Final = "zwave-js"
NOTIFICATION: Final = 113
ACCESS_CONTROL: Final = 6
HOME_SECURITY: Final = 7
POWER_MANAGEMENT: Final = 8

# Access Control, by the number of the event.
_OPERATIONS: Final = {
    0x01: Operation("locked", "manual"),
    0x02: Operation("unlocked", "manual"),
    0x03: Operation("locked", "remote"),
    0x04: Operation("unlocked", "remote"),
    0x05: Operation("locked", "keypad", "pin"),
    0x06: Operation("unlocked", "keypad", "pin"),
    0x09: Operation("locked", "auto"),
    0x13: Operation("none", "keypad", "pin", "code_limit"),
    0x14: Operation("none", "remote", None, "invalid_credential"),
    0x15: Operation("none", "remote", None, "invalid_credential"),
    0x21: Operation("locked", "keypad", "pin"),
    0x22: Operation("unlocked", "keypad", "pin"),
    0x23: Operation("locked"),
    0x24: Operation("unlocked"),
    0x2F: Operation("none", reason="disabled_user"),
    0x30: Operation("none", reason="out_of_hours"),
    0x31: Operation("none", reason="restricted"),
    0x32: Operation("none", reason="invalid_credential"),
}
_PRESENTED: Final = {0x20: "messaging_code", 0x33: "no_access"}
_LOCK_STATES: Final[dict[int, LockWord]] = {
    0x07: "not_fully_locked",
    0x08: "not_fully_locked",
    0x0A: "not_fully_locked",
    0x0B: "jammed",
}
_DOOR_STATES: Final[dict[int, DoorWord]] = {0x16: "open", 0x17: "closed"}
_TILTED: Final = 1  # of 0x16: a window, or a door, that is open at its top only
_PROBLEMS: Final = {0x10: "keypad_disabled"}
# Known, and nothing that happened at the door: codes that were changed, a handle, a barrier.
_NO_FACT: Final = frozenset({0, 0x0C, 0x0D, 0x0E, 0x0F, 0x11, 0x12, 0x18, 0x19, *range(0x40, 0x4D)})
# UserCredentialType -> who asked, and by what.
_CREDENTIALS: Final[dict[int, tuple[str, str]]] = {
    1: ("keypad", "pin"),
    2: ("keypad", "pin"),
    3: ("tag", "rfid"),
    4: ("app", "ble"),
    5: ("tag", "nfc"),
    6: ("app", "uwb"),
    7: ("face", "eye"),
    8: ("face", "face"),
    9: ("finger", "fingerprint"),
    10: ("finger", "hand"),
    11: ("finger", "biometric"),
}
_NOBODY: Final = (0, 255)  # slots that are no user's
_COVER_REMOVED: Final = (3, 4)
_BATTERY: Final = {10: True, 11: True, 12: False, 13: False, 14: False}


class Notification(Struct, frozen=True):
    """A notification: its type, its event's number, and who, where the lock reports it."""

    type: int
    event: int
    label: str | None = None
    parameters: dict[str, Any] | None = None


class HomeAssistant(Struct, frozen=True):
    """The data of Home Assistant's event."""

    node_id: int
    type: int | None = None
    event: int | None = None
    command_class: int | None = None
    label: str | None = None
    parameters: dict[str, Any] | None = None
    home_id: int | None = None


class Told(Struct, frozen=True):
    """A notification with its node, and the id and the time of the event that brings it."""

    node: str
    notification: Notification
    key: str | None = None
    at: datetime | None = None


def items(message: Message, settings: Settings) -> Iterator[Item]:
    """The items of one message. Raises BadPayload."""
    value = message.value
    if message.topic is not None and message.topic.rpartition("/")[2] == "status":
        yield from _status(message)
    elif not isinstance(value, dict):
        raise BadPayload(SOURCE, "a message is an object")
    elif value.get("event_type") == "zwave_js_notification":
        yield from home_assistant_items(message, value)
    elif isinstance(value.get("data"), list):
        yield from _of_gateway(message, value["data"])
    elif isinstance(value.get("event"), dict):
        yield from _of_server(message, value["event"])
    elif "args" in value:
        yield from _of_server(message, value)
    else:
        yield Skipped(f"a message of the network: {_name(settings)}")


def home_assistant_items(message: Message, value: dict[str, Any]) -> Iterator[Item]:
    """The items of Home Assistant's event, whose context has an id. Raises BadPayload."""
    event, left_out = lenient(SOURCE, value.get("data"), HomeAssistant)
    yield from (Refused("", reason) for reason in left_out)
    if event.command_class not in {None, NOTIFICATION} or event.type is None or event.event is None:
        yield Skipped("a notification of another command class")
        return
    context = value.get("context")
    context_id = context.get("id") if isinstance(context, dict) else None
    fired = value.get("time_fired")
    told = Told(
        f"node_{event.node_id}",
        Notification(event.type, event.event, event.label, event.parameters),
        f"home-assistant:{context_id}" if isinstance(context_id, str) and context_id else None,
        iso_time(SOURCE, "time_fired", fired) if isinstance(fired, str) else None,
    )
    yield from _items(message, told)


def iso_time(source: str, field: str, text: str) -> datetime:
    """A time in ISO 8601 as UTC. Raises BadPayload."""
    try:
        return utc(source, field, datetime.fromisoformat(text))
    except ValueError as error:
        raise BadPayload(source, f"{field}: is not a time") from error


def _of_gateway(message: Message, data: list[Any]) -> Iterator[Item]:
    """Z-Wave JS UI: the node, the command class, and the arguments."""
    node, *rest = data or [None]
    node_id = node.get("id") if isinstance(node, dict) else node
    numbers = [one for one in rest if isinstance(one, int)]
    arguments = next((one for one in rest if isinstance(one, dict)), None)
    if NOTIFICATION not in numbers or arguments is None:
        yield Skipped("a notification of another command class")
        return
    yield from _notified(message, node_id, arguments)


def _of_server(message: Message, event: dict[str, Any]) -> Iterator[Item]:
    """The zwave-js server: an event of a node."""
    if event.get("event") != "notification" or event.get("ccId") not in (None, NOTIFICATION):
        yield Skipped("an event that is not a notification")
        return
    yield from _notified(message, event.get("nodeId"), event.get("args"))


def _notified(message: Message, node_id: object, arguments: object) -> Iterator[Item]:
    if not isinstance(node_id, int) or isinstance(node_id, bool):
        raise BadPayload(SOURCE, "nodeId: is not a number")
    notification, left_out = lenient(SOURCE, arguments, Notification)
    yield from (Refused("", reason) for reason in left_out)
    yield from _items(message, Told(f"node_{node_id}", notification))


def _items(message: Message, told: Told) -> Iterator[Item]:
    event = told.notification
    match event.type:
        case 6:
            yield from _access_control(message, told)
        case 7 if event.event in _COVER_REMOVED:
            yield tamper_is(message, SOURCE, told.node, tampered=True, at=told.at)
        case 7 if event.event == 0:
            yield tamper_is(message, SOURCE, told.node, tampered=False, at=told.at)
        case 8 if event.event in _BATTERY:
            low = _BATTERY[event.event]
            yield battery_is(message, SOURCE, told.node, low=low, at=told.at)
        case kind:
            yield Skipped(f"notification type {kind}, event {event.event}")


def _access_control(message: Message, told: Told) -> Iterator[Item]:
    number, node, at = told.notification.event, told.node, told.at
    if number in _LOCK_STATES:
        yield lock_is(message, SOURCE, node, _LOCK_STATES[number], at)
    elif number in _DOOR_STATES:
        tilted = _parameters(told).get("state") == _TILTED
        yield door_is(message, SOURCE, node, "ajar" if tilted else _DOOR_STATES[number], at)
    elif number in _NO_FACT:
        yield Skipped(f"access control event {number}")
    elif message.retained:
        yield Skipped("a retained operation: what a broker kept does not happen now")
    elif number in _PROBLEMS:
        problem = _PROBLEMS[number]
        fact = device_state(node, "problem", problem, at or message.received_at)
        yield _keyed(message, told, fact)
    elif number in _OPERATIONS or number in _PRESENTED:
        yield _keyed(message, told, _operation(message, told))
    else:
        yield Unknown(f"access control event {number}")


def _operation(message: Message, told: Told) -> Fact:
    """The fact of an operation, or of a credential that opens nothing."""
    number, at = told.notification.event, told.at or message.received_at
    parameters, slot = _parameters(told), _slot(told)
    kind = parameters.get("credentialType")
    actor, credential = _CREDENTIALS.get(kind if isinstance(kind, int) else 0, (None, None))
    if number in _PRESENTED:
        reason = _PRESENTED[number]
        shown = credential or "pin"
        return presented(shown, door_id=told.node, slot=slot, reason=reason, recorded_at=at)
    row = _OPERATIONS[number]
    if row.actor is None:
        row = Operation(row.action, actor, credential, row.reason)
    return operated(row, door_id=told.node, slot=slot, recorded_at=at)


def _keyed(message: Message, told: Told, fact: Fact) -> Item:
    if told.key is not None:
        return Standalone(told.key, (fact,))
    named = series(SOURCE, told.node, told.notification.event, _slot(told))
    return occurrence(message, named, fact, at=told.at)


def _slot(told: Told) -> int | None:
    """The user's slot; some locks call it userId, and a credential has a slot of its own."""
    for name in ("userId", "user ID", "credentialSlot"):
        slot = _parameters(told).get(name)
        if type(slot) is int and slot > 0 and slot not in _NOBODY:
            return slot
    return None


def _parameters(told: Told) -> dict[str, Any]:
    return told.notification.parameters or {}


def _status(message: Message) -> Iterator[Item]:
    """Whether a node is reached: `<prefix>/<node>/status`, as Z-Wave JS UI keeps it."""
    node = (message.topic or "").split("/")[-2]
    value = message.value
    told = value.get("status", value.get("value")) if isinstance(value, dict) else message.text
    online: dict[object, bool] = {
        "Alive": True,
        "Awake": True,
        "Dead": False,
        "true": True,
        "false": False,
        True: True,
        False: False,
    }
    if not isinstance(told, str | bool) or told not in online:
        yield Skipped("a status that is neither alive nor dead")
        return
    yield connected_is(message, SOURCE, node[:64] or "node", online=online[told])


def _name(settings: Settings) -> str:
    return settings.prefix or "no notification"


ADAPTER: Final = Adapter(
    SOURCE, items, "zwave", ("_EVENTS/+/node/notification", "+/status", "+/+/status")
)
