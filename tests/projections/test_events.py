"""The view `events`: its rules, one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from eventlog.facts import AlertSent, Ding, FaceResult, Fact, Motion, ThumbnailSaved, UnlockAction
from eventlog.projections.events import EVENTS
from eventlog.record import EventId, Position, Record
from tests.projections.engine import (
    T0,
    NotApplied,
    database,
    motion,
    project,
    projected,
    record,
    rows,
    visit,
)


def event_of(*facts: Fact, apart: bool = False) -> dict[str, Any]:
    """The row that a motion and these facts come to, in one batch or in one batch each."""
    records = visit(motion(), *facts)
    cuts = range(len(records)) if apart else ()
    (event,) = rows(projected(records, cuts, [EVENTS]), "events")
    return event


# Each rule must hold within a batch and across batches.
both = pytest.mark.parametrize("apart", [False, True], ids=["one batch", "a batch each"])


def test_the_columns_are_the_contracts_and_others_only_behind_them() -> None:
    """Order, types, defaults and constraints of the contract's columns."""
    columns = database([EVENTS]).execute("PRAGMA table_info(events)").fetchall()
    assert [tuple(column[1:5]) for column in columns[:13]] == [
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


def test_an_opener_alone_makes_a_row_with_every_default() -> None:
    """A motion with nothing after it."""
    records = visit(motion(), event_id=7, first=12)
    (event,) = rows(projected(records, views=[EVENTS]), "events")
    assert event == {
        "id": 7,
        "camera_id": "front_door",
        "recorded_at": "2026-02-25T10:30:00",
        "event_type": "motion",
        "recording_id": None,
        "person_name": None,
        "face_confidence": None,
        "face_distance": None,
        "unlock_granted": 0,
        "door_action": "none",
        "thumbnail_path": None,
        "alert_sent": 0,
        "created_at": "2026-02-25 10:30:12",
        "face_recognised": None,
        "outcome": "none",
        "opener": "motion",
        "observed": None,
        "lock_action": "none",
        "opened": 0,
        "refused": 0,
        "ended_at": None,
        "end_reason": None,
        "answered": None,
        "listed_at": "2026-02-25T10:30:00",
        "clock": None,
        "sealed": None,
    }


def test_a_ding_makes_an_event_of_type_ding_with_its_recording() -> None:
    """The opener's own fields reach the row."""
    ding = Ding(camera_id="gate", recorded_at=T0, recording_id="7123456789012345678")
    (event,) = rows(projected(visit(ding), views=[EVENTS]), "events")
    assert (event["event_type"], event["camera_id"]) == ("ding", "gate")
    assert event["recording_id"] == "7123456789012345678"


@pytest.mark.parametrize(
    ("recorded_at", "written"),
    [
        (datetime(2026, 2, 25, 10, 30, tzinfo=UTC), "2026-02-25T10:30:00"),
        (datetime(2026, 2, 25, 10, 30, 0, 500000, tzinfo=UTC), "2026-02-25T10:30:00.500000"),
        (datetime(2026, 2, 25, 10, 30, 0, 1, tzinfo=UTC), "2026-02-25T10:30:00.000001"),
        (
            datetime(2026, 2, 25, 1, 30, tzinfo=timezone(timedelta(hours=-9))),
            "2026-02-25T10:30:00",
        ),
        (datetime(33, 4, 3, 15, 0, tzinfo=UTC), "0033-04-03T15:00:00"),
    ],
)
def test_recorded_at_is_canonical(recorded_at: datetime, written: str) -> None:
    """ISO 8601 in UTC without an offset, with microseconds only where there are any."""
    opener = Motion(camera_id="front_door", recorded_at=recorded_at)
    (event,) = rows(projected(visit(opener), views=[EVENTS]), "events")
    assert event["recorded_at"] == written


@pytest.mark.parametrize(
    ("appended_at_us", "written"),
    [
        (0, "1970-01-01 00:00:00"),
        (-1, "1969-12-31 23:59:59"),
        (1_772_015_400_999_999, "2026-02-25 10:30:00"),
        (-62_135_596_800_000_000, "0001-01-01 00:00:00"),
        (253_402_300_799_999_999, "9999-12-31 23:59:59"),
    ],
)
def test_created_at_is_the_time_of_the_append(appended_at_us: int, written: str) -> None:
    """Also before 1970, and at both ends of what a date can be."""
    opener = Record(Position(1), EventId(1), appended_at_us, None, motion())
    (event,) = rows(projected([opener], views=[EVENTS]), "events")
    assert event["created_at"] == written


@pytest.mark.parametrize(
    "appended_at_us",
    [-62_135_596_800_000_001, 253_402_300_800_000_000, 2**63 - 1, -(2**63)],
)
def test_a_time_of_append_that_is_no_date_is_a_value_error(appended_at_us: int) -> None:
    """So that the projector can park the record."""
    opener = Record(Position(1), EventId(1), appended_at_us, None, motion())
    with pytest.raises(ValueError, match="is not a date"):
        EVENTS.apply([opener])


# ── faces ──────────────────────────────────────────────────────────────────────────────────


@both
@pytest.mark.parametrize(
    ("faces", "expected"),
    [
        pytest.param(
            [FaceResult(name="alice", distance=0.5), FaceResult(name="bob", distance=0.25)],
            ("bob", 0.25, 0.75, 1),
            id="the smallest distance wins",
        ),
        pytest.param(
            [FaceResult(name="bob", distance=0.25), FaceResult(name="alice", distance=0.5)],
            ("bob", 0.25, 0.75, 1),
            id="also where it came first",
        ),
        pytest.param(
            [FaceResult(name="alice"), FaceResult(name="bob", distance=0.5)],
            ("bob", 0.5, 0.5, 1),
            id="no distance comes last",
        ),
        pytest.param(
            [FaceResult(name="bob", distance=0.5), FaceResult(name="alice")],
            ("bob", 0.5, 0.5, 1),
            id="no distance comes last, also after one",
        ),
        pytest.param(
            [FaceResult(name="alice"), FaceResult(name="bob", confidence=0.875)],
            ("alice", None, None, 1),
            id="without any distance the lower position wins",
        ),
        pytest.param(
            [FaceResult(name="alice", distance=0.5), FaceResult(name="bob", distance=0.5)],
            ("alice", 0.5, 0.5, 1),
            id="of equal distances the lower position wins",
        ),
        pytest.param(
            [FaceResult(name="alice", distance=0.5), FaceResult(distance=0.125)],
            ("alice", 0.5, 0.5, 1),
            id="a nearer stranger does not overwrite a person",
        ),
        pytest.param(
            [FaceResult(distance=0.125), FaceResult(name="alice")],
            ("alice", None, None, 1),
            id="a person overwrites a nearer stranger, distance and all",
        ),
        pytest.param(
            [FaceResult(distance=0.75), FaceResult(), FaceResult(distance=0.625)],
            (None, 0.625, 0.375, 0),
            id="where nobody was recognised the nearest stranger gives the numbers",
        ),
        pytest.param(
            [FaceResult(name="alice", distance=0.5, confidence=0.875)],
            ("alice", 0.5, 0.875, 1),
            id="a given confidence stays as it is",
        ),
        pytest.param(
            [FaceResult(distance=1.5)],
            (None, 1.5, 0.0, 0),
            id="a confidence is never below zero",
        ),
        pytest.param(
            [FaceResult(confidence=0.25)],
            (None, None, 0.25, 0),
            id="a confidence needs no distance",
        ),
        pytest.param(
            [FaceResult(name="alice", distance=0.0)],
            ("alice", 0.0, 1.0, 1),
            id="a distance of nought is a distance",
        ),
    ],
)
def test_the_best_face_gives_name_distance_and_confidence(
    faces: list[Fact], expected: tuple[object, ...], *, apart: bool
) -> None:
    """Person, distance and confidence always come from one and the same face result."""
    event = event_of(*faces, apart=apart)
    assert (
        event["person_name"],
        event["face_distance"],
        event["face_confidence"],
        event["face_recognised"],
    ) == expected


# ── unlock actions ─────────────────────────────────────────────────────────────────────────


def granted(person: str | None = None, action: Any = "unlocked") -> UnlockAction:
    """An action that was granted."""
    return UnlockAction(granted=True, door_action=action, person=person)


def refused(person: str | None = None, action: Any = "none") -> UnlockAction:
    """An action that was not granted."""
    return UnlockAction(granted=False, door_action=action, person=person)


@both
@pytest.mark.parametrize(
    ("facts", "person"),
    [
        pytest.param([granted("alice")], "alice", id="a granted action names the person"),
        pytest.param([refused("alice")], None, id="a refused one does not"),
        pytest.param([granted("alice"), granted("bob")], "bob", id="the latest granted one does"),
        pytest.param(
            [granted("alice"), granted(None), refused("mallory")],
            "alice",
            id="the latest that names somebody",
        ),
        pytest.param(
            [FaceResult(name="alice", distance=0.5), granted("bob")],
            "alice",
            id="a recognised face comes before it",
        ),
        pytest.param(
            [granted("bob"), FaceResult(name="alice")],
            "alice",
            id="also where the face came later",
        ),
        pytest.param(
            [FaceResult(distance=0.75), granted("bob")],
            "bob",
            id="a stranger does not",
        ),
        pytest.param(
            [granted("bob"), FaceResult(distance=0.75)],
            "bob",
            id="a stranger never overwrites a person",
        ),
    ],
)
def test_the_person_of_a_granted_action_stands_in_for_a_face(
    facts: list[Fact], person: str | None, *, apart: bool
) -> None:
    """The person is the recognised face's, else that of the latest granted action with a name."""
    assert event_of(*facts, apart=apart)["person_name"] == person


@both
def test_a_person_let_in_beside_a_stranger_keeps_the_strangers_numbers(*, apart: bool) -> None:
    """Nobody was recognised, so distance and confidence are the nearest stranger's."""
    event = event_of(FaceResult(distance=0.75), granted("bob"), apart=apart)
    assert (event["person_name"], event["face_distance"]) == ("bob", 0.75)
    assert (event["face_confidence"], event["face_recognised"]) == (0.25, 0)


@both
@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param([], (0, "none", "none"), id="no action"),
        pytest.param([granted()], (1, "unlocked", "granted"), id="granted"),
        pytest.param([refused()], (0, "none", "refused"), id="refused"),
        pytest.param([refused(action="locked")], (0, "locked", "none"), id="locked"),
        pytest.param(
            [refused(action="locked"), refused()],
            (0, "none", "refused"),
            id="the last action where none was granted",
        ),
        pytest.param(
            [refused(), refused(action="locked")],
            (0, "locked", "refused"),
            id="a locked door after a refusal is still a refusal",
        ),
        pytest.param(
            [granted(), refused(action="locked")],
            (1, "unlocked", "granted"),
            id="the granted one outweighs a later one",
        ),
        pytest.param(
            [granted(), granted(action="locked"), refused()],
            (1, "locked", "granted"),
            id="the last granted one",
        ),
        pytest.param(
            [refused(), granted(action="none")],
            (1, "none", "granted"),
            id="granted after a refusal, though the door did nothing",
        ),
    ],
)
def test_the_door_did_what_the_last_granted_action_did(
    facts: list[Fact], expected: tuple[object, ...], *, apart: bool
) -> None:
    """Granted if any was; the action of the last granted one, else of the last, else none."""
    event = event_of(*facts, apart=apart)
    assert (event["unlock_granted"], event["door_action"], event["outcome"]) == expected


# ── the rest ───────────────────────────────────────────────────────────────────────────────


@both
def test_the_last_picture_and_any_alert_count(*, apart: bool) -> None:
    """The thumbnail is the last one saved; an alert once sent stays sent."""
    event = event_of(
        ThumbnailSaved(path="thumbnails/a.jpg"),
        AlertSent(channel="telegram"),
        ThumbnailSaved(path="thumbnails/b.jpg"),
        granted(),
        apart=apart,
    )
    assert (event["thumbnail_path"], event["alert_sent"]) == ("thumbnails/b.jpg", 1)


def test_a_fact_without_an_event_leaves_no_trace() -> None:
    """A key at the lock with no ring before it."""
    key = record(UnlockAction(granted=True, actor="key"), position=1, event_id=None)
    assert EVENTS.apply([key]) == []


def test_a_fact_whose_opener_is_missing_changes_no_row_and_says_so() -> None:
    """The merge must find exactly one row, or the projector parks the record."""
    orphan = record(AlertSent(), position=2, event_id=5)
    with pytest.raises(NotApplied):
        project(database([EVENTS]), [orphan], [EVENTS])


def test_interleaved_events_do_not_mix() -> None:
    """Facts go by the event id of their envelope, not by their order."""
    records = [
        record(motion(0), position=1, event_id=1),
        record(motion(9), position=2, event_id=2),
        record(FaceResult(name="alice"), position=3, event_id=2),
        record(granted("bob"), position=4, event_id=1),
    ]
    events = rows(projected(records, views=[EVENTS]), "events")
    assert [event["person_name"] for event in events] == ["bob", "alice"]


def test_apply_is_pure() -> None:
    """The same records give the same statements, and stay as they were."""
    records = visit(motion(), FaceResult(name="alice", distance=0.5), granted())
    before = list(records)
    assert EVENTS.apply(records) == EVENTS.apply(tuple(records))
    assert records == before
