"""Reads an entry of UniFi Access's log: an opening, a refusal, a credential.

`access.logs.add`, and `access.logs.insights.add` of older programs, both come for one opening: it
is known by the second in which it was published, its door, and what it was logged as, for `_id` is
empty. The actor may be a program, and the door's id that of its hub.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from eventlog.errors import BadPayload
from eventlog.sources.adapter import Settings
from eventlog.sources.items import (
    Item,
    Skipped,
    Standalone,
    series,
)
from eventlog.sources.locks import (
    Operation,
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


def entry_of(insight: Insight) -> Source:
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


def log_item(entry: Source, settings: Settings) -> Item:
    """The item of one entry of the log. Raises BadPayload for one without a time."""
    event = entry.event
    if event.type not in {None, _UNLOCK}:
        return Skipped(f"log of {word(event.type)}")
    if event.published is None:
        raise BadPayload(SOURCE, "published: is missing")
    at = second_of(event.published)
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
        return Standalone(key, (fact,), merging=True)
    done = (
        Operation("unlocked", way, credential)
        if result == "ACCESS"
        else Operation("none", way, credential, "restricted")
    )
    operation = operated(done, door_id=door, recorded_at=at, user_ref=user, person=person)
    return Standalone(key, (operation,), merging=True)


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


def second_of(published: float) -> datetime:
    """Full seconds: the two messages of one opening differ by less."""
    seconds = published / 1000 if published >= SECONDS else published
    return millis(int(seconds) * 1000)
