"""Nuki: the MQTT messages of a smart lock.

The topics are those of Nuki's MQTT API 1.3: `nuki/<id>/lockActionEvent` is an attempt that will be
carried out, as numbers with commas between; a wrong code or a refusal is never published. The
states are numbers, as in pynuki 1.6.3 (`constants.py`). Nothing has an id or a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from eventlog.errors import BadPayload
from eventlog.sources.adapter import Adapter, Message, Settings, occurrence
from eventlog.sources.items import Item, Skipped, Unknown, series
from eventlog.sources.locks import (
    DoorWord,
    LockWord,
    Operation,
    battery_is,
    connected_is,
    door_is,
    lock_is,
    operated,
)
from eventlog.sources.messages import word

SOURCE: Final = "nuki"

# The lock action: the first number of a lockActionEvent.
_ACTIONS: Final = {
    1: Operation("unlocked"),
    2: Operation("locked"),
    3: Operation("unlatched"),
    4: Operation("unlocked", rule="lock 'n' go"),
    5: Operation("unlatched", rule="lock 'n' go with unlatch"),
    6: Operation("locked", rule="full lock"),
}
_NO_ACTION: Final = {80: "a fob", 90: "a button"}
# The trigger: the second number.
_TRIGGERS: Final = {
    0: "app",
    1: "manual",
    2: "button",
    3: "schedule",
    6: "auto",
    171: "app",
    172: "remote",
}
_STATES: Final[dict[int, LockWord | None]] = {
    0: "unknown",
    1: "locked",
    2: None,  # on the way
    3: "unlocked",
    4: None,
    5: "unlatched",
    6: "unlocked",
    7: None,
    253: None,  # the motor is tried out at its start
    254: "jammed",
    255: "unknown",
}
_DOOR_STATES: Final[dict[int, DoorWord | None]] = {
    1: None,  # no sensor
    2: "closed",
    3: "open",
    4: "unknown",
    5: None,  # it is being calibrated
    16: None,  # no sensor yet
    240: "unknown",  # tampered with
    255: "unknown",
}
_TOLD_ELSEWHERE: Final = frozenset(
    {
        "batteryChargeState",
        "batteryCharging",
        "commandResponse",
        "deviceType",
        "firmware",
        "hassDiscovery",
        "keypadBatteryCritical",
        "lock",
        "lockAction",
        "mode",
        "name",
        "ringactionState",
        "ringactionTimestamp",
        "serverConnected",
        "timestamp",
        "unlatch",
        "unlock",
    }
)


def items(message: Message, settings: Settings) -> Iterator[Item]:
    """The items of one message. Raises BadPayload."""
    if message.topic is None or message.topic.count("/") < 2:  # noqa: PLR2004 - prefix, lock, topic
        raise BadPayload(SOURCE, "a message needs its topic: nuki/<id>/<what>")
    device, what = message.topic.split("/")[-2:]
    device = (device or settings.camera_id)[:64]
    match what:
        case "lockActionEvent":
            yield _operation(message, device)
        case "state":
            yield _state(message, device)
        case "doorsensorState":
            yield _door(message, device)
        case "batteryCritical":
            yield battery_is(message, SOURCE, device, low=_flag(message, what))
        case "connected":
            yield connected_is(message, SOURCE, device, online=_flag(message, what))
        case "doorsensorBatteryCritical":
            sensor = f"{device[:53]}.doorsensor"
            yield battery_is(message, SOURCE, sensor, low=_flag(message, what))
        case _ if what in _TOLD_ELSEWHERE:
            yield Skipped(f"topic {what}")
        case _:
            yield Unknown(f"topic {word(what)}")


def _operation(message: Message, device: str) -> Item:
    """Action, trigger, authorization, code, and whether it was an auto unlock."""
    try:
        numbers = [int(part) for part in message.text.split(",")]
    except ValueError as error:
        raise BadPayload(SOURCE, "lockActionEvent: is not a list of numbers") from error
    action, trigger, auth, code, automatic = (*numbers, 0, 0, 0, 0, 0)[:5]
    if message.retained:
        return Skipped("a retained operation: what a broker kept does not happen now")
    if action in _NO_ACTION:
        return Skipped(f"{_NO_ACTION[action]} without an action")
    row = _ACTIONS.get(action)
    if row is None:
        return Unknown(f"lock action {action}")
    actor = "keypad" if code > 0 else _TRIGGERS.get(trigger)
    by_itself = trigger == 0 and automatic == 1 and row.action != "locked"
    done = Operation(
        row.action,
        actor,
        "pin" if code > 0 else None,
        rule="auto unlock" if by_itself else row.rule,
    )
    fact = operated(
        done,
        door_id=device,
        slot=code if code > 0 else None,
        user_ref=str(auth) if auth > 0 else None,
        recorded_at=message.received_at,
    )
    # Whose authorization it was is personal, and in no key.
    named = series(SOURCE, device, "operation", action, trigger, code, automatic)
    return occurrence(message, named, fact)


def _state(message: Message, device: str) -> Item:
    number = _number(message, "state")
    if number not in _STATES:
        return Unknown(f"state {number}")
    told = _STATES[number]
    if told is None:
        return Skipped("a lock on its way")
    return lock_is(message, SOURCE, device, told)


def _door(message: Message, device: str) -> Item:
    number = _number(message, "doorsensorState")
    if number not in _DOOR_STATES:
        return Unknown(f"door sensor state {number}")
    told = _DOOR_STATES[number]
    if told is None:
        return Skipped("a door sensor that is off")
    return door_is(message, SOURCE, device, told)


def _number(message: Message, field: str) -> int:
    try:
        return int(message.text)
    except ValueError as error:
        raise BadPayload(SOURCE, f"{field}: is not a number") from error


def _flag(message: Message, field: str) -> bool:
    told = message.text.lower()
    if told not in {"true", "false"}:
        raise BadPayload(SOURCE, f"{field}: is neither true nor false")
    return told == "true"


ADAPTER: Final = Adapter(
    SOURCE,
    items,
    SOURCE,
    (
        "+/lockActionEvent",
        "+/state",
        "+/doorsensorState",
        "+/batteryCritical",
        "+/doorsensorBatteryCritical",
        "+/connected",
    ),
)
