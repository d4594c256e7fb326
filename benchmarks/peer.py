"""The peer: `eventsourcing` from PyPI on the same work, by its SQLite application recorder.

Each fact is one of its domain events, of an aggregate that is the visit. Bytes go in ready-made
by our codec, topic and all; what is read back for comparison was written by its own mapper, and
is decoded by it. The recorder has one thread to itself, as a caller on an event loop would give
it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from eventsourcing.domain import DomainEvent
from eventsourcing.persistence import (
    DatetimeAsISO,
    JSONTranscoder,
    Mapper,
    StoredEvent,
    UUIDAsHex,
)
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteDatastore

from eventlog import codecs
from eventlog.facts import Fact

PAGE: Final = 1_000


class Happened(DomainEvent):
    """A fact as one of its domain events: the fact's fields, as its transcoder takes them."""

    fields: dict[str, Any]


class Peer:
    """Its recorder over a file of its own, and the mapper that its applications use."""

    def __init__(self, path: Path) -> None:
        self._datastore = SQLiteDatastore(str(path))
        self.recorder = SQLiteApplicationRecorder(self._datastore)
        self.recorder.create_table()
        transcoder = JSONTranscoder()
        transcoder.register(UUIDAsHex())
        transcoder.register(DatetimeAsISO())
        self._mapper: Mapper[UUID] = Mapper(transcoder)

    def append(self, events: Sequence[StoredEvent]) -> None:
        """Insert and commit."""
        self.recorder.insert_events(events)

    def mapped(self, number: int, facts: Sequence[Fact]) -> list[StoredEvent]:
        """An event's facts as its own mapper stores them."""
        aggregate = UUID(int=number + 1)
        return [
            self._mapper.to_stored_event(
                Happened(  # type: ignore[call-arg]  # its metaclass makes the constructor
                    originator_id=aggregate,
                    originator_version=index + 1,
                    timestamp=Happened.create_timestamp(),
                    fields=codecs.to_builtins(fact),
                )
            )
            for index, fact in enumerate(facts)
        ]

    def read_and_decode(self) -> int:
        """Every event from the first one on, as its mapper decodes them; how many."""
        count = 0
        start: int | None = 1
        while start is not None:
            page = self.recorder.select_notifications(start, PAGE)
            for one in page:
                self._mapper.to_domain_event(one)
            count += len(page)
            start = page[-1].id + 1 if len(page) == PAGE else None
        return count

    def close(self) -> None:
        """Close its connections."""
        self._datastore.close()


def stored(number: int, facts: Sequence[Fact]) -> list[StoredEvent]:
    """An event's facts as its recorder takes them, with our bytes."""
    return list(_stored(number, facts))


def _stored(number: int, facts: Sequence[Fact]) -> Iterator[StoredEvent]:
    aggregate = UUID(int=number + 1)
    for index, fact in enumerate(facts):
        kind, version, body = codecs.encode(fact)
        yield StoredEvent(aggregate, index + 1, f"{kind}:{version}", body)
