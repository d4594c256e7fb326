"""eventlog: the record that a video doorbell and smart lock keeps of everything at a door."""

from eventlog.appends import Durability
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
from eventlog.queries import EventFilter
from eventlog.reader import Reader
from eventlog.record import Receipt, Record
from eventlog.store import EventStore

__all__ = [
    "AlertSent",
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
