"""The log of everything that a video doorbell and smart lock observe and do at a door.

Four nouns. A *fact* is what happened: a ring, a face, an unlock. A *record* is a fact with its
place in the journal; records are only added, never changed. An *event* is one visit, opened by a
motion, a ding or an observation; every other fact of the visit names its event. A *view* is a read
table that is computed from the journal, and can be rebuilt from it.

    async with EventStore("events.db", "thumbnails") as store:
        rang = Ding(camera_id="front_door", recorded_at=datetime.now(UTC))
        visit = await store.append(rang, key="ring:1")
        await store.append(
            FaceResult(name="ada", distance=0.38),
            UnlockAction(granted=True, door_action="unlocked", person="ada"),
            event_id=visit.event_id,
            key="ring:1:unlock",
        )
        print(await store.get_event(visit.event_id))

Every error is an EventLogError; its group says who has to act.

- CallerError: the calling program. BadFact, BadAppend, BadKey, BadArgument (and, for cursors,
  OtherHistory and PastHead), UnknownEvent, KeyConflict, StoreClosed, OpenedElsewhere.
- BadPayload: the sender of a foreign message. Count it, and continue with the next one.
- BadRecord: the owner of the log. UnknownKind was written by a newer program; BadBody is damage,
  which `eventlog verify` describes.
- DatabaseError: the owner of the disk. DatabaseMissing, MissingFolder, NotADatabase,
  ForeignDatabase, NewerDatabase, ReadOnly, DiskFull, DiskFailure, Guarded, UnsafeFile,
  JournalHole. After LockTimeout and ReplayRunning, try again.
"""

from eventlog.errors import (
    BadAppend,
    BadArgument,
    BadBody,
    BadFact,
    BadKey,
    BadPayload,
    BadRecord,
    CallerError,
    DatabaseError,
    DatabaseMissing,
    DiskFailure,
    DiskFull,
    EventLogError,
    ForeignDatabase,
    Guarded,
    JournalHole,
    KeyConflict,
    KeysMissing,
    LockTimeout,
    MissingFolder,
    NewerDatabase,
    NotADatabase,
    OpenedElsewhere,
    OtherHistory,
    PastHead,
    ReadOnly,
    ReplayRunning,
    StoreClosed,
    UnknownEvent,
    UnknownKind,
    UnsafeFile,
)
from eventlog.facts import (
    ActuatorOutcome,
    AlertIntended,
    AlertSent,
    Box,
    CredentialPresented,
    Detection,
    DeviceState,
    Ding,
    DoorState,
    EraBegun,
    FaceEnrolled,
    FaceResult,
    Fact,
    HeadSeen,
    HeadWitnessed,
    IdentityLinked,
    LockState,
    Motion,
    Observation,
    PartBack,
    PartStopped,
    PersonErased,
    PersonNamed,
    PictureRemoved,
    RuleArmed,
    Score,
    Sealed,
    SigningKey,
    SourceBack,
    SourceSilent,
    ThumbnailSaved,
    UncleanStop,
    UnlockAction,
    VisitEnded,
)
from eventlog.followers.checkpoints import Checkpoint
from eventlog.followers.cursor import Cursor, CursorLike
from eventlog.followers.replay import Replayed
from eventlog.journal.append import Durability
from eventlog.journal.clock import Machine
from eventlog.projections.event_list import EventFilter
from eventlog.projections.outcomes import Outcome
from eventlog.projections.unlock_actions import UnlockFilter
from eventlog.record import Author, EventId, Position, Receipt, Record, StoredRecord
from eventlog.store.event_store import EventStore
from eventlog.store.reader import Reader

__all__ = [
    "ActuatorOutcome",
    "AlertIntended",
    "AlertSent",
    "Author",
    "BadAppend",
    "BadArgument",
    "BadBody",
    "BadFact",
    "BadKey",
    "BadPayload",
    "BadRecord",
    "Box",
    "CallerError",
    "Checkpoint",
    "CredentialPresented",
    "Cursor",
    "CursorLike",
    "DatabaseError",
    "DatabaseMissing",
    "Detection",
    "DeviceState",
    "Ding",
    "DiskFailure",
    "DiskFull",
    "DoorState",
    "Durability",
    "EraBegun",
    "EventFilter",
    "EventId",
    "EventLogError",
    "EventStore",
    "FaceEnrolled",
    "FaceResult",
    "Fact",
    "ForeignDatabase",
    "Guarded",
    "HeadSeen",
    "HeadWitnessed",
    "IdentityLinked",
    "JournalHole",
    "KeyConflict",
    "KeysMissing",
    "LockState",
    "LockTimeout",
    "Machine",
    "MissingFolder",
    "Motion",
    "NewerDatabase",
    "NotADatabase",
    "Observation",
    "OpenedElsewhere",
    "OtherHistory",
    "Outcome",
    "PartBack",
    "PartStopped",
    "PastHead",
    "PersonErased",
    "PersonNamed",
    "PictureRemoved",
    "Position",
    "ReadOnly",
    "Reader",
    "Receipt",
    "Record",
    "ReplayRunning",
    "Replayed",
    "RuleArmed",
    "Score",
    "Sealed",
    "SigningKey",
    "SourceBack",
    "SourceSilent",
    "StoreClosed",
    "StoredRecord",
    "ThumbnailSaved",
    "UncleanStop",
    "UnknownEvent",
    "UnknownKind",
    "UnlockAction",
    "UnlockFilter",
    "UnsafeFile",
    "VisitEnded",
]
