"""One record of the journal as JSON, for the commands that show records. Knows no command."""

from __future__ import annotations

from typing import Any

from eventlog import codecs
from eventlog.projections import story
from eventlog.record import Record


def record_as_json(record: Record | story.Unread) -> dict[str, Any]:
    """A record with its fact, or with what keeps it from being read."""
    envelope: dict[str, Any] = {
        "position": record.position,
        "event_id": record.event_id,
        "appended_at_us": record.appended_at_us,
    }
    if isinstance(record, Record):
        return {**envelope, "key": record.key, "fact": codecs.to_builtins(record.fact)}
    return {**envelope, "kind": record.kind, "error": record.reason}
