"""Plain stores for the tests: the contract's tables as an older pipeline made them, and their rows.

Knows sqlite3 and the contract, how a log is made of a file, and how its journal is read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eventlog import Detection, codecs
from eventlog.journal import table as journal
from eventlog.record import Record
from eventlog.store import opening

# Typed from the contract.
CONTRACT = """
CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    camera_id TEXT NOT NULL DEFAULT 'front_door',
    recorded_at TEXT NOT NULL,
    event_type TEXT NOT NULL DEFAULT 'motion',
    recording_id TEXT,
    person_name TEXT,
    face_confidence REAL,
    face_distance REAL,
    unlock_granted INTEGER NOT NULL DEFAULT 0,
    door_action TEXT DEFAULT 'none',
    thumbnail_path TEXT,
    alert_sent INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL DEFAULT (datetime('now'))
);
CREATE TABLE detections (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id INTEGER NOT NULL REFERENCES events(id) ON DELETE CASCADE,
    label TEXT NOT NULL,
    confidence REAL NOT NULL,
    bbox_x1 REAL, bbox_y1 REAL, bbox_x2 REAL, bbox_y2 REAL
);
CREATE TABLE persons (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    display_name TEXT,
    created_at TEXT NOT NULL DEFAULT (datetime('now'))
);
CREATE INDEX idx_events_recorded_at ON events(recorded_at DESC);
CREATE INDEX idx_events_camera_id ON events(camera_id);
CREATE INDEX idx_events_person_name ON events(person_name);
CREATE INDEX idx_detections_event_id ON detections(event_id);
CREATE INDEX idx_detections_label ON detections(label);
"""

EVENT_COLUMNS = (
    *("id", "camera_id", "recorded_at", "event_type", "recording_id", "person_name"),
    *("face_confidence", "face_distance", "unlock_granted", "door_action", "thumbnail_path"),
    *("alert_sent", "created_at"),
)
CORNERS = ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2")
DETECTION_COLUMNS = ("id", "event_id", "label", "confidence", *CORNERS)
PERSON_COLUMNS = ("id", "name", "display_name", "created_at")

# The same tables from a pipeline that lets any value into any column.
LOOSE = "".join(
    f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, {', '.join(columns[1:])});"
    for table, columns in (
        ("events", EVENT_COLUMNS),
        ("detections", DETECTION_COLUMNS),
        ("persons", PERSON_COLUMNS),
    )
)

VISIT = {
    "id": 7,
    "camera_id": "front_door",
    "recorded_at": "2026-02-25T10:30:00",
    "event_type": "ding",
    "recording_id": "7012345678901234567",
    "person_name": "anna",
    "face_confidence": 0.69,
    "face_distance": 0.31,
    "unlock_granted": 1,
    "door_action": "unlocked",
    "thumbnail_path": "thumbnails/2026-02-25T10-30-00.jpg",
    "alert_sent": 1,
    "created_at": "2026-02-25 10:30:04",
}
DOG = {
    "id": 12,
    "event_id": 7,
    "label": "dog",
    "confidence": 0.9,
    "bbox_x1": 1.0,
    "bbox_y1": 2.0,
    "bbox_x2": 3.0,
    "bbox_y2": None,
}
ANNA = {"id": 3, "name": "anna", "display_name": "Anna", "created_at": "2026-03-01 08:00:00"}

Rows = Sequence[Mapping[str, Any]]


@contextmanager
def plain_store(
    path: Path | str,
    events: Rows = (),
    detections: Rows = (),
    persons: Rows = (),
    *,
    ddl: str = CONTRACT,
) -> Iterator[sqlite3.Connection]:
    """A connection as the writer's, in autocommit with foreign keys, to a plain store of rows."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.executescript(ddl)
        connection.execute("BEGIN")
        for table, rows in (("events", events), ("detections", detections), ("persons", persons)):
            for row in rows:
                insert(connection, table, row)
        connection.execute("COMMIT")
        connection.execute("PRAGMA foreign_keys = ON")
        yield connection
    finally:
        connection.close()


def insert(connection: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> None:
    """Insert one row, as a pipeline does."""
    marks = ", ".join("?" * len(row))
    connection.execute(
        f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", tuple(row.values())
    )


def become_log(connection: sqlite3.Connection) -> None:
    """What happens when a store opens the file."""
    opening.prepare(connection, Path("events.db"))


def rows_of(
    connection: sqlite3.Connection, table: str, columns: Sequence[str] = ("*",)
) -> list[dict[str, Any]]:
    """The rows of a table by id, or by whatever comes first."""
    cursor = connection.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY 1")
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def contents(connection: sqlite3.Connection) -> list[str]:
    """Everything in the file: schema, rows, and whose it says it is."""
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    return [str(application_id), *connection.iterdump()]


def records(connection: sqlite3.Connection) -> list[Record]:
    """The journal, decoded."""
    return [codecs.decode_record(row) for row in journal.read_all(connection)]


def legacy(connection: sqlite3.Connection) -> dict[str, Any]:
    """What each append keeps of its row, by key."""
    return {
        row.key: codecs.decode_meta(row.meta)["legacy"]
        for row in journal.read_all(connection)
        if row.key is not None
    }


def records_by_event(connection: sqlite3.Connection) -> dict[int, list[str]]:
    """The labels of each event's detections, in the order of the journal."""
    labels: dict[int, list[str]] = {}
    for record in records(connection):
        assert record.event_id is not None
        mine = labels.setdefault(record.event_id, [])
        if isinstance(record.fact, Detection):
            mine.append(record.fact.label)
    return labels


def names_in(connection: sqlite3.Connection) -> set[str]:
    """The names of all tables and indexes."""
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
