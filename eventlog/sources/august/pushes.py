"""Reads a push message of August's bridges, which has no id.

One that names a user and its time is an operation, any other is a state: one PIN entry gives
two pushes, of which the first has no user. Read from yalexs 9.2.13 (`pubnub_activity.py`,
`lock.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from eventlog.errors import BadPayload
from eventlog.sources.adapter import Message, Settings, occurrence
from eventlog.sources.august.activities import BRIDGES, DINGS, NOBODY, SOURCE
from eventlog.sources.items import (
    Item,
    Skipped,
    Unknown,
    series,
)
from eventlog.sources.locks import (
    DoorWord,
    LockWord,
    Operation,
    connected_is,
    door_is,
    lock_is,
    operated,
)
from eventlog.sources.messages import UnixMillis, millis, shape, utc, word

PUSH_WINDOW_S: Final = 5.0  # a push of one operation comes again within so long

_LOCKED: Final = ("lock", "locked", "secure", "securemode", "securemode", "SecureMode")
_STATES: Final[dict[str, LockWord]] = {
    **dict.fromkeys(_LOCKED, "locked"),
    "kAugLockState_Locked": "locked",
    "kAugLockState_SecureMode": "locked",
    "unlock": "unlocked",
    "unlocked": "unlocked",
    "kAugLockState_Unlocked": "unlocked",
    "unlatched": "unlatched",
    "kAugLockState_Unlatched": "unlatched",
    "kAugLockState_UnknownStaticPosition": "jammed",
    "FAILED_BRIDGE_ERROR_LOCK_JAMMED": "jammed",
}
_PUSHED_ON_THE_WAY: Final = (
    "kAugLockState_Locking",
    "kAugLockState_Unlocking",
    "kAugLockState_Unlatching",
)
_PUSHED_DOORS: Final[dict[str, DoorWord]] = {
    **dict.fromkeys(("closed", "kAugLockDoorState_Closed", "kAugDoorState_Closed"), "closed"),
    **dict.fromkeys(("open", "kAugLockDoorState_Open", "kAugDoorState_Open"), "open"),
}


def push_items(message: Message, value: dict[str, Any], settings: Settings) -> Iterator[Item]:
    """The items of one push. Raises BadPayload."""
    told_info = value.get("info")
    info: dict[str, Any] = told_info if isinstance(told_info, dict) else {}

    device = _text(value.get("lockID") or info.get("lockID")) or settings.camera_id
    own, at = _push_time(info, value)
    at = at or message.received_at
    error = value.get("error")
    if isinstance(error, dict) and error.get("name") == "ERRNO_BRIDGE_OFFLINE":
        yield connected_is(message, SOURCE, device, online=False, at=at)
        return
    told = _text(value.get("lockAction") or value.get("status"))
    if info.get("action") == "status":
        yield Skipped("a status that the app asked for")
    elif told in BRIDGES:
        yield connected_is(message, SOURCE, device, online=BRIDGES[told], at=at)
    elif told in _PUSHED_ON_THE_WAY:
        yield Skipped("a lock on its way")
    elif told in _STATES:
        yield _pushed(message, value, device, _STATES[told], at, named=own)
    elif told == "doorbell_motion_detected" or told in DINGS:
        yield Skipped("a doorbell's push: the log has it with an id")
    elif told:
        yield Unknown(f"push {word(told)}")
    door = _PUSHED_DOORS.get(_text(value.get("doorState")))
    if door is not None:
        yield door_is(message, SOURCE, device, door, at)


def _pushed(
    message: Message,
    value: dict[str, Any],
    device: str,
    told: LockWord,
    at: datetime | None,
    *,
    named: bool,
) -> Item:
    """An operation where the push names its user and its time, else a state."""
    user = _text(value.get("callingUserID"))
    if told == "jammed" or not named or user.lower() in NOBODY or message.retained:
        return lock_is(message, SOURCE, device, told, at)
    actor = "remote" if "remoteEvent" in value else None
    action = "locked" if told == "locked" else "unlatched" if told == "unlatched" else "unlocked"
    fact = operated(
        Operation(action, actor),  # type: ignore[arg-type]  # one of its words
        door_id=device,
        recorded_at=at,
        user_ref=user,
    )
    return occurrence(message, series(SOURCE, device, action), fact, at=at, window_s=PUSH_WINDOW_S)


def _push_time(info: dict[str, Any], value: dict[str, Any]) -> tuple[bool, datetime | None]:
    """The operation's own time, and whether it is: the time of the push is less."""
    context = info.get("context")
    started = info.get("startTime") or (
        context.get("startDate") if isinstance(context, dict) else None
    )
    if isinstance(started, str):
        try:
            return True, utc(SOURCE, "startTime", datetime.fromisoformat(started))
        except ValueError as error:
            raise BadPayload(SOURCE, "startTime: is not a time") from error
    pushed = value.get("timestamp", value.get("timeStamp"))
    if isinstance(pushed, int | float) and not isinstance(pushed, bool):
        return False, millis(shape(SOURCE, pushed, UnixMillis))
    return False, None


def _text(value: object) -> str:
    return value[:64] if isinstance(value, str) else ""
