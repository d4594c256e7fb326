"""What can happen at the door: frozen values, one type for each kind of fact.

A fact says what happened and when its source saw it. It knows nothing of journals, positions or
events. None means not known. Building a fact checks nothing: `codecs.encode` does, before the
fact enters the journal.

Units: confidences are 0.0 to 1.0; distances are face_recognition's euclidean distance, 0 or
more; times are aware datetimes, stored as UTC in microseconds.

A change to a field here needs a new `version` of that kind, an upcaster and a golden file.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, TypeAlias, get_args

from msgspec import Struct
from msgspec.structs import fields

from eventlog.facts.doors import (
    ActuatorOutcome,
    CredentialPresented,
    DeviceState,
    DoorState,
    LockState,
    UnlockAction,
)
from eventlog.facts.people import FaceEnrolled, IdentityLinked, PersonErased, PersonNamed
from eventlog.facts.recorder import (
    AlertIntended,
    AlertSent,
    PartBack,
    PartStopped,
    RuleArmed,
    SourceBack,
    SourceSilent,
    UncleanStop,
)
from eventlog.facts.signed_heads import EraBegun, HeadSeen, HeadWitnessed, SigningKey
from eventlog.facts.values import (
    LARGEST,
    Box,
    Confidence,
    Count,
    Digest,
    Distance,
    DoorAction,
    DoorFact,
    Finite,
    Instant,
    KeyId,
    LongText,
    PersonalText,
    Score,
    Sealable,
    Sealed,
    Text,
    Word,
    shown,
)
from eventlog.facts.visits import (
    Detection,
    Ding,
    FaceResult,
    Motion,
    Observation,
    PictureRemoved,
    ThumbnailSaved,
    VisitEnded,
)

__all__ = (
    "FACT_TYPES",
    "LARGEST",
    "OPENERS",
    "OPENER_TYPES",
    "SEALABLE",
    "STANDALONE",
    "ActuatorOutcome",
    "AlertIntended",
    "AlertSent",
    "Box",
    "Confidence",
    "Count",
    "CredentialPresented",
    "Detection",
    "DeviceState",
    "Digest",
    "Ding",
    "Distance",
    "DoorAction",
    "DoorFact",
    "DoorState",
    "EraBegun",
    "FaceEnrolled",
    "FaceResult",
    "Fact",
    "Finite",
    "HeadSeen",
    "HeadWitnessed",
    "IdentityLinked",
    "Instant",
    "KeyId",
    "LockState",
    "LongText",
    "Motion",
    "Observation",
    "Opener",
    "PartBack",
    "PartStopped",
    "PersonErased",
    "PersonNamed",
    "PersonalText",
    "PictureRemoved",
    "RuleArmed",
    "Score",
    "Sealable",
    "Sealed",
    "SigningKey",
    "SourceBack",
    "SourceSilent",
    "Text",
    "ThumbnailSaved",
    "UncleanStop",
    "UnlockAction",
    "VisitEnded",
    "Word",
    "happened_at",
    "kind_of",
    "shown",
    "version_of",
)

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
