"""The laws of all views: batches leave no trace, and the tables equal a plain fold of the facts.

The model beside the views is written from the rules alone, record by record, without a batch, a
merge or SQL.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventlog.facts import (
    ActuatorOutcome,
    Detection,
    FaceResult,
    Fact,
    IdentityLinked,
    LockState,
    Opener,
    PersonNamed,
    PictureRemoved,
    ThumbnailSaved,
    UnlockAction,
)
from eventlog.projections import VIEWS, by_name, persons
from eventlog.record import EventId, Position, Record, instant
from tests.projections.engine import (
    T0,
    T0_US,
    database,
    dump,
    motion,
    project,
    projected,
    record,
    rows,
)
from tests.projections.visit_model import action_of, confirmed_by, model_event, person_of
from tests.support.strategies import openers, standalone_facts, visit_facts

# ── records that a journal could hold ──────────────────────────────────────────────────────

# Few values each, so that ties and repeats are common: near moments, two doors, two acts.
names = st.sampled_from(["alice", "bob", "carol"])
maybe_names = st.none() | names
distances = st.none() | st.sampled_from([0.0, 0.25, 0.1 + 0.2, 0.5, 1.5])
instants = st.none() | st.builds(
    lambda seconds: T0 + timedelta(seconds=seconds), st.sampled_from([0, 3, 9.999999, 10, 11, 60])
)
doors = st.sampled_from(["front", "garden"])
intents = st.sampled_from(["i1", "i2"])
actions: st.SearchStrategy[Fact] = st.builds(
    UnlockAction,
    granted=st.booleans(),
    door_action=st.sampled_from(["unlocked", "locked", "unlatched", "none"]),
    person=maybe_names,
    door_id=st.none() | doors,
    intent=st.none() | intents,
    dry_run=st.sampled_from([False, False, True]),
    user_ref=st.none() | st.just("u-1"),
    credential_slot=st.none() | st.just(2),
    recorded_at=instants,
)
outcomes: st.SearchStrategy[Fact] = st.builds(
    ActuatorOutcome,
    intent=intents,
    outcome=st.sampled_from(["done", "failed", "timed_out", "unknown"]),
)
states: st.SearchStrategy[Fact] = st.builds(
    LockState,
    door_id=doors,
    state=st.sampled_from(["unlocked", "locked", "unlatched"]),
    source=st.just("zwave"),
    recorded_at=instants,
)
linked: st.SearchStrategy[Fact] = st.builds(
    IdentityLinked, person=names, linked=st.booleans(), same_as=names
) | st.builds(
    IdentityLinked,
    person=names,
    linked=st.booleans(),
    source=doors,
    identity=st.sampled_from(["u-1", "2", "slot 2"]),
)
removals: st.SearchStrategy[Fact] = st.builds(PictureRemoved, path=names, reason=st.just("age"))
likely: st.SearchStrategy[Fact] = st.one_of(
    st.builds(
        FaceResult,
        name=maybe_names,
        distance=distances,
        track=st.none() | st.sampled_from(["t1", "t2"]),
        given_by=st.sampled_from([None, None, "person"]),
        recorded_at=instants,
    ),
    actions,
    actions,
    outcomes,
    states,
    st.builds(ThumbnailSaved, path=names),
    removals,
    st.builds(PersonNamed, name=names, display_name=maybe_names),
)
of_a_visit: st.SearchStrategy[Fact] = likely | visit_facts()
of_none: st.SearchStrategy[Fact] = st.one_of(
    actions, outcomes, states, removals, linked, standalone_facts()
)


@st.composite
def journals(draw: st.DrawFn) -> list[Record]:
    """Records as a journal holds them: positions without a hole, each event opened first."""
    records: list[Record] = []
    events = 0
    for _ in range(draw(st.integers(0, 25))):
        event_id: int | None = draw(st.integers(0, events + 1))
        if event_id == events + 1:
            events += 1
            fact = draw(openers())
        elif event_id:
            fact = draw(of_a_visit)
        else:
            event_id, fact = None, draw(of_none)
        apart_us = st.sampled_from([0, 1_000_000, 5_000_000, 20_000_000])
        appended_at_us = T0_US + draw(apart_us | st.integers(-(10**16), 10**16))
        event = None if event_id is None else EventId(event_id)
        records.append(Record(Position(len(records) + 1), event, appended_at_us, None, fact))
    return records


# ── the model ──────────────────────────────────────────────────────────────────────────────


def model_persons(records: Sequence[Record]) -> list[dict[str, Any]]:
    """What the persons must be."""
    persons: dict[str, dict[str, Any]] = {}
    for r in records:
        fact = r.fact
        given = fact.person if isinstance(fact, UnlockAction) else None
        if isinstance(fact, FaceResult | PersonNamed):
            given = fact.name
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
    opened = [r for r in records if isinstance(r.fact, Opener)]
    # Every name is in clear here; `test_sealed_laws.py` has the seals.
    shown = [dict(row, sealed=None) for row in rows(connection, "events")]
    assert shown == [model_event(records, opener) | {"sealed": None} for opener in opened]
    found = rows(connection, "persons")
    assert [{n: row[n] for n in persons.COLUMNS} for row in found] == model_persons(records)
    for table, kind in (
        ("detections", Detection),
        ("face_results", FaceResult),
        ("unlock_actions", UnlockAction),
    ):
        places = [(r.position, r.event_id) for r in records if type(r.fact) is kind]
        assert [(row["id"], row["event_id"]) for row in rows(connection, table)] == places
    for action in rows(connection, "unlock_actions"):
        record = records[action["id"] - 1]
        became, did = action_of(records, record)
        assert (action["outcome"], action["effect"]) == (became, did)
        assert isinstance(record.fact, UnlockAction)
        assert action["person"] == person_of(records, record.fact)
        confirmed = [act.position for act in confirmed_by(records, record)]
        assert action["confirms"] == max(confirmed, default=None)


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
    held = sum(len(rows(connection, table)) for view in VIEWS for table in view.tables)
    assert written == held == 4 * 2000 + 8 + 2 * 2000


def test_a_later_batch_touches_each_row_once() -> None:
    """A merge is one statement for each event, however many facts come late."""
    connection = database()
    project(connection, [record(motion(), position=1)])
    late = [
        record(FaceResult(name="alice", distance=1 / n), position=1 + n) for n in range(1, 1000)
    ]
    # Each face has a row of its own in the view; the event has one.
    assert project(connection, late, [by_name["events"]]) == len(late) + 1


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
            "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql NOT NULL"
            " AND tbl_name IN (SELECT value FROM json_each(?)) ORDER BY rowid",
            (json.dumps(view.tables),),
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
    """Further columns follow; the first index has the newest event first."""
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
