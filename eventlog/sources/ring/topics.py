"""Reads ring-mqtt's topics: `ring/<location>/<category>/<device>/<what>/<which>`.

A ring is reported by its attributes, with its time, which is its key: all attributes are sent
again, with their old times, whenever ring-mqtt or Home Assistant starts. The state that comes
before says nothing more. An intercom has states only: UNLOCKED for five seconds, ON for twenty;
what follows is a timer's. Read from ring-mqtt 60ba9cc (devices/camera.js, intercom.js,
lib/mqtt.js).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from typing import Final

from msgspec import Struct

from eventlog.errors import BadPayload
from eventlog.facts import Detection, Ding, Fact, Motion
from eventlog.sources.adapter import Message, occurrence
from eventlog.sources.items import Addition, Item, Picture, Refused, Skipped, Unknown, Visit, series
from eventlog.sources.locks import (
    LockWord,
    Operation,
    battery_is,
    connected_is,
    door_is,
    lock_is,
    operated,
)
from eventlog.sources.messages import UnixSeconds, lenient, moment, word
from eventlog.sources.ring.history import SOURCE
from eventlog.sources.ring.push import RING_WINDOW_S

TOPICS: Final = (
    "+/camera/+/ding/attributes",
    "+/camera/+/motion/attributes",
    "+/camera/+/snapshot/image",
    "+/intercom/+/ding/state",
    "+/intercom/+/lock/state",
    "+/alarm/+/lock/state",
    "+/alarm/+/contact/state",
    "+/+/+/status",
    "+/+/+/info/state",
)
LOW_BATTERY: Final = 15  # per cent
_LOCK: Final[dict[str, LockWord]] = {
    "LOCKED": "locked",
    "UNLOCKED": "unlocked",
    "UNKNOWN": "unknown",
    "JAMMED": "jammed",
}
_ON_THE_WAY: Final = ("LOCKING", "UNLOCKING")


class Attributes(Struct, frozen=True):
    """Of a ring or a motion; the time is seconds since 1970."""

    lastDing: UnixSeconds | None = None  # noqa: N815 - as ring-mqtt writes it
    lastMotion: UnixSeconds | None = None  # noqa: N815
    personDetected: bool | None = None  # noqa: N815


class Info(Struct, frozen=True):
    """Of a device."""

    batteryLevel: float | None = None  # noqa: N815


def topic_items(message: Message, topic: str) -> Iterator[Item]:
    """The items of one message. Raises BadPayload."""
    parts = topic.split("/")
    if parts[-1] == "status" and len(parts) >= 3:  # noqa: PLR2004 - category, device, status
        yield _status(message, parts[-2])
        return
    if len(parts) < 4:  # noqa: PLR2004 - category, device, what, which
        yield Unknown(f"topic {word(parts[-1])}")
        return
    category, device, what = parts[-4], parts[-3][:64], f"{parts[-2]}/{parts[-1]}"
    match what:
        case "ding/attributes" | "motion/attributes":
            yield from _attributes(message, device, parts[-2])
        case "snapshot/image":
            yield _picture(message, device)
        case "info/state":
            yield from _info(message, device)
        case "contact/state":
            yield door_is(message, SOURCE, device, "open" if message.text == "ON" else "closed")
        case "lock/state":
            yield _lock(message, category, device)
        case "ding/state" if category == "intercom":
            yield _intercom_ding(message, device)
        case "ding/state" | "motion/state":
            yield Skipped("a state whose attributes have its time")
        case _:
            yield Skipped(f"topic {word(what)}")


def _attributes(message: Message, device: str, kind: str) -> Iterator[Item]:
    told, left_out = lenient(SOURCE, message.value, Attributes)
    yield from (Refused("", reason) for reason in left_out)
    seconds = told.lastDing if kind == "ding" else told.lastMotion
    if not seconds:
        yield Skipped(f"a {kind} that never was")
        return
    at = moment(seconds)
    fact: Fact = (
        Ding(camera_id=device, recorded_at=at)
        if kind == "ding"
        else Motion(camera_id=device, recorded_at=at)
    )
    key = f"{SOURCE}:{device}:{kind}:{seconds:.0f}"
    yield Visit(key, (fact,))
    if told.personDetected:
        person = Detection(label="person", recorded_at=at)
        yield Addition(key, f"{key}:person", (person,), (fact,))


def _picture(message: Message, device: str) -> Item:
    if not isinstance(message.value, bytes):
        return Skipped("a snapshot that is not there as bytes")
    if message.retained:
        return Skipped("a retained snapshot: what a broker kept does not happen now")
    at = message.received_at
    name = at.astimezone(UTC).strftime("%Y-%m-%dT%H-%M-%S") if at is not None else ""
    return Picture(message.value, name, None, device)


def _lock(message: Message, category: str, device: str) -> Item:
    told = message.text
    if told in _ON_THE_WAY:
        return Skipped("a lock on its way")
    if told not in _LOCK:
        raise BadPayload(SOURCE, "lock/state: is none of a lock's states")
    if category != "intercom":
        return lock_is(message, SOURCE, device, _LOCK[told])
    if told != "UNLOCKED" or message.retained:
        return Skipped("the state that an intercom's timer falls back to")
    fact = operated(
        Operation("unlocked", "remote"), door_id=device, recorded_at=message.received_at
    )
    return occurrence(message, series(SOURCE, device, "intercom unlock"), fact)


def _intercom_ding(message: Message, device: str) -> Item:
    if message.text != "ON" or message.retained:
        return Skipped("the state that an intercom's timer falls back to")
    if message.received_at is None:
        raise BadPayload(SOURCE, "ding/state: has no time; see docs/sources.md")
    fact = Ding(camera_id=device, recorded_at=message.received_at)
    return occurrence(message, series(SOURCE, device, "ding"), fact, window_s=RING_WINDOW_S)


def _status(message: Message, device: str) -> Item:
    if message.text not in {"online", "offline"}:
        raise BadPayload(SOURCE, "status: is neither online nor offline")
    return connected_is(message, SOURCE, device[:64], online=message.text == "online")


def _info(message: Message, device: str) -> Iterator[Item]:
    told, left_out = lenient(SOURCE, message.value, Info)
    yield from (Refused("", reason) for reason in left_out)
    level = told.batteryLevel
    if level is None:
        yield Skipped("nothing about a battery")
        return
    yield battery_is(message, SOURCE, device, low=level <= LOW_BATTERY, value=level)
