"""UniFi Access: the log of its doors, and what its WebSocket tells besides.

`access.logs.add`, and `access.logs.insights.add` of older programs, both come for one opening: it
is known by the second in which it was published, its door, and what it was logged as, for `_id` is
empty. The actor may be a program, and the door's id that of its hub. Read from the issues 71, 92,
187, 195 and 203 of hass-unifi-access.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from eventlog.errors import BadPayload
from eventlog.facts import Ding, VisitEnded
from eventlog.sources.adapter import Adapter, Message, Settings
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
    LockWord,
    Operation,
    door_is,
    lock_is,
    operated,
    presented,
)
from eventlog.sources.messages import lenient, millis, slug, word

SOURCE: Final = "unifi-access"
SECONDS: Final = 1e11  # a smaller time is in seconds

# The credential provider -> who asked, and by what.
_WAYS: Final[dict[str, tuple[str | None, str | None]]] = {
    "NFC": ("tag", "nfc"),
    "CARD": ("tag", "nfc"),
    "PIN_CODE": ("keypad", "pin"),
    "PIN": ("keypad", "pin"),
    "FACE": ("face", "face"),
    "FINGERPRINT": ("finger", "fingerprint"),
    "MOBILE_TAP": ("app", "nfc"),
    "MOBILE_BUTTON": ("app", None),
    "MOBILE_SHAKE": ("app", None),
    "MOBILE_WAVE": ("app", None),
    "WALLET": ("app", "nfc"),
    "QR_CODE": ("app", "qr"),
    "REMOTE_THROUGH_UAH": ("remote", None),
    "REMOTE": ("remote", None),
    "CALL": ("remote", None),
    "REX": ("button", None),
    "BUTTON": ("button", None),
    "LICENSEPLATE": ("linked", "plate"),
}
_PROGRAMS: Final = frozenset({"open_api", "api", "system"})
_UNLOCK: Final = "access.door.unlock"
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

Published = Annotated[float, Meta(ge=0, lt=253402300799000.0)]


class Named(Struct, frozen=True):
    """An actor, a door or another target."""

    id: str | None = None
    type: str | None = None
    display_name: str | None = None
    name: str | None = None
    alternate_id: str | None = None


class Authentication(Struct, frozen=True):
    """By what the actor was recognised."""

    credential_provider: str | None = None
    display_name: str | None = None


class Logged(Struct, frozen=True):
    """What was logged, and when."""

    type: str | None = None
    log_key: str | None = None
    published: Published | None = None
    result: str | None = None


class Source(Struct, frozen=True):
    """An entry of the log."""

    event: Logged
    actor: Named | None = None
    authentication: Authentication | None = None
    target: list[Named] | None = None


class Insight(Struct, frozen=True):
    """The same, as an insight: flat, with what belongs to it under `metadata`."""

    event_type: str | None = None
    log_key: str | None = None
    published: Published | None = None
    result: str | None = None
    metadata: dict[str, Any] | None = None


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
            yield _logged(entry, settings)
        case "access.logs.insights.add":
            insight, left_out = lenient(SOURCE, data, Insight)
            yield from _refused(left_out)
            yield _logged(_as_entry(insight), settings)
        case "access.remote_view":
            yield from _ring(message, data, settings)
        case "access.remote_view.change":
            yield from _answer(message, data)
        case _ if kind in _LOCATIONS:
            yield from _location(message, data)
        case str() if kind.startswith(_NO_FACT):
            yield Skipped(f"event {word(kind)}")
        case _:
            yield Unknown(f"event {word(kind)}")


def _refused(left_out: list[str]) -> Iterator[Item]:
    return (Refused("", reason) for reason in left_out)


# ── the log ────────────────────────────────────────────────────────────────────────────────


def _as_entry(insight: Insight) -> Source:
    """An insight as the entry of the log that it says again."""
    metadata = insight.metadata or {}
    door = _named(metadata.get("door"))
    authentication = metadata.get("authentication")
    told = lenient(SOURCE, authentication, Authentication)[0] if authentication else None
    return Source(
        Logged(insight.event_type, insight.log_key, insight.published, insight.result),
        _named(metadata.get("actor")),
        told,
        [] if door is None else [Named(door.id, "door", door.display_name, door.name)],
    )


def _named(value: object) -> Named | None:
    if isinstance(value, list):
        value = value[0] if value else None
    return lenient(SOURCE, value, Named)[0] if isinstance(value, dict) else None


def _logged(entry: Source, settings: Settings) -> Item:
    event = entry.event
    if event.type not in {None, _UNLOCK}:
        return Skipped(f"log of {word(event.type)}")
    if event.published is None:
        raise BadPayload(SOURCE, "published: is missing")
    at = _time(event.published)
    door = _door(entry) or settings.camera_id
    actor = entry.actor or Named()
    program = (actor.type or "").lower() in _PROGRAMS or (actor.id or "") in _PROGRAMS
    user, person = (None, None) if program else (actor.id or None, actor.display_name or None)
    told = entry.authentication or Authentication()
    provider = (told.credential_provider or told.display_name or "").upper().replace(" ", "_")
    way, credential = _WAYS.get(provider, (None, None))
    way = "remote" if program else way
    # The door's name and not its id: the older message has the hub's.
    named = series(SOURCE, _door_name(entry) or door, event.log_key)
    key = f"{named}:{at.timestamp():.0f}"
    result = (event.result or "").upper()
    if result == "INCOMPLETE":
        fact = presented(
            credential or "unknown",
            door_id=door,
            user_ref=user,
            person=person,
            reason="incomplete",
            recorded_at=at,
        )
        return Standalone(key, (fact,))
    done = (
        Operation("unlocked", way, credential)
        if result == "ACCESS"
        else Operation("none", way, credential, "restricted")
    )
    operation = operated(done, door_id=door, recorded_at=at, user_ref=user, person=person)
    return Standalone(key, (operation,))


def _door(entry: Source) -> str:
    """The door's name as an id; its own id where it has no name."""
    return slug(_door_name(entry)) or next(
        ((one.id or "")[:64] for one in entry.target or [] if one.type == "door"), ""
    )


def _door_name(entry: Source) -> str:
    for one in entry.target or []:
        if one.type == "door":
            return one.display_name or one.name or ""
    return ""


def _time(published: float) -> datetime:
    """Whole seconds: the two messages of one opening differ by less."""
    seconds = published / 1000 if published >= SECONDS else published
    return millis(int(seconds) * 1000)


# ── the doorbell and the doors ─────────────────────────────────────────────────────────────


def _ring(message: Message, data: object, settings: Settings) -> Iterator[Item]:
    call, left_out = lenient(SOURCE, data, Call)
    yield from _refused(left_out)
    at = _time(call.create_time) if call.create_time else message.received_at
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
