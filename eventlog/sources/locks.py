"""Common facts of locks: turns a row of a source's table of lock events into facts.

An operation is what a table of a source says about one of its codes or words: what became of the
door, who or what asked, by which credential, and why it was refused. Knows no source.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from eventlog.facts import CredentialPresented, DeviceState, DoorState, LockState, UnlockAction
from eventlog.sources.adapter import Message, state
from eventlog.sources.items import Item

LockWord: TypeAlias = Literal[
    "locked", "unlocked", "unlatched", "not_fully_locked", "jammed", "unknown"
]
DoorWord: TypeAlias = Literal["open", "closed", "ajar", "forced_open", "unknown"]

LOCK_WORDS: Final[tuple[LockWord, ...]] = (
    "locked",
    "unlocked",
    "unlatched",
    "not_fully_locked",
    "jammed",
    "unknown",
)
DOOR_WORDS: Final[tuple[DoorWord, ...]] = ("open", "closed", "ajar", "forced_open", "unknown")
ONLINE: Final = ("online", "offline")
BATTERY: Final = ("low", "ok")
TAMPER: Final = ("tampered", "clear")

_LONGEST: Final = 64


class Operation(Struct, frozen=True):
    """A row of a source's table of lock operations.

    Attributes:
        action: what became of the door; "none" is a refusal.
        actor: who or what asked: keypad, app, key, manual, tag, finger, button, schedule, remote,
            auto, linked, lock.
        credential: what was shown: pin, rfid, fingerprint, face, key, nfc.
        reason: why it was refused.
        rule: what the source calls the way in which it happened.
    """

    action: Literal["unlocked", "locked", "unlatched", "none"]
    actor: str | None = None
    credential: str | None = None
    reason: str | None = None
    rule: str | None = None


def operated(
    operation: Operation,
    *,
    door_id: str,
    recorded_at: datetime | None = None,
    slot: int | None = None,
    user_ref: str | None = None,
    person: str | None = None,
) -> UnlockAction:
    """The fact of an operation; `slot`, `user_ref` and `person` say who, if it is known."""
    return UnlockAction(
        granted=operation.action != "none",
        door_action=operation.action,
        actor=operation.actor,
        credential_kind=operation.credential,
        credential_slot=slot,
        user_ref=clipped(user_ref),
        person=clipped(person),
        reason=operation.reason,
        rule=operation.rule,
        door_id=door_id,
        recorded_at=recorded_at,
    )


def presented(
    kind: str,
    *,
    door_id: str | None = None,
    recorded_at: datetime | None = None,
    slot: int | None = None,
    user_ref: str | None = None,
    person: str | None = None,
    reason: str | None = None,
) -> CredentialPresented:
    """The fact of a credential that opened nothing."""
    return CredentialPresented(
        credential_kind=kind,
        door_id=door_id,
        credential_slot=slot,
        user_ref=clipped(user_ref),
        person=clipped(person),
        reason=reason,
        recorded_at=recorded_at,
    )


def lock_state(
    source: str, door_id: str, state: LockWord, recorded_at: datetime | None = None
) -> LockState:
    """The fact of a lock's state."""
    return LockState(door_id=door_id, state=state, source=source, recorded_at=recorded_at)


def door_state(
    source: str, door_id: str, state: DoorWord, recorded_at: datetime | None = None
) -> DoorState:
    """The fact of a door's state."""
    return DoorState(door_id=door_id, state=state, source=source, recorded_at=recorded_at)


def device_state(
    device_id: str,
    what: Literal["connectivity", "battery", "tamper", "problem"],
    state: str,
    recorded_at: datetime | None = None,
    value: float | None = None,
) -> DeviceState:
    """The fact of a device's state; `value` is the battery in per cent."""
    return DeviceState(
        device_id=device_id, what=what, state=state, value=value, recorded_at=recorded_at
    )


def clipped(text: str | None) -> str | None:
    """Personal text, cut to the length that a fact can hold; None if there is none."""
    stripped = text.strip() if text else ""
    return stripped[:_LONGEST] or None


# ── states that come without an id: facts only where they changed ──────────────────────────


def lock_is(
    message: Message, source: str, door_id: str, word: LockWord, at: datetime | None = None
) -> Item:
    """A lock's state as an item; `at` is the source's own time, None if it has none."""
    fact = lock_state(source, door_id, word, at or message.received_at)
    return state(message, source, door_id, "lock", word, LOCK_WORDS, fact, at=at)


def door_is(
    message: Message, source: str, door_id: str, word: DoorWord, at: datetime | None = None
) -> Item:
    """A door's state as an item."""
    fact = door_state(source, door_id, word, at or message.received_at)
    return state(message, source, door_id, "door", word, DOOR_WORDS, fact, at=at)


def connected_is(
    message: Message, source: str, device: str, *, online: bool, at: datetime | None = None
) -> Item:
    """Whether a device is reached, as an item."""
    word = "online" if online else "offline"
    fact = device_state(device, "connectivity", word, at or message.received_at)
    return state(message, source, device, "connectivity", word, ONLINE, fact, at=at)


def battery_is(
    message: Message,
    source: str,
    device: str,
    *,
    low: bool,
    value: float | None = None,
    at: datetime | None = None,
) -> Item:
    """Whether a battery is low, as an item: its level alone is not a fact each time it changes."""
    word = "low" if low else "ok"
    fact = device_state(device, "battery", word, at or message.received_at, value)
    return state(message, source, device, "battery", word, BATTERY, fact, at=at)


def tamper_is(
    message: Message, source: str, device: str, *, tampered: bool, at: datetime | None = None
) -> Item:
    """Whether a device was tampered with, as an item."""
    word = "tampered" if tampered else "clear"
    fact = device_state(device, "tamper", word, at or message.received_at)
    return state(message, source, device, "tamper", word, TAMPER, fact, at=at)
