"""The laws of all views: batches leave no trace, and the tables equal a plain fold of the facts.

The model beside the views is written from the rules alone, record by record, without a batch, a
merge or SQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventlog.facts import (
    AlertSent,
    Box,
    Detection,
    Ding,
    FaceResult,
    Fact,
    Motion,
    PersonNamed,
    ThumbnailSaved,
    UnlockAction,
)
from eventlog.projections import VIEWS, by_name
from eventlog.record import EventId, Position, Record, instant
from tests.projections.engine import (
    T0_US,
    database,
    dump,
    motion,
    project,
    projected,
    record,
    rows,
)

# ── records that a journal could hold ──────────────────────────────────────────────────────

# Few values each, so that ties and repeats are common.
names = st.sampled_from(["alice", "bob", "carol"])
maybe_names = st.none() | names
distances = st.none() | st.sampled_from([0.0, 0.25, 0.1 + 0.2, 0.5, 1.5])
confidences = st.none() | st.sampled_from([0.0, 0.3, 1.0])
instants = st.datetimes(timezones=st.just(UTC))
maybe_instants = st.none() | instants
corners = st.none() | st.sampled_from([0.0, 0.1, 640.0])
boxes = st.none() | st.builds(
    Box,
    x1=corners,
    y1=corners,
    x2=corners,
    y2=corners,
    unit=st.sampled_from(["pixels", "fractions"]),
)

openers: st.SearchStrategy[Fact] = st.builds(
    Motion, camera_id=names, recorded_at=instants
) | st.builds(Ding, camera_id=names, recorded_at=instants, recording_id=st.none() | st.just("7"))
actions: st.SearchStrategy[Fact] = st.builds(
    UnlockAction,
    granted=st.booleans(),
    door_action=st.sampled_from(["unlocked", "locked", "none"]),
    person=maybe_names,
    recorded_at=maybe_instants,
)
of_a_visit: st.SearchStrategy[Fact] = st.one_of(
    st.builds(
        Detection,
        label=names,
        confidence=st.just(0.5),
        box=boxes,
        recorded_at=maybe_instants,
    ),
    st.builds(FaceResult, name=maybe_names, distance=distances, confidence=confidences, box=boxes),
    actions,
    st.builds(ThumbnailSaved, path=names),
    st.builds(AlertSent),
)
named: st.SearchStrategy[Fact] = st.builds(PersonNamed, name=names, display_name=maybe_names)


@st.composite
def journals(draw: st.DrawFn) -> list[Record]:
    """Records as a journal holds them: positions without a hole, each event opened first."""
    records: list[Record] = []
    events = 0
    for _ in range(draw(st.integers(0, 25))):
        event_id: int | None = draw(st.integers(0, events + 1))
        if event_id == events + 1:
            events += 1
            fact = draw(openers)
        elif event_id:
            fact = draw(of_a_visit | named)
        else:
            event_id, fact = None, draw(named | actions)
        appended_at_us = T0_US + draw(st.integers(-(10**16), 10**16))
        event = None if event_id is None else EventId(event_id)
        records.append(Record(Position(len(records) + 1), event, appended_at_us, None, fact))
    return records


# ── the model ──────────────────────────────────────────────────────────────────────────────


def text(moment: datetime) -> str:
    """Canonical ISO 8601."""
    return moment.replace(tzinfo=None).isoformat()


def facts_of(records: Sequence[Record], event_id: int | None, kind: type) -> list[Any]:
    """All facts of one type of an event, in order."""
    return [r.fact for r in records if r.event_id == event_id and type(r.fact) is kind]


def model_event(records: Sequence[Record], opener: Record) -> dict[str, Any]:
    """What an event's row must be, straight from the rules."""
    event_id = opener.event_id
    faces = facts_of(records, event_id, FaceResult)
    unlocks = facts_of(records, event_id, UnlockAction)
    pictures = facts_of(records, event_id, ThumbnailSaved)
    known = [face for face in faces if face.name is not None]
    # min() keeps the first of equals, which is the lower position.
    best: Any = min(
        known or faces,
        key=lambda face: (face.distance is None, face.distance or 0.0),
        default=None,
    )
    opened = [action for action in unlocks if action.granted]
    admitted = [action.person for action in opened if action.person is not None]
    refusals = [a for a in unlocks if not a.granted and a.door_action == "none"]
    confidence = None if best is None else best.confidence
    if best is not None and confidence is None and best.distance is not None:
        confidence = max(0.0, 1.0 - best.distance)
    fact: Any = opener.fact
    return {
        "id": event_id,
        "camera_id": fact.camera_id,
        "recorded_at": text(fact.recorded_at),
        "event_type": "ding" if isinstance(fact, Ding) else "motion",
        "recording_id": fact.recording_id,
        "person_name": best.name if best in known else (admitted or [None])[-1],
        "face_confidence": confidence,
        "face_distance": None if best is None else best.distance,
        "unlock_granted": int(bool(opened)),
        "door_action": ([a.door_action for a in opened or unlocks] or ["none"])[-1],
        "thumbnail_path": ([picture.path for picture in pictures] or [None])[-1],
        "alert_sent": int(bool(facts_of(records, event_id, AlertSent))),
        "created_at": instant(opener.appended_at_us).strftime("%Y-%m-%d %H:%M:%S"),
        "face_recognised": int(bool(known)) if faces else None,
        "outcome": "granted" if opened else "refused" if refusals else "none",
    }


def model_persons(records: Sequence[Record]) -> list[dict[str, Any]]:
    """What the persons must be."""
    persons: dict[str, dict[str, Any]] = {}
    for r in records:
        fact = r.fact
        given = fact.person if isinstance(fact, UnlockAction) else getattr(fact, "name", None)
        if given is None:
            continue
        name = str(given)
        person = persons.setdefault(
            name,
            {
                "id": r.position,
                "name": name,
                "display_name": None,
                "created_at": instant(r.appended_at_us).strftime("%Y-%m-%d %H:%M:%S"),
            },
        )
        if isinstance(fact, PersonNamed):
            person["display_name"] = fact.display_name
    return list(persons.values())


# ── the laws ───────────────────────────────────────────────────────────────────────────────


@given(journals(), st.lists(st.integers(0, 25)))
def test_how_records_are_cut_into_batches_leaves_no_trace(
    records: list[Record], cuts: list[int]
) -> None:
    """All tables are the same to the last bit, and so are AUTOINCREMENT's counters."""
    edges = [cut for cut in cuts if cut <= len(records)]
    assert dump(projected(records, edges)) == dump(projected(records))


@given(journals())
def test_one_record_at_a_time_gives_the_same_tables(records: list[Record]) -> None:
    """The smallest batches there are."""
    assert dump(projected(records, range(len(records)))) == dump(projected(records))


@given(journals(), st.integers(1, 25))
def test_the_tables_equal_a_plain_fold_of_the_facts(records: list[Record], size: int) -> None:
    """Events and persons against the model, the others by what they must hold."""
    connection = projected(records, range(0, len(records), size))
    opened = [r for r in records if isinstance(r.fact, Motion | Ding)]
    assert rows(connection, "events") == [model_event(records, opener) for opener in opened]
    assert rows(connection, "persons") == model_persons(records)
    for table, kind in (
        ("detections", Detection),
        ("face_results", FaceResult),
        ("unlock_actions", UnlockAction),
    ):
        places = [(r.position, r.event_id) for r in records if type(r.fact) is kind]
        assert [(row["id"], row["event_id"]) for row in rows(connection, table)] == places


@settings(max_examples=25)
@given(journals())
def test_apply_is_pure(records: list[Record]) -> None:
    """The same records give the same statements, and stay as they were."""
    before = list(records)
    for view in VIEWS:
        own = [r for r in records if type(r.fact) in view.handles]
        assert view.apply(own) == view.apply(tuple(own))
    assert records == before


def test_a_batch_of_ten_thousand_records_writes_each_row_once() -> None:
    """Facts are folded in memory first: no row is touched twice."""
    records: list[Record] = []
    for event in range(1, 2001):
        facts: list[Fact] = [
            motion(event),
            Detection(label="person", confidence=0.5),
            FaceResult(name=f"n{event % 7}", distance=0.5),
            UnlockAction(granted=True, person="alice"),
            PersonNamed(name="alice", display_name=f"Alice {event}"),
        ]
        for fact in facts:
            event_id = None if isinstance(fact, PersonNamed) else event
            records.append(record(fact, position=len(records) + 1, event_id=event_id))
    connection = database()
    written = project(connection, records)
    held = sum(len(rows(connection, view.name)) for view in VIEWS)
    assert written == held == 4 * 2000 + 8


def test_a_later_batch_touches_each_row_once() -> None:
    """A merge is one statement for each event, however many facts come late."""
    connection = database()
    project(connection, [record(motion(), position=1)])
    late = [
        record(FaceResult(name="alice", distance=1 / n), position=1 + n) for n in range(1, 1000)
    ]
    assert project(connection, late, [by_name["events"]]) == 1


# ── what each view says of itself ──────────────────────────────────────────────────────────


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_a_view_names_the_tables_and_indexes_that_it_makes(view: Any) -> None:
    """The main table first; nothing more and nothing less than the schema says."""
    connection = database()
    made = connection.execute(
        "SELECT type, name FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
        " ORDER BY rowid"
    ).fetchall()
    assert view.tables[0] == view.name
    assert [name for kind, name in made if kind == "table" and name in view.tables] == list(
        view.tables
    )
    mine = [
        name
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? AND sql NOT NULL"
            " ORDER BY rowid",
            (view.name,),
        )
    ]
    assert mine == list(view.indexes)


def test_parents_come_first() -> None:
    """So that tables can be made, filled and swapped in this order."""
    seen: set[str] = set()
    for view in VIEWS:
        assert set(view.parents) <= seen
        seen.add(view.name)


def test_the_contracts_indexes_begin_with_the_contracts_columns() -> None:
    """Further columns stand behind; the newest event stands first in the first one."""
    connection = database()
    for index, column in (
        ("idx_events_recorded_at", "recorded_at"),
        ("idx_events_camera_id", "camera_id"),
        ("idx_events_person_name", "person_name"),
        ("idx_detections_event_id", "event_id"),
        ("idx_detections_label", "label"),
    ):
        assert connection.execute(f"PRAGMA index_info({index})").fetchone()[2] == column
    xinfo = connection.execute("PRAGMA index_xinfo(idx_events_recorded_at)").fetchall()
    assert (xinfo[0][2], xinfo[0][3]) == ("recorded_at", 1)
