"""What an alert can say of its event: the camera, the time, the person and the picture.

Keeps the newest events. Knows no rule and no alert.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from msgspec import Struct

from eventlog.facts import Ding, FaceResult, Motion, Observation, ThumbnailSaved, shown
from eventlog.record import Record

VISITS_KEPT: Final = 2000


class Visit(Struct):
    """What is known of an event."""

    camera: str
    at: datetime
    person: str | None = None
    picture: str | None = None


class Visits(dict[int, Visit]):
    """The newest events, by their id."""

    def remember(self, record: Record) -> None:
        """Take what a record says of its event."""
        event_id = record.event_id
        if event_id is None:
            return
        match record.fact:
            case Motion() | Ding() | Observation() as opener:
                self[event_id] = Visit(opener.camera_id, opener.recorded_at)
                while len(self) > VISITS_KEPT:
                    del self[next(iter(self))]
            case FaceResult(name=name) if name is not None and event_id in self:
                self[event_id].person = shown(name)
            case ThumbnailSaved(path=path) if event_id in self:
                self[event_id].picture = path
            case _:
                return

    def recall(self, records: Iterable[Record]) -> None:
        """Take the earlier records of an event that this process has not read."""
        for record in records:
            self.remember(record)

    def of(self, record: Record) -> Visit | None:
        """The event of a record; None if it has none, or one that is not known."""
        return None if record.event_id is None else self.get(record.event_id)

    def happened_at(self, record: Record) -> datetime:
        """When it happened: its own time, else its event's, else when the journal got it."""
        own = getattr(record.fact, "recorded_at", None)
        if isinstance(own, datetime):
            return own
        visit = self.of(record)
        return record.appended_at if visit is None else visit.at
