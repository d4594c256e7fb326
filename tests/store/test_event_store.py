"""EventStore: the methods of the contract."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import aiosqlite
import pytest

import event_store
import eventlog
from eventlog import BadFact, Detection, EventStore, Motion
from tests.support.dumps import views_of

pytestmark = pytest.mark.anyio

AT = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)
MOTION = Motion(camera_id="front_door", recorded_at=AT)
DOG = Detection(label="dog", confidence=0.8)


# ── the contract, as it is written ─────────────────────────────────────────────────────────


@pytest.mark.parametrize("module", [event_store, eventlog])
async def test_a_pipeline_of_today_runs_as_it_stands(
    module: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The contract's calls, through both import paths, answer what the contract says."""
    store = module.EventStore(db_path=str(tmp_path / "e.db"), thumbnails_dir=str(tmp_path / "th"))
    assert store.db is None
    assert store.db_path == str(tmp_path / "e.db")
    assert store.thumbnails_dir == tmp_path / "th"
    await store.initialize()
    db: Any = store.db
    assert isinstance(db, aiosqlite.Connection)
    assert db.row_factory is aiosqlite.Row
    assert (tmp_path / "th").is_dir()

    first = await store.write_event("front_door", "2026-02-25T10:30:00")
    second = await store.write_event(
        camera_id="front_door",
        recorded_at="2026-02-25T10:31:00",
        recording_id="7330963245622279024",
        event_type="ding",
        person_name="anna",
        face_distance=0.35,
        unlock_granted=True,
        door_action="unlocked",
        thumbnail_path="thumbnails/2026-02-25T10-31-00.jpg",
        detections=[
            {"label": "person", "confidence": 0.9, "bbox_x1": 1, "bbox_y1": 2.5},
            {"label": "dog", "confidence": 0.5},
        ],
    )
    assert (first, second) == (1, 2)

    event = await store.get_event(second)
    assert event is not None
    assert event["event_type"] == "ding"
    assert event["recorded_at"] == "2026-02-25T10:31:00"
    assert event["person_name"] == "anna"
    assert event["face_distance"] == 0.35
    assert event["face_confidence"] == 0.65
    assert event["unlock_granted"] == 1
    assert event["door_action"] == "unlocked"
    assert event["thumbnail_path"] == "thumbnails/2026-02-25T10-31-00.jpg"
    assert event["alert_sent"] == 0
    assert [d["label"] for d in event["detections"]] == ["person", "dog"]
    assert event["detections"][0]["bbox_y1"] == 2.5
    assert event["detections"][0]["bbox_x2"] is None
    assert await store.get_event(99) is None

    recent = await store.get_recent_events(limit=1)
    assert [e["id"] for e in recent] == [2]
    assert [e["id"] for e in await store.get_recent_events(limit=5, offset=1)] == [1]

    with caplog.at_level(logging.INFO):
        await store.close()
    assert store.db is None
    assert "EventStore connection closed" in caplog.messages


async def test_a_list_shows_what_a_damaged_column_holds(store: EventStore) -> None:
    """A page is fetched as one text; bytes, which no text can hold, are shown nevertheless."""
    await store.append(MOTION, DOG)
    await store.caught_up(2)
    assert store.db is not None
    await store.db.execute("UPDATE events SET person_name = x'ff00'")
    await store.db.commit()

    (event,) = await store.get_recent_events()
    assert event["person_name"] == b"\xff\x00"
    assert [detection["label"] for detection in event["detections"]] == ["dog"]


async def test_every_pragma_of_the_contract_is_set(store: EventStore) -> None:
    """WAL, foreign keys, five seconds of patience, NORMAL: on the callers' connection too."""
    assert store.db is not None
    found = {}
    for pragma in ("journal_mode", "foreign_keys", "busy_timeout", "synchronous"):
        async with store.db.execute(f"PRAGMA {pragma}") as cursor:
            row = await cursor.fetchone()
            assert row is not None
            found[pragma] = row[0]

    assert found == {
        "journal_mode": "wal",
        "foreign_keys": 1,
        "busy_timeout": 5000,
        "synchronous": 1,
    }


async def test_the_read_tables_have_the_contracts_columns_and_indexes(store: EventStore) -> None:
    """Names, types, defaults and indexes are the contract's; further columns may follow."""
    assert store.db is not None
    rows = await store.db.execute_fetchall("PRAGMA table_info(events)")
    columns = [(r["name"], r["type"], r["notnull"], r["dflt_value"]) for r in rows]
    indexes = {
        r["name"]
        for r in await store.db.execute_fetchall(
            "SELECT name FROM sqlite_schema WHERE type='index'"
        )
    }

    assert columns[:13] == [
        ("id", "INTEGER", 0, None),
        ("camera_id", "TEXT", 1, "'front_door'"),
        ("recorded_at", "TEXT", 1, None),
        ("event_type", "TEXT", 1, "'motion'"),
        ("recording_id", "TEXT", 0, None),
        ("person_name", "TEXT", 0, None),
        ("face_confidence", "REAL", 0, None),
        ("face_distance", "REAL", 0, None),
        ("unlock_granted", "INTEGER", 1, "0"),
        ("door_action", "TEXT", 0, "'none'"),
        ("thumbnail_path", "TEXT", 0, None),
        ("alert_sent", "INTEGER", 1, "0"),
        ("created_at", "TEXT", 1, "datetime('now')"),
    ]
    assert indexes >= {
        "idx_events_recorded_at",
        "idx_events_camera_id",
        "idx_events_person_name",
        "idx_detections_event_id",
        "idx_detections_label",
    }


async def test_a_callers_own_delete_cascades_and_a_replay_brings_it_back(
    store: EventStore, tmp_path: Path
) -> None:
    """The read tables hold no truth: what a caller deletes there is only out of sight."""
    event_id = await store.write_event(
        "front_door", "2026-02-25T10:30:00", detections=[{"label": "dog", "confidence": 0.5}]
    )
    await store.caught_up(2)
    before = views_of(tmp_path / "events.db")
    assert store.db is not None
    await store.db.execute("DELETE FROM events WHERE id = ?", (event_id,))
    await store.db.commit()
    gone = await store.get_event(event_id)
    await store.replay()

    assert gone is None
    assert views_of(tmp_path / "events.db") == before


# ── times ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("2026-02-25T10:30:00", "2026-02-25T10:30:00"),
        ("2026-02-25T10:30:00Z", "2026-02-25T10:30:00"),
        ("2026-02-25T10:30:00.250", "2026-02-25T10:30:00.250000"),
        ("2026-02-25 12:30:00+02:00", "2026-02-25T10:30:00"),
        ("0001-01-01T00:00:00", "0001-01-01T00:00:00"),
        ("9999-12-31T23:59:59.999999", "9999-12-31T23:59:59.999999"),
        (datetime(2026, 2, 25, 12, 30, tzinfo=timezone(timedelta(hours=2))), "2026-02-25T10:30:00"),
    ],
)
async def test_times_are_kept_as_one_utc_instant(
    store: EventStore, given: str | datetime, stored: str
) -> None:
    """A time without a zone is UTC, another zone is converted, text order is time order."""
    event = await store.get_event(await store.write_event("front_door", given))

    assert event is not None
    assert event["recorded_at"] == stored


@pytest.mark.parametrize(
    "given",
    ["", "yesterday", "2026-02-30T00:00:00", "2026-02-25T23:59:60", "10000-01-01T00:00:00",
     "9999-12-31T23:59:59-12:00", 1740479400, None],
)  # fmt: skip
async def test_a_time_that_is_none_is_refused_by_name(store: EventStore, given: Any) -> None:
    """The error says which field, and nothing is written."""
    with pytest.raises(BadFact, match="recorded_at"):
        await store.write_event("front_door", given)

    assert await store.reader.last_position() == 0
