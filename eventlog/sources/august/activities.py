"""Reads an activity of August's log: a lock's operation, a door, a ring, a bridge.

It is known by its id and action; the older ones by device, id, time and action. The actions are
those of yalexs 9.2.13 (`activity.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from eventlog.errors import BadPayload
from eventlog.facts import Ding, Fact, Motion, VisitEnded
from eventlog.sources.items import (
    Addition,
    Item,
    Refused,
    Skipped,
    Standalone,
    Unknown,
    Visit,
    series,
)
from eventlog.sources.locks import (
    DoorWord,
    Operation,
    device_state,
    door_state,
    lock_state,
    operated,
)
from eventlog.sources.messages import UnixMillis, lenient, millis, slug, word

SOURCE: Final = "august"

# The part of an action before its last word: who asked, and by what.
_WAYS: Final[dict[str, tuple[str | None, str | None]]] = {
    "": (None, None),
    "auto": ("auto", None),
    "ble": ("app", None),
    "finger": ("finger", "fingerprint"),
    "homekey": ("tag", "homekey"),
    "linked": ("linked", None),
    "manual": ("manual", None),
    "pin": ("keypad", "pin"),
    "remote": ("remote", None),
    "rf": ("tag", "rfid"),
    "face": ("face", "face"),
    "key": ("key", "key"),
}
_DONE: Final = {
    "lock": "locked",
    "secure": "locked",
    "unlock": "unlocked",
    "unlatch": "unlatched",
}
_ONE_TOUCH: Final = ("onetouchlock", "one_touch_lock")
_ON_THE_WAY: Final = ("locking", "unlocking", "unlatching")
_DOORS: Final[dict[str, DoorWord]] = {
    "dooropen": "open",
    "door_open": "open",
    "doorclosed": "closed",
    "door_close": "closed",
}
BRIDGES: Final = {"associated_bridge_online": True, "associated_bridge_offline": False}
_MOTION: Final = "doorbell_motion_detected"
DINGS: Final = {
    "buttonpush": None,
    "doorbell_call_missed": False,
    "doorbell_call_hangup": True,
    "lock_accessory_motion_detect": None,
}
_NO_VISIT: Final = ("doorbell_call_initiated", "imagecapture", "status", "addedpin", "deletedpin")
# Callers that are no people.
NOBODY: Final = frozenset(
    {"", "deleted", "automaticrelock", "manuallock", "manualunlock", "manualunlatch", "unknown"}
)


class User(Struct, frozen=True):
    """Who operated a lock; "Unknown User" means that it is not known."""

    UserID: str | None = None
    FirstName: str | None = None
    LastName: str | None = None


class Entities(Struct, frozen=True):
    """The ids of an older activity."""

    activity: str | None = None


class Info(Struct, frozen=True):
    """How an older activity was done."""

    DateLogActionID: str | None = None
    remote: bool | None = None
    keypad: bool | None = None
    tag: bool | None = None
    manual: bool | None = None
    started: UnixMillis | None = None
    ended: UnixMillis | None = None


class Activity(Struct, frozen=True):
    """An activity of the log: `timestamp` and `user` are new, `dateTime` and `callingUser` old."""

    action: str
    deviceID: str  # noqa: N815
    id: str | None = None
    timestamp: UnixMillis | None = None
    dateTime: UnixMillis | None = None  # noqa: N815
    deviceName: str | None = None  # noqa: N815
    user: User | None = None
    callingUser: User | None = None  # noqa: N815
    entities: Entities | None = None
    info: Info | None = None


def activity_items(value: dict[str, Any]) -> Iterator[Item]:
    """The items of one activity. Raises BadPayload."""
    told, left_out = lenient(SOURCE, value, Activity)
    yield from (Refused("", reason) for reason in left_out)
    seconds = told.timestamp if told.dateTime is None else told.dateTime
    if seconds is None:
        raise BadPayload(SOURCE, "has neither timestamp nor dateTime")
    at, action = millis(seconds), told.action
    key = _key(told, seconds)
    device = told.deviceID[:64]
    if action in DINGS or action == _MOTION:
        yield from _at_the_doorbell(told, key, at)
    elif action in BRIDGES:
        fact = device_state(device, "connectivity", "online" if BRIDGES[action] else "offline", at)
        yield Standalone(key, (fact,))
    elif action in _DOORS:
        yield Standalone(key, (door_state(SOURCE, device, _DOORS[action], at),))
    elif action == "jammed":
        yield Standalone(key, (lock_state(SOURCE, device, "jammed", at),))
    elif action in _ON_THE_WAY:
        yield Skipped("a lock on its way")
    elif action in _NO_VISIT:
        yield Skipped(f"action {action}")
    else:
        row = _operation(action, told.info or Info())
        if row is None:
            yield Unknown(f"action {word(action)}")
            return
        user_ref, person = _who(told.callingUser or told.user)
        fact_of = operated(row, door_id=device, recorded_at=at, user_ref=user_ref, person=person)
        yield Standalone(key, (fact_of,), distinct=True)


def _operation(action: str, info: Info) -> Operation | None:
    """The row of an action: its last word is what was done, what comes before is how."""
    if action in _ONE_TOUCH:
        return Operation("locked", "button")
    way, _, done = action.rpartition("_")
    if done not in _DONE or way not in _WAYS:
        return None
    actor, credential = _WAYS[way]
    if actor is None:  # older activities distinguish it
        flags = (
            (info.keypad, ("keypad", "pin")),
            (info.tag, ("tag", "rfid")),
            (info.manual, ("manual", None)),
            (info.remote, ("remote", None)),
        )
        actor, credential = next((told for is_so, told in flags if is_so), (None, None))
    return Operation(_DONE[done], actor, credential)  # type: ignore[arg-type]  # one of its words


def _key(told: Activity, seconds: float) -> str:
    """The id and the action; older ids are given more than once, so that the time counts."""
    if told.id:
        return f"{SOURCE}:{told.id[:100]}:{told.action[:40]}"
    own = told.entities.activity if told.entities else None
    own = own or (told.info.DateLogActionID if told.info else None) or told.deviceID
    return f"{SOURCE}:{series('', told.deviceID, own)}:{seconds:.0f}:{told.action[:40]}"


def _who(user: User | None) -> tuple[str | None, str | None]:
    """The user's id and name, where it is one of the house."""
    if user is None or (user.UserID or "").lower() in NOBODY:
        return None, None
    name = " ".join(part for part in (user.FirstName, user.LastName) if part)
    return user.UserID, None if name == "Unknown User" else name or None


def _at_the_doorbell(told: Activity, key: str, at: datetime) -> Iterator[Item]:
    camera = slug(told.deviceName) or told.deviceID[:64]
    info = told.info or Info()
    at = millis(info.started) if info.started else at
    fact: Fact = (
        Motion(camera_id=camera, recorded_at=at)
        if told.action == _MOTION
        else Ding(camera_id=camera, recorded_at=at)
    )
    yield Visit(key, (fact,))
    answered = DINGS.get(told.action)
    if answered is not None or info.ended:
        ended = millis(info.ended) if info.ended else at
        end = VisitEnded(ended_at=ended, reason="source", answered=answered)
        yield Addition(key, f"{key}:ended", (end,), (fact,), distinct=True)
