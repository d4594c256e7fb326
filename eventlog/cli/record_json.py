"""One record of the journal as JSON, for the commands that show records."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

from eventlog import codecs
from eventlog.followers.opening import Opening
from eventlog.projections import story
from eventlog.record import Record, StoredRecord


def opened_rows(
    stored: Iterable[StoredRecord], names: Opening, connection: sqlite3.Connection
) -> list[Record | story.Unread]:
    """Rows as records, with their names opened as far as the keys do."""
    names.refresh(connection)
    read = map(story.read, stored)
    return [names.open(record) if isinstance(record, Record) else record for record in read]


def record_as_json(record: Record | story.Unread, cursor: str) -> dict[str, Any]:
    """A record with its fact, or with the reason why it can't be read, and where to go on."""
    envelope: dict[str, Any] = {
        "position": record.position,
        "cursor": cursor,
        "event_id": record.event_id,
        "appended_at_us": record.appended_at_us,
    }
    if isinstance(record, Record):
        return {**envelope, "key": record.key, "fact": codecs.to_builtins(record.fact)}
    return {**envelope, "kind": record.kind, "error": record.reason}
