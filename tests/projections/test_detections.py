"""The view `detections`: one row for each object, and the time that its index goes by."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.facts import Box, Detection, Motion
from eventlog.projections import VIEWS
from eventlog.projections.detections import DETECTIONS
from eventlog.projections.events import EVENTS
from eventlog.record import EPOCH
from tests.projections.engine import T0, database, motion, project, projected, record, rows, visit

BOTH = (EVENTS, DETECTIONS)


def test_the_columns_are_the_contracts_and_others_only_behind_them() -> None:
    """Order, types and constraints of the contract's columns, and the cascade."""
    connection = database(BOTH)
    columns = connection.execute("PRAGMA table_info(detections)").fetchall()
    assert [tuple(column[1:5]) for column in columns[:8]] == [
        ("id", "INTEGER", 0, None),
        ("event_id", "INTEGER", 1, None),
        ("label", "TEXT", 1, None),
        ("confidence", "REAL", 1, None),
        ("bbox_x1", "REAL", 0, None),
        ("bbox_y1", "REAL", 0, None),
        ("bbox_x2", "REAL", 0, None),
        ("bbox_y2", "REAL", 0, None),
    ]
    (key,) = connection.execute("PRAGMA foreign_key_list(detections)").fetchall()
    assert key[2:7] == ("events", "event_id", "id", "NO ACTION", "CASCADE")


def test_a_box_in_pixels_fills_the_contracts_columns() -> None:
    """The id is the position; a corner that is not known stays NULL."""
    detection = Detection(
        label="dog",
        confidence=0.5,
        box=Box(x1=1.5, y1=None, x2=3.0, y2=4.0),
        model="yolov8n",
        recorded_at=T0 + timedelta(microseconds=5),
    )
    (row,) = rows(projected(visit(motion(), detection, event_id=4, first=9)), "detections")
    assert row == {
        "id": 10,
        "event_id": 4,
        "label": "dog",
        "confidence": 0.5,
        "bbox_x1": 1.5,
        "bbox_y1": None,
        "bbox_x2": 3.0,
        "bbox_y2": 4.0,
        "box_unit": "pixels",
        "fraction_x1": None,
        "fraction_y1": None,
        "fraction_x2": None,
        "fraction_y2": None,
        "model": "yolov8n",
        "recorded_at": "2026-02-25T10:30:00.000005",
        "sub_label": None,
        "plate": None,
        "zones": "[]",
        "track": None,
        "scored": 1,
        "frame_width": None,
        "frame_height": None,
        "plate_sealed": None,
        "event_recorded_us": 1_772_015_400_000_000,
    }


def test_a_box_in_fractions_never_passes_for_pixels() -> None:
    """It fills columns of its own."""
    box = Box(x1=0.125, y1=0.25, x2=0.5, y2=None, unit="fractions")
    detection = Detection(label="cat", confidence=1.0, box=box)
    (row,) = rows(projected(visit(motion(), detection)), "detections")
    assert [row[f"bbox_{corner}"] for corner in ("x1", "y1", "x2", "y2")] == [None] * 4
    fractions = [row[f"fraction_{corner}"] for corner in ("x1", "y1", "x2", "y2")]
    assert fractions == [0.125, 0.25, 0.5, None]
    assert row["box_unit"] == "fractions"


def test_without_a_box_all_of_its_columns_are_null() -> None:
    """Nothing is guessed."""
    (row,) = rows(projected(visit(motion(), Detection(label="car", confidence=0))), "detections")
    assert all(value is None for name, value in row.items() if "box" in name or "fraction" in name)


@given(
    recorded_at=st.datetimes(timezones=st.just(UTC)),
)
def test_an_events_time_is_the_same_from_the_fact_and_from_its_row(recorded_at: datetime) -> None:
    """SQL reads it to the microsecond where the opener came in an earlier batch."""
    opener = Motion(camera_id="front_door", recorded_at=recorded_at)
    records = visit(opener, Detection(label="dog", confidence=0.5))
    expected = (recorded_at - EPOCH) // timedelta(microseconds=1)
    # More than a day ahead it is listed by its append.
    appended_us = records[0].appended_at_us
    listed = expected if expected <= appended_us + 86_400_000_000 else appended_us
    for cuts in ([], [1]):
        (row,) = rows(projected(records, cuts, BOTH), "detections")
        assert row["event_recorded_us"] == listed


def test_a_detection_of_an_event_that_has_no_row_is_refused() -> None:
    """The opener could not be read: the database says so, and the record can be parked."""
    orphan = record(Detection(label="dog", confidence=0.5), position=2, event_id=5)
    with pytest.raises(sqlite3.IntegrityError):
        project(database(BOTH), [orphan], BOTH)


def test_deleting_an_event_deletes_what_belongs_to_it() -> None:
    """The cascade of the contract, in each view that references events."""
    connection = projected(visit(motion(), Detection(label="dog", confidence=0.5)))
    connection.execute("DELETE FROM events")
    assert rows(connection, "detections") == []


def test_shadow_tables_reference_shadow_parents() -> None:
    """A replay's tables are separate from the live ones and change none of them."""
    connection = database(VIEWS, p="replay_")
    project(connection, visit(motion(), Detection(label="dog", confidence=0.5)), p="replay_")
    assert len(rows(connection, "replay_detections")) == 1
    names = connection.execute(
        "SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'"
    ).fetchall()
    assert all(name.startswith("replay_") for (name,) in names)
    (key,) = connection.execute("PRAGMA foreign_key_list(replay_detections)").fetchall()
    assert key[2] == "replay_events"
