"""The peer: `eventsourcing` from PyPI on the same work, by its SQLite application recorder.

An event's facts are stored as its recorder stores events: the id of an aggregate, a version, a
topic and the state's bytes, which are the same as ours. It has one thread to itself, as a caller
on an event loop would give it; its pool of connections in several threads was slower.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteDatastore

from eventlog import codecs
from eventlog.facts import Fact

PAGE: Final = 1_000


class Peer:
    """Its recorder over a file of its own."""

    def __init__(self, path: Path) -> None:
        self._datastore = SQLiteDatastore(str(path))
        self.recorder = SQLiteApplicationRecorder(self._datastore)
        self.recorder.create_table()

    def append(self, events: Sequence[StoredEvent]) -> None:
        """Insert and commit."""
        self.recorder.insert_events(events)

    def read_and_decode(self) -> int:
        """Every event from the first one on, decoded as ours are; how many."""
        count = 0
        start: int | None = 1
        while start is not None:
            page = self.recorder.select_notifications(start, PAGE)
            for one in page:
                kind, _, version = one.topic.partition(":")
                codecs.decode(kind, int(version), one.state)
            count += len(page)
            start = page[-1].id + 1 if len(page) == PAGE else None
        return count

    def close(self) -> None:
        """Close its connections."""
        self._datastore.close()


def stored(number: int, facts: Sequence[Fact]) -> list[StoredEvent]:
    """An event's facts as the peer keeps them."""
    return list(_stored(number, facts))


def _stored(number: int, facts: Sequence[Fact]) -> Iterator[StoredEvent]:
    aggregate = UUID(int=number + 1)
    for index, fact in enumerate(facts):
        kind, version, body = codecs.encode(fact)
        yield StoredEvent(aggregate, index + 1, f"{kind}:{version}", body)
