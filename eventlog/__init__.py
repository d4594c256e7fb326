"""eventlog: the record that a video doorbell and smart lock keeps of everything at a door."""

from eventlog.errors import (
    BadArgument,
    BadFact,
    BadKey,
    BadPayload,
    BadRecord,
    CallerError,
    DatabaseError,
    EventLogError,
    KeyConflict,
    OtherHistory,
    PastHead,
    UnknownEvent,
)
from eventlog.facts import (
    AlertSent,
    Box,
    Detection,
    Ding,
    FaceResult,
    Fact,
    Motion,
    PersonNamed,
    Score,
    ThumbnailSaved,
    UncleanStop,
    UnlockAction,
)
from eventlog.journal.append import Durability
from eventlog.projections.event_list import EventFilter
from eventlog.record import Author, Receipt, Record
from eventlog.store.event_store import EventStore
from eventlog.store.reader import Reader

__all__ = [
    "AlertSent",
    "Author",
    "BadArgument",
    "BadFact",
    "BadKey",
    "BadPayload",
    "BadRecord",
    "Box",
    "CallerError",
    "DatabaseError",
    "Detection",
    "Ding",
    "Durability",
    "EventFilter",
    "EventLogError",
    "EventStore",
    "FaceResult",
    "Fact",
    "KeyConflict",
    "Motion",
    "OtherHistory",
    "PastHead",
    "PersonNamed",
    "Reader",
    "Receipt",
    "Record",
    "Score",
    "ThumbnailSaved",
    "UncleanStop",
    "UnknownEvent",
    "UnlockAction",
]
