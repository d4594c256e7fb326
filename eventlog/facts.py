"""What can happen at the door: frozen values, one type for each kind of fact.

A fact says what happened and when its source saw it. It knows nothing of journals, positions or
events. None means not known. Building a fact checks nothing: `codecs.encode` does, before the
fact enters the journal.

Units: confidences are 0.0 to 1.0; distances are face_recognition's euclidean distance, 0 or
more; times are aware datetimes, stored as UTC in microseconds.

A change to a field here needs a new `version` of that kind, an upcaster and a golden file.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeAlias, get_args

from msgspec import Meta, Struct
from msgspec.structs import fields, replace

from eventlog.errors import BadFact

# ── the values that facts are made of ────────────────────────────────────────────────────────────

LARGEST: Final = 1.7976931348623157e308  # the largest finite float: refuses inf and NaN

Instant: TypeAlias = Annotated[datetime, Meta(tz=True)]
Confidence: TypeAlias = Annotated[float, Meta(ge=0.0, le=1.0)]
Distance: TypeAlias = Annotated[float, Meta(ge=0.0, le=LARGEST)]
Finite: TypeAlias = Annotated[float, Meta(ge=-LARGEST, le=LARGEST)]
Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**53)]  # exact in JSON and JavaScript as well
Word: TypeAlias = Annotated[str, Meta(min_length=1, max_length=64)]
Text: TypeAlias = Annotated[str, Meta(min_length=1, max_length=256)]
LongText: TypeAlias = Annotated[str, Meta(min_length=1, max_length=4096)]
Digest: TypeAlias = Annotated[bytes, Meta(min_length=32, max_length=32)]
KeyId: TypeAlias = Annotated[bytes, Meta(min_length=4, max_length=4)]

PersonalText: TypeAlias = Annotated[
    str, Meta(min_length=1, max_length=64, extra={"personal": True})
]


class Sealed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A commitment in place of a personal text. What opens it is kept outside the journal.

    `sealed` is the commitment, 32 bytes. Only this program makes seals: an append from outside may
    hold text in such a field, but not a seal.
    """

    sealed: Digest

    def __str__(self) -> str:
        """The seal as text for a table or a page; it does not contain the name."""
        return f"a sealed name ({self.sealed[:_SHOWN_BYTES].hex()})"


# Enough to distinguish the people of one house, and short enough for a line of a list.
_SHOWN_BYTES: Final = 6

Sealable: TypeAlias = PersonalText | Sealed

DoorAction: TypeAlias = Literal["unlocked", "locked", "unlatched", "none"]


class Box(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A rectangle in a picture: (x1, y1) is its upper left corner, (x2, y2) its lower right.

    `unit` says whether the numbers are pixels or fractions of the picture's width and height.
    `frame_width` and `frame_height` are the size in pixels of the picture that was looked at.
    """

    x1: Finite | None
    y1: Finite | None
    x2: Finite | None
    y2: Finite | None
    unit: Literal["pixels", "fractions"] = "pixels"
    frame_width: Count | None = None
    frame_height: Count | None = None


class Score(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A number on a source's own scale: `value` is the number, `scale` the name of the scale."""

    value: Finite
    scale: Word


def shown(name: str | Sealed) -> str:
    """A name as text: the name itself, or a description of its seal."""
    return name if isinstance(name, str) else str(name)


class DoorFact(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False, tag_field="kind"
):
    """The settings of every fact. Each repeats `frozen` and `kw_only`: they are not inherited."""


# ── facts of a visit ─────────────────────────────────────────────────────────────────────────────


class Motion(DoorFact, frozen=True, kw_only=True, tag="motion"):
    """Something moved in front of a camera.

    Args:
        camera_id: The camera that saw it, 1 to 64 characters.
        recorded_at: When the source saw it, an aware datetime.
        recording_id: The recording's id at its source; None if it is not known.
    """

    version: Literal[1] = 1
    camera_id: Word
    recorded_at: Instant
    recording_id: Text | None = None


class Ding(DoorFact, frozen=True, kw_only=True, tag="ding"):
    """Somebody rang the bell.

    Args:
        camera_id: The camera that saw it, 1 to 64 characters.
        recorded_at: When the source saw it, an aware datetime.
        recording_id: The recording's id at its source; None if it is not known.
    """

    version: Literal[1] = 1
    camera_id: Word
    recorded_at: Instant
    recording_id: Text | None = None


class Observation(DoorFact, frozen=True, kw_only=True, tag="observation"):
    """A source noticed something other than motion or a ring: a bark, a parcel, glass that broke.

    Args:
        camera_id: The camera that saw it, 1 to 64 characters.
        recorded_at: When the source saw it, an aware datetime.
        recording_id: The recording's id at its source; None if it is not known.
        label: What was noticed.
        medium: How: "sound", "image" or "by_hand".
    """

    version: Literal[1] = 1
    camera_id: Word
    recorded_at: Instant
    recording_id: Text | None = None
    label: Word
    medium: Literal["sound", "image", "by_hand"]


_DOORBELL_LABELS: Final = frozenset({"doorbell", "doorbell_press"})


def is_ring(fact: DoorFact) -> bool:
    """Whether somebody rang: a ding, or an observation with the label of a doorbell."""
    if isinstance(fact, Observation):
        return fact.label in _DOORBELL_LABELS
    return isinstance(fact, Ding)


class Detection(DoorFact, frozen=True, kw_only=True, tag="detection"):
    """A model found an object in a frame.

    Args:
        label: What was found: person, dog, package, …
        confidence: 0.0 to 1.0; None if the source gives none.
        box: Where it is in the picture; None if it is not known.
        model: The model that found it; None if it is not known.
        recorded_at: The frame's time, an aware datetime; None if it is not known.
        sub_label: A narrower label, such as delivery_person; None if it is not known.
        plate: The number plate that was read; None if it is not known.
        zones: The source's names of the areas that it was in, 16 at most; none by default.
        track: The source's id of the object, the same in every frame; None if it is not known.
    """

    version: Literal[2] = 2
    label: Word
    confidence: Confidence | None = None
    box: Box | None = None
    model: Text | None = None
    recorded_at: Instant | None = None
    sub_label: Word | None = None
    plate: Sealable | None = None
    zones: Annotated[tuple[Word, ...], Meta(max_length=16)] = ()
    track: Word | None = None


class FaceResult(DoorFact, frozen=True, kw_only=True, tag="face_result"):
    """A face was compared with the faces of known people.

    face_recognition gives a `distance` and a `tolerance`. A source with a measure of its own gives
    a `score` and a `threshold` instead.

    Args:
        name: The person, by the prefix of their file in known_faces/; None is a stranger.
        distance: face_recognition's distance, 0 or more; None if it was not measured.
        tolerance: What the distance was compared with; None if it is not known.
        confidence: 0.0 to 1.0; None takes max(0.0, 1.0 - distance) in the read tables.
        score: What the source measured, on its own scale; None if it is not known.
        box: Where the face is in the picture; None if it is not known.
        model: The model that found it; None if it is not known.
        recorded_at: When the source saw it, an aware datetime; None if it is not known.
        track: The source's id of the face, the same in every frame; None if it is not known.
        nearest: The most similar known person, where nobody was recognised; None if it is not
            known.
        threshold: What the score was compared with, on its scale; None if it is not known.
        given_by: "model", or "person" for a correction by hand; None if it is not known.
    """

    version: Literal[2] = 2
    name: Sealable | None = None
    distance: Distance | None = None
    tolerance: Distance | None = None
    confidence: Confidence | None = None
    score: Score | None = None
    box: Box | None = None
    model: Text | None = None
    recorded_at: Instant | None = None
    track: Word | None = None
    nearest: Sealable | None = None
    threshold: Finite | None = None
    given_by: Literal["model", "person"] | None = None


class ThumbnailSaved(DoorFact, frozen=True, kw_only=True, tag="thumbnail_saved"):
    """A picture of the visit was written into the thumbnails folder.

    Args:
        path: Where it is, relative: 'thumbnails/2026-02-25T10-30-00.jpg'.
        sha256: The file's SHA-256, 32 bytes; None if it is not known.
        size_bytes: The file's size in bytes; None if it is not known.
        width_px: Its width in pixels; None if it is not known.
        height_px: Its height in pixels; None if it is not known.
        recorded_at: When the source saw it, an aware datetime; None if it is not known.
    """

    version: Literal[1] = 1
    path: Text
    sha256: Digest | None = None
    size_bytes: Count | None = None
    width_px: Count | None = None
    height_px: Count | None = None
    recorded_at: Instant | None = None


class PictureRemoved(DoorFact, frozen=True, kw_only=True, tag="picture_removed"):
    """A picture was deleted.

    Args:
        path: The picture's path, as in its `thumbnail_saved`.
        sha256: The file's SHA-256, 32 bytes; None if it is not known.
        size_bytes: The file's size in bytes; None if it is not known.
        reason: "forgotten", "age", "bytes" (to make room) or "asked".
    """

    version: Literal[1] = 1
    path: Text
    sha256: Digest | None = None
    size_bytes: Count | None = None
    reason: Literal["forgotten", "age", "bytes", "asked"]


class VisitEnded(DoorFact, frozen=True, kw_only=True, tag="visit_ended"):
    """The source closed the visit.

    Args:
        ended_at: When, an aware datetime.
        reason: "quiet", "longest", "source", "source_silent" or "stopped".
        answered: Whether somebody answered the ring; None if it is not known.
        frames: How many frames the visit had; None if it is not known.
        looked: How many of them were looked at; None if it is not known.
        skipped: How many of them were skipped; None if it is not known.
        why_skipped: Why, in one word; None if it is not known.
    """

    version: Literal[1] = 1
    ended_at: Instant
    reason: Literal["quiet", "longest", "source", "source_silent", "stopped"]
    answered: bool | None = None
    frames: Count | None = None
    looked: Count | None = None
    skipped: Count | None = None
    why_skipped: Word | None = None


# ── facts about doors, locks and devices ─────────────────────────────────────────────────────────


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


# ── facts about people ───────────────────────────────────────────────────────────────────────────


class FaceEnrolled(DoorFact, frozen=True, kw_only=True, tag="face_enrolled"):
    """A picture of a person's face was added to a model, or removed from it.

    Args:
        person: Whose face it is.
        picture_sha256: The picture's SHA-256, 32 bytes; None if it is not known.
        model: The model.
        removed: True if it was removed; False by default.
    """

    version: Literal[1] = 1
    person: Sealable
    picture_sha256: Digest | None = None
    model: Text
    removed: bool = False


class PersonNamed(DoorFact, frozen=True, kw_only=True, tag="person_named"):
    """A person got a name to show, or lost it.

    Args:
        name: The prefix of the person's file in known_faces/.
        display_name: The name to show; None removes it.
    """

    version: Literal[2] = 2
    name: Sealable
    display_name: Sealable | None = None


class IdentityLinked(DoorFact, frozen=True, kw_only=True, tag="identity_linked"):
    """A person is the one that a source calls `identity`, or the same person as `same_as`.

    Exactly one of the two is given. The latest fact about a pair counts.

    Args:
        person: The person.
        linked: False undoes the link; True by default.
        source: The source of the identity; None if `same_as` is given.
        identity: What the source calls the person; None if `same_as` is given.
        same_as: Another name of the same person; None if `identity` is given.
    """

    version: Literal[1] = 1
    person: Sealable
    linked: bool = True
    source: Word | None = None
    identity: Sealable | None = None
    same_as: Sealable | None = None


class PersonErased(DoorFact, frozen=True, kw_only=True, tag="person_erased"):
    """The texts behind these seals were erased on purpose.

    Args:
        sealed: The seals, 32 bytes each.
        reason: "asked", "consent_withdrawn", "retention" or "mistake".
        requested_at: When it was asked for, an aware datetime.
    """

    version: Literal[1] = 1
    sealed: Annotated[tuple[Digest, ...], Meta(min_length=1, max_length=64)]
    reason: Literal["asked", "consent_withdrawn", "retention", "mistake"]
    requested_at: Instant


def contradiction(fact: DoorFact) -> tuple[str, str] | None:
    """The field at fault and the reason, if the fields of a fact contradict each other."""
    if isinstance(fact, IdentityLinked):
        if (fact.source is None) != (fact.identity is None):
            missing = "source" if fact.source is None else "identity"
            return missing, "is missing: an identity needs its source"
        if (fact.identity is None) == (fact.same_as is None):
            return "same_as", "or identity must be given, and not both"
    return None


# ── facts about the recorder itself ──────────────────────────────────────────────────────────────


class UncleanStop(DoorFact, frozen=True, kw_only=True, tag="unclean_stop"):
    """The recorder found at its start that it had not been closed.

    Where the head file is ahead of the journal, the records between the two are lost.

    Args:
        journal_position: The journal's last position at that start.
        head_position: The last position by the head file; None if both agree.
        head_hash: The hash in the head file, 32 bytes; None if both agree.
    """

    version: Literal[1] = 1
    journal_position: Count
    head_position: Count | None = None
    head_hash: Digest | None = None


# The reason of a source's first start: what it brings before `source_back` is history, no gap.
FIRST_START: Final = "first_start"


class SourceSilent(DoorFact, frozen=True, kw_only=True, tag="source_silent"):
    """Nothing comes from a source any more.

    Args:
        source: The source.
        since: When it was last heard, an aware datetime.
        reason: Why, in one word.
    """

    version: Literal[1] = 1
    source: Word
    since: Instant
    reason: Word


class SourceBack(DoorFact, frozen=True, kw_only=True, tag="source_back"):
    """A source that was silent is heard again.

    Args:
        source: The source.
        until: When it was heard again, an aware datetime.
        reconciled: How many facts were taken from its history; None if it is not known.
        late: How many facts came late; None if it is not known.
    """

    version: Literal[1] = 1
    source: Word
    until: Instant
    reconciled: Count | None = None
    late: Count | None = None


class PartStopped(DoorFact, frozen=True, kw_only=True, tag="part_stopped"):
    """A part of the program stopped with an error.

    Args:
        part: The part of the program.
        error: A class and a code, never text from outside.
        restarts: How often the part was started again.
    """

    version: Literal[1] = 1
    part: Word
    error: Text
    restarts: Count


class PartBack(DoorFact, frozen=True, kw_only=True, tag="part_back"):
    """A part of the program that had stopped has run for a while again.

    Args:
        part: The part of the program.
        restarts: How often the part was started again.
    """

    version: Literal[1] = 1
    part: Word
    restarts: Count


class RuleArmed(DoorFact, frozen=True, kw_only=True, tag="rule_armed"):
    """A rule came into force.

    Args:
        rule: The rule's name.
        text: The rule's parsed form, with the people in it as p0, p1, …
        people: Those people, in that order, 64 at most; none by default.
        digest: The SHA-256 of `text`, 32 bytes.
    """

    version: Literal[1] = 1
    rule: Word
    text: LongText
    people: Annotated[tuple[Sealable, ...], Meta(max_length=64)] = ()
    digest: Digest


class AlertIntended(DoorFact, frozen=True, kw_only=True, tag="alert_intended"):
    """An alert is about to be sent.

    Args:
        rule: The rule's name.
        channel: The channel that carries it: telegram, …
        revision: 0 is the alert itself, 1 and more are its updates.
        covers: The positions of the records that it is about, 64 at most; none by default.
    """

    version: Literal[1] = 1
    rule: Word
    channel: Word
    revision: Count
    covers: Annotated[tuple[Count, ...], Meta(max_length=64)] = ()


class AlertSent(DoorFact, frozen=True, kw_only=True, tag="alert_sent"):
    """The outcome of an alert.

    Args:
        channel: The channel that carried it: telegram, …; None if it is not known.
        recorded_at: When, an aware datetime; None if it is not known.
        rule: The rule's name; None if it is not known.
        revision: 0 is the alert itself, 1 and more its updates; None if it is not known.
        outcome: "sent", "refused", "gave_up" or "unknown"; None means that it was sent.
        tries: How often it was tried; None if it is not known.
        message_id: The channel's id of the message; None if it is not known.
        intended: The position of its `alert_intended`; None if it is not known.
    """

    version: Literal[2] = 2
    channel: Word | None = None
    recorded_at: Instant | None = None
    rule: Word | None = None
    revision: Count | None = None
    outcome: Literal["sent", "refused", "gave_up", "unknown"] | None = None
    tries: Count | None = None
    message_id: Text | None = None
    intended: Count | None = None


# ── facts about signed heads ─────────────────────────────────────────────────────────────────────


class SigningKey(DoorFact, frozen=True, kw_only=True, tag="signing_key"):
    """A key that signs heads came into use, or out of use.

    Args:
        vkey: The verifier key, as text.
        retired: True if the key is no longer used; False by default.
    """

    version: Literal[1] = 1
    vkey: LongText
    retired: bool = False


class EraBegun(DoorFact, frozen=True, kw_only=True, tag="era_begun"):
    """The log lost records or its key, as its owner knows, and goes on under a new era.

    Args:
        era: The new era's number.
        reason: "restored", "lost" or "key_lost".
        previous_size: How many records the last era's last head covers; None if it is not known.
        previous_root: That head's Merkle root, 32 bytes; None if it is not known.
    """

    version: Literal[1] = 1
    era: Count
    reason: Literal["restored", "lost", "key_lost"]
    previous_size: Count | None = None
    previous_root: Digest | None = None


class HeadWitnessed(DoorFact, frozen=True, kw_only=True, tag="head_witnessed"):
    """A witness cosigned a head of this log.

    Args:
        size: How many records the head covers.
        root: The head's Merkle root, 32 bytes.
        witness: The witness's name.
        time: When, an aware datetime.
    """

    version: Literal[1] = 1
    size: Count
    root: Digest
    witness: Text
    time: Instant


class HeadSeen(DoorFact, frozen=True, kw_only=True, tag="head_seen"):
    """A head of another log was seen by this one, as its witness.

    Args:
        name: The other log's name.
        size: How many records the head covers.
        root: The head's Merkle root, 32 bytes.
        key_id: The id of the key that signed it, 4 bytes.
    """

    version: Literal[1] = 1
    name: Text
    size: Count
    root: Digest
    key_id: KeyId


# ── all of them ──────────────────────────────────────────────────────────────────────────────────

Opener: TypeAlias = Motion | Ding | Observation
Fact: TypeAlias = (
    Motion
    | Ding
    | Observation
    | Detection
    | FaceResult
    | UnlockAction
    | ThumbnailSaved
    | VisitEnded
    | AlertIntended
    | AlertSent
    | ActuatorOutcome
    | CredentialPresented
    | PictureRemoved
    | FaceEnrolled
    | LockState
    | DoorState
    | DeviceState
    | PersonNamed
    | IdentityLinked
    | PersonErased
    | UncleanStop
    | SourceSilent
    | SourceBack
    | PartStopped
    | PartBack
    | RuleArmed
    | SigningKey
    | EraBegun
    | HeadWitnessed
    | HeadSeen
)

FACT_TYPES: Final[tuple[type[Struct], ...]] = get_args(Fact)
OPENER_TYPES: Final = (Motion, Ding, Observation)
# What opens an event, and what may be recorded without one.
OPENERS: Final = frozenset({"motion", "ding", "observation"})
STANDALONE: Final = frozenset(
    {
        *("alert_intended", "alert_sent", "unlock_action", "actuator_outcome"),
        *("credential_presented", "picture_removed", "face_enrolled"),
        *("lock_state", "door_state", "device_state"),
        *("person_named", "identity_linked", "person_erased"),
        *("unclean_stop", "source_silent", "source_back", "part_stopped", "part_back"),
        *("rule_armed", "signing_key", "era_begun", "head_witnessed", "head_seen"),
    }
)
# The fields that hold personal text, by kind; in `rule_armed.people`, each element does.
SEALABLE: Final[dict[str, tuple[str, ...]]] = {
    "detection": ("plate",),
    "face_result": ("name", "nearest"),
    "unlock_action": ("person", "user_ref"),
    "credential_presented": ("user_ref", "person"),
    "face_enrolled": ("person",),
    "person_named": ("name", "display_name"),
    "identity_linked": ("person", "identity", "same_as"),
    "rule_armed": ("people",),
}
# The fields that say when it happened; a fact has at most one of them.
_TIMES: Final = ("recorded_at", "ended_at", "since", "until", "time", "requested_at")


def kind_of(fact_type: type[Struct]) -> str:
    """The kind of a type of fact, as the journal names it."""
    tag: Any = fact_type.__struct_config__.tag
    return str(tag)


def version_of(fact_type: type[Struct]) -> int:
    """The version that facts of this type are written in."""
    return next(int(f.default) for f in fields(fact_type) if f.name == "version")


def happened_at(fact: Fact) -> datetime | None:
    """When it happened, as the fact says; None if it does not say."""
    for name in _TIMES:
        if name in fact.__struct_fields__:
            moment: datetime | None = getattr(fact, name)
            return moment
    return None


# ── their personal texts, and the seals in the place of them ─────────────────────────────────────

_SEALABLE: Final = {t: SEALABLE[kind_of(t)] for t in FACT_TYPES if kind_of(t) in SEALABLE}


def require_text(fact: Fact) -> None:
    """Raise BadFact if a field holds a seal: callers give names as text."""
    if field := sealed_field(fact):
        kind = kind_of(type(fact))
        raise BadFact(kind, field, "is a seal; give the name as text, and this program seals it")


def sealed_field(fact: Fact) -> str | None:
    """The first field that holds a seal instead of text; None if no field does."""
    for name in _SEALABLE.get(type(fact), ()):
        value = getattr(fact, name)
        if type(value) is Sealed:
            return name
        if type(value) is tuple and any(type(one) is Sealed for one in value):
            return name
    return None


def personal_fields(fact: Fact) -> list[tuple[str, str | Sealed]]:
    """The fields of a fact that hold a personal text or its seal, each with its value.

    The elements of a list have a field each: `people.0`, `people.1`, …
    """
    found: list[tuple[str, str | Sealed]] = []
    for name in _SEALABLE.get(type(fact), ()):
        value = getattr(fact, name)
        if type(value) is tuple:
            found += [(f"{name}.{index}", one) for index, one in enumerate(value)]
        elif value is not None:
            found.append((name, value))
    return found


def seals_in(fact: Fact) -> list[tuple[str, bytes]]:
    """The fields of a fact that hold a seal, named as in `personal_fields`, each with its seal."""
    found: list[tuple[str, bytes]] = []
    for name in _SEALABLE.get(type(fact), ()):
        value = getattr(fact, name)
        if type(value) is Sealed:
            found.append((name, value.sealed))
        elif type(value) is tuple:
            for index, one in enumerate(value):
                if type(one) is Sealed:
                    found.append((f"{name}.{index}", one.sealed))
    return found


def with_personal(fact: Fact, values: Mapping[str, str | Sealed]) -> Fact:
    """A fact with other values in fields that `personal_fields` names."""
    changed: dict[str, Any] = {}
    for path, value in values.items():
        name, _, index = path.partition(".")
        if index:
            elements = [*changed.get(name, getattr(fact, name))]
            elements[int(index)] = value
            changed[name] = tuple(elements)
        else:
            changed[name] = value
    return replace(fact, **changed)
