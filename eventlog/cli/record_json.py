"""One record of the journal as JSON, for the commands that show records."""

from __future__ import annotations

from typing import Any

from eventlog import codecs
from eventlog.projections import story
from eventlog.record import Record


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
