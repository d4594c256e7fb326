"""The facts about doors, locks and devices: requests, their outcomes, and reported states.

Knows nothing of journals, positions or events.
"""

from __future__ import annotations

from typing import Literal

from eventlog.facts.values import (
    Confidence,
    Count,
    Distance,
    DoorAction,
    DoorFact,
    Finite,
    Instant,
    Sealable,
    Text,
    Word,
)


class UnlockAction(DoorFact, frozen=True, kw_only=True, tag="unlock_action"):
    """Somebody or something asked the lock to act, and was granted it or refused.

    Args:
        granted: Whether it was allowed; False with a `door_action` of "none" is a refusal.
        door_action: What the lock did: "unlocked", "locked", "unlatched" or, by default,
            "none".
        person: Who it was for; None if it is not known.
        confidence: The face's, 0.0 to 1.0; None if it is not known.
        distance: The face's, 0 or more; None if it is not known.
        rule: The rule that decided; None if it is not known.
        actor: Who or what asked: face, keypad, app, key, …; None if it is not known.
        door_id: The door or lock; None if it is not known.
        recorded_at: When the source saw it, an aware datetime; None if it is not known.
        user_ref: What the lock calls its user; None if it is not known.
        credential_kind: What was used: a code, a tag, a finger; None if it is not known.
        credential_slot: The credential's number in the lock; None if it is not known.
        reason: Why, in one word; None if it is not known.
        frames: How many frames the decision took; None if it is not known.
        dry_run: True if the decision was only recorded; False by default.
        intent: The id of an act that follows, which its outcome repeats; None if the act is
            over.
    """

    version: Literal[2] = 2
    granted: bool
    door_action: DoorAction = "none"
    person: Sealable | None = None
    confidence: Confidence | None = None
    distance: Distance | None = None
    rule: Text | None = None
    actor: Word | None = None
    door_id: Word | None = None
    recorded_at: Instant | None = None
    user_ref: Sealable | None = None
    credential_kind: Word | None = None
    credential_slot: Count | None = None
    reason: Word | None = None
    frames: Count | None = None
    dry_run: bool = False
    intent: Text | None = None


class ActuatorOutcome(DoorFact, frozen=True, kw_only=True, tag="actuator_outcome"):
    """The outcome of an act that an unlock action asked for.

    Args:
        intent: The act's id, the same as in its unlock action.
        outcome: "done", "failed", "timed_out" or "unknown".
        took_ms: How long it took, in milliseconds; None if it is not known.
        detail: An exit code, an HTTP status or an error's class; None if it is not known.
        recorded_at: When, an aware datetime; None if it is not known.
    """

    version: Literal[1] = 1
    intent: Text
    outcome: Literal["done", "failed", "timed_out", "unknown"]
    took_ms: Count | None = None
    detail: Word | None = None
    recorded_at: Instant | None = None


class CredentialPresented(DoorFact, frozen=True, kw_only=True, tag="credential_presented"):
    """A code, a tag or a finger was presented to a lock, and it did not open.

    Args:
        door_id: The door or lock; None if it is not known.
        credential_kind: What was used: a code, a tag, a finger, …
        credential_slot: The credential's number in the lock; None if it is not known.
        user_ref: What the lock calls its user; None if it is not known.
        person: Whose it is; None if it is not known.
        reason: Why it did not open, in one word; None if it is not known.
        recorded_at: When the source saw it, an aware datetime; None if it is not known.
    """

    version: Literal[1] = 1
    door_id: Word | None = None
    credential_kind: Word
    credential_slot: Count | None = None
    user_ref: Sealable | None = None
    person: Sealable | None = None
    reason: Word | None = None
    recorded_at: Instant | None = None


class LockState(DoorFact, frozen=True, kw_only=True, tag="lock_state"):
    """A lock reports its state, and not what led to it.

    Args:
        door_id: The lock.
        state: What it reports.
        source: The source that reports it.
        recorded_at: When the source saw it, an aware datetime; None if it is not known.
    """

    version: Literal[1] = 1
    door_id: Word
    state: Literal["locked", "unlocked", "unlatched", "not_fully_locked", "jammed", "unknown"]
    source: Word
    recorded_at: Instant | None = None


class DoorState(DoorFact, frozen=True, kw_only=True, tag="door_state"):
    """A door contact reports whether the door is open.

    Args:
        door_id: The door.
        state: What the contact reports.
        source: The source that reports it.
        recorded_at: When the source saw it, an aware datetime; None if it is not known.
    """

    version: Literal[1] = 1
    door_id: Word
    state: Literal["open", "closed", "ajar", "forced_open", "unknown"]
    source: Word
    recorded_at: Instant | None = None


class DeviceState(DoorFact, frozen=True, kw_only=True, tag="device_state"):
    """A device reports on itself: its connection, its battery, tampering.

    Args:
        device_id: The device.
        what: "connectivity", "battery", "tamper" or "problem".
        state: What it reports, as a word.
        value: What it reports, as a number (a battery in percent); None if it is not known.
        recorded_at: When the source saw it, an aware datetime; None if it is not known.
    """

    version: Literal[1] = 1
    device_id: Word
    what: Literal["connectivity", "battery", "tamper", "problem"]
    state: Word
    value: Finite | None = None
    recorded_at: Instant | None = None
