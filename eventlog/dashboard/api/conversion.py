"""Converts rows of the read tables to the response types of the API. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from eventlog.dashboard.api.responses import (
    Event,
    Face,
    Person,
    Receipt,
    Seen,
    StoryLine,
    Unlock,
    WholeEvent,
)
from eventlog.dashboard.local_time import with_offset
from eventlog.projections.story import Story
from eventlog.record import Receipt as StoredReceipt


def event(row: Mapping[str, Any]) -> Event:
    """An event from its row, with its detections."""
    recognised = row["face_recognised"]
    columns = _only(row, Event, without={"id", "picture", "detections", "created_at"})
    columns |= {
        "recorded_at": with_offset(row["recorded_at"]),
        "face_recognised": None if recognised is None else bool(recognised),
        "unlock_granted": bool(row["unlock_granted"]),
        "opened": bool(row["opened"]),
        "refused": bool(row["refused"]),
        "listed_at": with_offset(row["listed_at"]),
        "ended_at": _time(row["ended_at"]),
        "answered": None if row["answered"] is None else bool(row["answered"]),
        "alert_sent": bool(row["alert_sent"]),
    }
    return Event(
        id=str(row["id"]),
        picture=None if row["thumbnail_path"] is None else f"/api/events/{row['id']}/picture",
        created_at=with_offset(row["created_at"]),
        detections=[_detection(detection) for detection in row["detections"]],
        **columns,
    )


def whole_event(
    row: Mapping[str, Any],
    faces: Sequence[Mapping[str, Any]],
    unlocks: Sequence[Mapping[str, Any]],
    told: Story,
) -> WholeEvent:
    """An event with all that is known of it."""
    lines = [
        StoryLine(
            position=str(line.position),
            kind=line.kind,
            at=line.at.isoformat().replace("+00:00", "Z"),
            text=line.text,
        )
        for line in told.lines
    ]
    return WholeEvent(
        event=event(row),
        faces=[_face(face) for face in faces],
        unlocks=[unlock(action) for action in unlocks],
        sentence=told.sentence,
        story=lines,
    )


def unlock(row: Mapping[str, Any]) -> Unlock:
    """An unlock action from its row."""
    columns = _only(row, Unlock, without={"id", "event_id"})
    columns |= {
        "granted": bool(row["granted"]),
        "dry_run": bool(row["dry_run"]),
        "recorded_at": _time(row["recorded_at"]),
        "listed_at": with_offset(row["listed_at"]),
        "appended_at": with_offset(row["appended_at"]),
    }
    event_id = row["event_id"]
    return Unlock(
        id=str(row["id"]), event_id=None if event_id is None else str(event_id), **columns
    )


def person(row: Mapping[str, Any]) -> Person:
    """A person from its row."""
    return Person(
        id=str(row["id"]),
        name=row["name"],
        display_name=row["display_name"],
        created_at=with_offset(row["created_at"]),
    )


def receipt(stored: StoredReceipt) -> Receipt:
    """A receipt."""
    event_id = stored.event_id
    return Receipt(
        [str(position) for position in stored.positions],
        None if event_id is None else str(event_id),
    )


def _detection(row: Mapping[str, Any]) -> Seen:
    columns = _only(row, Seen, without={"id"})
    columns |= {
        "recorded_at": _time(row["recorded_at"]),
        "confidence": row["confidence"] if row["scored"] else None,
        "zones": json.loads(row["zones"]),
    }
    return Seen(id=str(row["id"]), **columns)


def _face(row: Mapping[str, Any]) -> Face:
    columns = _only(row, Face, without={"id"})
    columns["recorded_at"] = _time(row["recorded_at"])
    return Face(id=str(row["id"]), **columns)


def _only(row: Mapping[str, Any], shape: type[Struct], *, without: set[str]) -> dict[str, Any]:
    return {name: row[name] for name in shape.__struct_fields__ if name not in without}


def _time(text: str | None) -> str | None:
    return None if text is None else with_offset(text)
