"""The yardstick `plain`: the store that one would write first.

One aiosqlite connection with the contract's pragmas under an asyncio lock; the three read tables
and their five indexes only; one INSERT for the event, `executemany` for its detections, one
commit for each event. `get_event` is two queries, a list of recent events 1 + N. SQLite's
defaults stand where the contract says nothing. No journal, no history, no replay.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final, Literal, Self

import aiosqlite

from tests.store.compat.plain_stores import CONTRACT

Synchronous = Literal["NORMAL", "FULL"]

# As such a store opens: the tables may be there already.
_SCHEMA: Final = CONTRACT.replace(" TABLE ", " TABLE IF NOT EXISTS ").replace(
    " INDEX ", " INDEX IF NOT EXISTS "
)
_EVENT: Final = (
    "INSERT INTO events (camera_id, recorded_at, event_type, recording_id, person_name,"
    " face_confidence, face_distance, unlock_granted, door_action, thumbnail_path)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_DETECTION: Final = (
    "INSERT INTO detections (event_id, label, confidence, bbox_x1, bbox_y1, bbox_x2, bbox_y2)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_ONE: Final = "SELECT * FROM events WHERE id = ?"
_DETECTIONS_OF: Final = "SELECT * FROM detections WHERE event_id = ?"
_RECENT: Final = "SELECT * FROM events ORDER BY recorded_at DESC LIMIT ? OFFSET ?"


class PlainStore:
    """The contract's calls, straight on the read tables."""

    def __init__(self, path: Path, *, synchronous: Synchronous = "NORMAL") -> None:
        self._path = path
        self._synchronous = synchronous
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> Self:
        """Open, with every pragma before the first table."""
        self.db = await aiosqlite.connect(self._path)
        self.db.row_factory = aiosqlite.Row
        for pragma in (
            "journal_mode=WAL",
            "foreign_keys=ON",
            "busy_timeout=5000",
            f"synchronous={self._synchronous}",
        ):
            await self.db.execute(f"PRAGMA {pragma}")
        await self.db.executescript(_SCHEMA)
        await self.db.commit()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.db.close()

    async def write_event(
        self,
        *,
        camera_id: str,
        recorded_at: str,
        recording_id: str | None,
        event_type: str,
        person_name: str | None,
        face_confidence: float | None,
        face_distance: float | None,
        unlock_granted: bool,
        door_action: str,
        thumbnail_path: str | None,
        detections: Sequence[Mapping[str, Any]],
    ) -> int:
        """Insert an event and its detections, and commit."""
        async with self._lock:
            cursor = await self.db.execute(
                _EVENT,
                (
                    camera_id,
                    recorded_at,
                    event_type,
                    recording_id,
                    person_name,
                    face_confidence,
                    face_distance,
                    int(unlock_granted),
                    door_action,
                    thumbnail_path,
                ),
            )
            event_id = cursor.lastrowid
            assert event_id is not None
            await self.db.executemany(_DETECTION, [_row(event_id, one) for one in detections])
            await self.db.commit()
            return event_id

    async def get_event(self, event_id: int) -> dict[str, Any] | None:
        """One event and its detections."""
        async with self.db.execute(_ONE, (event_id,)) as cursor:
            row = await cursor.fetchone()
        return None if row is None else await self._with_detections(row)

    async def get_recent_events(self, limit: int = 20, offset: int = 0) -> list[dict[str, Any]]:
        """The newest events, each with its detections."""
        async with self.db.execute(_RECENT, (limit, offset)) as cursor:
            rows = await cursor.fetchall()
        return [await self._with_detections(row) for row in rows]

    async def _with_detections(self, row: aiosqlite.Row) -> dict[str, Any]:
        event = dict(row)
        async with self.db.execute(_DETECTIONS_OF, (event["id"],)) as cursor:
            event["detections"] = [dict(one) for one in await cursor.fetchall()]
        return event


def build(path: Path, events: Iterable[Mapping[str, Any]]) -> None:
    """A filled store, made quickly."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(_SCHEMA)
        for event_id, event in enumerate(events, start=1):
            columns = ("camera_id", "recorded_at", "event_type", "recording_id", "person_name")
            measures = ("face_confidence", "face_distance", "unlock_granted", "door_action")
            row = [event[name] for name in (*columns, *measures, "thumbnail_path")]
            connection.execute(_EVENT, row)
            connection.executemany(_DETECTION, [_row(event_id, one) for one in event["detections"]])
        connection.commit()


def _row(event_id: int, one: Mapping[str, Any]) -> tuple[Any, ...]:
    box = (one.get(f"bbox_{corner}") for corner in ("x1", "y1", "x2", "y2"))
    return (event_id, one["label"], one["confidence"], *box)
