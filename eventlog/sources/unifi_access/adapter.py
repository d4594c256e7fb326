"""UniFi Access: the log of its doors, and other messages of its WebSocket.

Read from the issues 71, 92, 187, 195 and 203 of hass-unifi-access.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final

from msgspec import Meta, Struct

from eventlog.errors import BadPayload
from eventlog.facts import Ding, VisitEnded
from eventlog.sources.adapter import Adapter, Message, Settings
from eventlog.sources.items import (
    Addition,
    Item,
    Refused,
    Skipped,
    Unknown,
    Visit,
)
from eventlog.sources.locks import (
    DoorWord,
    LockWord,
    door_is,
    lock_is,
)
from eventlog.sources.messages import lenient, slug, word
from eventlog.sources.unifi_access.log import (
    SOURCE,
    Insight,
    Published,
    Source,
    entry_of,
    log_item,
    second_of,
)

_LOCKS: Final[dict[str, LockWord]] = {
    "locked": "locked",
    "lock": "locked",
    "unlocked": "unlocked",
    "unlock": "unlocked",
}
_DOORS: Final[dict[str, DoorWord]] = {"open": "open", "close": "closed", "closed": "closed"}
_LOCATIONS: Final = frozenset(
    {
        "access.data.v2.location.update",
        "access.data.location.update",
        "access.data.device.location_update_v2",
    }
)
_NO_FACT: Final = (
    "access.base.info",
    "access.data.",
    "access.dps_change",
    "access.hw.door_bell",
    "access.notification",
)


class Call(Struct, frozen=True):
    """A doorbell that rings, by the request that it makes."""

    request_id: Annotated[str, Meta(min_length=1, max_length=100)]
    door_id: str | None = None
    door_name: str | None = None
    device_id: str | None = None
    create_time: Published | None = None


class Answer(Struct, frozen=True):
    """The end of a call."""

    remote_call_request_id: Annotated[str, Meta(min_length=1, max_length=100)]
    reason: int | None = None


class State(Struct, frozen=True):
    """The lock and the contact of a door."""

    lock: str | None = None
    dps: str | None = None


class Location(Struct, frozen=True):
    """A door."""

    id: str
    name: str | None = None
    location_type: str | None = None
    state: State | None = None


def items(message: Message, settings: Settings) -> Iterator[Item]:
    """The items of one message. Raises BadPayload."""
    value = message.value
    if value == "Hello":
        yield Skipped("a sign of life")
        return
    if not isinstance(value, dict):
        raise BadPayload(SOURCE, "a message is an object")
    kind, data = value.get("event"), value.get("data")
    if kind is None and "_source" in value:  # an entry of the log by itself
        kind, data = "access.logs.add", value
    match kind:
        case "access.logs.add":
            source = data.get("_source") if isinstance(data, dict) else None
            entry, left_out = lenient(SOURCE, source, Source)
            yield from _refused(left_out)
            yield log_item(entry, settings)
        case "access.logs.insights.add":
            insight, left_out = lenient(SOURCE, data, Insight)
            yield from _refused(left_out)
            yield log_item(entry_of(insight), settings)
        case "access.remote_view":
            yield from _ring(message, data, settings)
        case "access.remote_view.change":
            yield from _answer(message, data)
        case str() if kind in _LOCATIONS:
            yield from _location(message, data)
        case str() if kind.startswith(_NO_FACT):
            yield Skipped(f"event {word(kind)}")
        case _:
            yield Unknown(f"event {word(kind)}")


def _refused(left_out: list[str]) -> Iterator[Item]:
    return (Refused("", reason) for reason in left_out)


def _ring(message: Message, data: object, settings: Settings) -> Iterator[Item]:
    call, left_out = lenient(SOURCE, data, Call)
    yield from _refused(left_out)
    at = second_of(call.create_time) if call.create_time else message.received_at
    if at is None:
        raise BadPayload(SOURCE, "create_time: is missing")
    camera = slug(call.door_name) or (call.door_id or call.device_id or settings.camera_id)[:64]
    yield Visit(f"{SOURCE}:{call.request_id}", (Ding(camera_id=camera, recorded_at=at),))


def _answer(message: Message, data: object) -> Iterator[Item]:
    answer, left_out = lenient(SOURCE, data, Answer)
    yield from _refused(left_out)
    if message.received_at is None:
        yield Skipped("the end of a call without a time")
        return
    end = VisitEnded(ended_at=message.received_at, reason="source")
    key = f"{SOURCE}:{answer.remote_call_request_id}"
    yield Addition(key, f"{key}:ended", (end,))


def _location(message: Message, data: object) -> Iterator[Item]:
    door, left_out = lenient(SOURCE, data, Location)
    yield from _refused(left_out)
    told = door.state or State()
    name = slug(door.name) or door.id[:64]
    lock, contact = _LOCKS.get(told.lock or ""), _DOORS.get(told.dps or "")
    if lock is not None:
        yield lock_is(message, SOURCE, name, lock)
    if contact is not None:
        yield door_is(message, SOURCE, name, contact)
    if lock is None and contact is None:
        yield Skipped("nothing about a door")


ADAPTER: Final = Adapter(SOURCE, items, takes=frozenset({"camera_id"}))
