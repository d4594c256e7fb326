"""The event list: what it shows, in which order, by which index, and how its rows are nested."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eventlog.errors import BadArgument
from eventlog.facts import Detection, Ding, FaceResult, Fact, Motion, UnlockAction
from eventlog.projections import persons
from eventlog.projections.event_list import (
    EventFilter,
    nest,
    one_event,
    packed_events,
    recent_events,
    unpack,
)
from eventlog.projections.paging import LIMIT_MAX
from eventlog.projections.times import canonical
from eventlog.record import Record
from tests.projections.engine import T0, projected, record, rows

CAMERAS = ("front_door", "gate")
LABELS = ("person", "dog", "cat")


def a_day(events: int = 60) -> list[Record]:
    """Events whose times tie, run backwards and carry microseconds, with all kinds of facts."""
    chance = random.Random(7)
    records: list[Record] = []
    for event_id in range(1, events + 1):
        moment = T0 + timedelta(seconds=chance.randrange(20), microseconds=chance.choice([0, 5]))
        camera_id = chance.choice(CAMERAS)
        facts: list[Fact] = [
            Ding(camera_id=camera_id, recorded_at=moment)
            if chance.random() < 0.3
            else Motion(camera_id=camera_id, recorded_at=moment)
        ]
        facts += [
            Detection(label=label, confidence=0.5)
            for label in chance.choices(LABELS, (9, 3, 1), k=chance.randrange(4))
        ]
        if chance.random() < 0.6:
            facts.append(FaceResult(name=chance.choice(["alice", "bob", None]), distance=0.5))
        if chance.random() < 0.6:
            facts.append(UnlockAction(granted=chance.random() < 0.5, person="carol"))
        records += [
            record(fact, position=len(records) + 1 + n, event_id=event_id)
            for n, fact in enumerate(facts)
        ]
    return records


@pytest.fixture(scope="module")
def day() -> sqlite3.Connection:
    """The views of a_day, applied in batches of seven."""
    records = a_day()
    return projected(records, range(0, len(records), 7))


def listed(connection: sqlite3.Connection, *arguments: Any, **options: Any) -> list[dict[str, Any]]:
    """A page, nested."""
    return nest(connection.execute(*recent_events(*arguments, **options)))


def packed(connection: sqlite3.Connection, *arguments: Any, **options: Any) -> list[dict[str, Any]]:
    """The same page, fetched as one row."""
    (row,) = connection.execute(*packed_events(*arguments, **options)).fetchall()
    return unpack(*row)


def expected(connection: sqlite3.Connection, wanted: EventFilter) -> list[dict[str, Any]]:
    """The same list by brute force, from complete tables."""
    found = rows(connection, "events")
    shown = rows(connection, "detections")
    for event in found:
        event["detections"] = [
            {
                name: value
                for name, value in row.items()
                if name not in {"event_recorded_us", "plate_sealed"}
            }
            for row in shown
            if row["event_id"] == event["id"]
        ]
    checks = (
        (wanted.camera_id, lambda e: e["camera_id"] == wanted.camera_id),
        (wanted.event_type, lambda e: e["event_type"] == wanted.event_type),
        (wanted.person, lambda e: e["person_name"] == wanted.person),
        (wanted.stranger or None, lambda e: e["face_recognised"] == 0),
        (
            wanted.outcome,
            lambda e: (
                e["refused"] if wanted.outcome == "refused" else e["outcome"] == wanted.outcome
            ),
        ),
        (wanted.label, lambda e: any(d["label"] == wanted.label for d in e["detections"])),
        (wanted.since, lambda e: e["recorded_at"] >= canonical(wanted.since or T0)),
        (wanted.until, lambda e: e["recorded_at"] < canonical(wanted.until or T0)),
    )
    kept = [e for e in found if all(check(e) for given, check in checks if given is not None)]
    return sorted(kept, key=lambda e: (e["recorded_at"], e["id"]), reverse=True)


moments = st.none() | st.integers(-2, 22).map(lambda seconds: T0 + timedelta(seconds=seconds))
filters = st.builds(
    EventFilter,
    camera_id=st.none() | st.sampled_from([*CAMERAS, "attic"]),
    event_type=st.sampled_from([None, "motion", "ding"]),
    person=st.none() | st.sampled_from(["alice", "carol", "nobody"]),
    stranger=st.booleans(),
    label=st.none() | st.sampled_from([*LABELS, "bear"]),
    outcome=st.sampled_from([None, "granted", "refused", "none"]),
    since=moments,
    until=moments,
)


@given(wanted=filters, limit=st.integers(1, 9))
def test_filters_combine_and_pages_join_up(
    day: sqlite3.Connection, wanted: EventFilter, limit: int
) -> None:
    """By keyset and by offset, page after page, each list is what brute force finds."""
    whole = expected(day, wanted)
    by_keyset: list[dict[str, Any]] = []
    before: tuple[str, int] | None = None
    while page := listed(day, wanted, before=before, limit=limit):
        by_keyset += page
        before = (page[-1]["recorded_at"], page[-1]["id"])
    assert by_keyset == whole
    by_offset: list[dict[str, Any]] = []
    while page := packed(day, wanted, limit=limit, offset=len(by_offset)):
        by_offset += page
    assert by_offset == whole


numbers = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(
    reals=st.lists(st.none() | numbers, min_size=8, max_size=8),
    words=st.lists(texts, min_size=5, max_size=5),
    ids=st.lists(st.integers(2**53, 2**63 - 1), min_size=2, max_size=2, unique=True),
)
@example(
    reals=[0.7655236004650809, 5e-324, -1.7976931348623157e308, -0.0, 1 / 3, 1e22, None, 0.1],
    words=['"', "\\", "a\0b", "\u202e", "1.5"],
    ids=[2**63 - 1, 2**53 + 1],
)
def test_a_page_fetched_as_one_row_is_the_page_to_the_last_bit(
    reals: list[float | None], words: list[str], ids: list[int]
) -> None:
    """Any number, any text and any id is what the rows hold."""
    connection = projected([])
    event_id, detection_id = ids
    connection.execute(
        "INSERT INTO events (id, camera_id, recorded_at, person_name, recording_id, face_distance,"
        " face_confidence) VALUES (?, ?, '2026-02-25T10:30:00', ?, ?, ?, ?)",
        (event_id, *words[:3], *reals[:2]),
    )
    connection.execute(
        "INSERT INTO detections (id, event_id, label, confidence, bbox_x1, bbox_y1, bbox_x2,"
        " fraction_y2, model, event_recorded_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
        (detection_id, event_id, words[3], reals[2] or 0.5, *reals[3:7], words[4]),
    )
    assert repr(packed(connection)) == repr(listed(connection))


def test_what_a_stranger_put_into_a_column_is_shown_as_it_stands() -> None:
    """Text in a column of numbers stays text, and of bytes the page is told by its rows."""
    connection = projected([])
    connection.execute(
        "INSERT INTO events (id, recorded_at, face_distance) VALUES (1, '2026-02-25', 'near')"
    )
    assert packed(connection) == listed(connection)
    assert packed(connection)[0]["face_distance"] == "near"
    connection.execute("UPDATE events SET person_name = x'00'")
    with pytest.raises(sqlite3.OperationalError, match="BLOB"):
        packed(connection)


def test_the_list_without_a_filter_is_the_contracts(day: sqlite3.Connection) -> None:
    """Twenty, newest recorded_at first, then the higher id."""
    page = listed(day)
    assert page == expected(day, EventFilter())[:20]
    assert listed(day, limit=0) == []


def test_one_event_comes_with_its_detections(day: sqlite3.Connection) -> None:
    """All columns of events, and a list that may be empty; an unknown id gives nothing."""
    for event in expected(day, EventFilter()):
        assert nest(day.execute(*one_event(event["id"]))) == [event]
    assert nest(day.execute(*one_event(10**6))) == []


def test_nesting_takes_rows_as_they_come() -> None:
    """Detections in the journal's order and events newest first, whatever the join's order."""
    records = a_day(12)
    connection = projected(records)
    found = connection.execute(*recent_events()).fetchall()
    shuffled = random.Random(3).sample(found, len(found))
    assert nest(shuffled) == nest(found) == expected(connection, EventFilter())


def test_nesting_takes_sqlite3_rows() -> None:
    """The store's connection answers sqlite3.Row."""
    connection = projected(a_day(5))
    plain = nest(connection.execute(*recent_events()))
    connection.row_factory = sqlite3.Row
    assert nest(connection.execute(*recent_events())) == plain


def test_an_event_with_two_detections_of_a_label_is_listed_once() -> None:
    """Three dogs are one visit."""
    dogs: list[Fact] = [Detection(label="dog", confidence=0.5)] * 3
    facts = [Motion(camera_id="gate", recorded_at=T0), *dogs]
    connection = projected([record(fact, position=1 + n) for n, fact in enumerate(facts)])
    (event,) = listed(connection, EventFilter(label="dog"))
    assert len(event["detections"]) == 3


def test_a_stranger_is_a_face_that_nobody_knows() -> None:
    """An event without a face has no stranger, nor has one with a known face as well."""
    facts: dict[int, list[Fact]] = {
        1: [],
        2: [FaceResult()],
        3: [FaceResult(), FaceResult(name="alice")],
        4: [FaceResult(), UnlockAction(granted=True, person="bob")],
    }
    records: list[Record] = []
    for event_id, seen in facts.items():
        for fact in (Motion(camera_id="gate", recorded_at=T0), *seen):
            records.append(record(fact, position=len(records) + 1, event_id=event_id))
    found = listed(projected(records), EventFilter(stranger=True))
    assert [event["id"] for event in found] == [4, 2]


@pytest.mark.parametrize("label", [None, "dog"])
def test_a_range_of_time_begins_with_since_and_ends_before_until(label: str | None) -> None:
    """Two ranges that meet share no event and lose none."""
    records: list[Record] = []
    for event_id in range(1, 5):
        moment = T0 + timedelta(seconds=event_id)
        for fact in (
            Motion(camera_id="gate", recorded_at=moment),
            Detection(label="dog", confidence=0.5),
        ):
            records.append(record(fact, position=len(records) + 1, event_id=event_id))
    connection = projected(records)
    until = T0 + timedelta(seconds=3)
    earlier = listed(connection, EventFilter(label=label, until=until))
    later = listed(connection, EventFilter(label=label, since=until))
    assert [event["id"] for event in later] == [4, 3]
    assert [event["id"] for event in earlier] == [2, 1]


@pytest.mark.parametrize(("limit", "offset"), [(-1, 0), (20, -1), (LIMIT_MAX + 1, 0), (20, 2**70)])
def test_a_page_has_bounds(limit: int, offset: int) -> None:
    """A negative limit would be none to SQLite."""
    with pytest.raises(BadArgument, match="limit and offset"):
        recent_events(limit=limit, offset=offset)


def test_a_keyset_that_names_no_time_is_the_callers_error() -> None:
    """Only the label's index needs the time as a number."""
    with pytest.raises(BadArgument, match="time"):
        recent_events(EventFilter(label="dog"), before=("yesterday", 1))


def test_queries_are_pure() -> None:
    """The same filter gives the same SQL and parameters."""
    wanted = EventFilter(person="alice", label="dog", since=T0)
    assert recent_events(wanted, limit=5) == recent_events(wanted, limit=5)


# ── plans ──────────────────────────────────────────────────────────────────────────────────

SINCE = T0
UNTIL = T0 + timedelta(days=1)


@pytest.mark.parametrize("before", [None, ("2026-02-25T10:30:00", 7)], ids=["first", "keyset"])
@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (EventFilter(), "idx_events_recorded_at"),
        (EventFilter(since=SINCE, until=UNTIL), "idx_events_recorded_at"),
        (EventFilter(person="alice"), "idx_events_person_name"),
        (EventFilter(person="alice", since=SINCE), "idx_events_person_name"),
        (EventFilter(person="alice", outcome="granted"), "idx_events_person_name"),
        (EventFilter(person="alice", label="dog"), "idx_events_person_name"),
        (EventFilter(label="dog"), "idx_detections_label"),
        (EventFilter(label="dog", since=SINCE, until=UNTIL), "idx_detections_label"),
        (EventFilter(label="dog", camera_id="gate"), "idx_detections_label"),
        (EventFilter(label="dog", outcome="refused"), "idx_detections_label"),
        (EventFilter(camera_id="gate"), "idx_events_camera_id"),
        (EventFilter(camera_id="gate", since=SINCE, until=UNTIL), "idx_events_camera_id"),
        (EventFilter(camera_id="gate", outcome="refused"), "idx_events_outcome"),
        (EventFilter(outcome="granted"), "idx_events_outcome"),
        (EventFilter(outcome="refused", since=SINCE), "idx_events_outcome"),
        (EventFilter(outcome="none"), "idx_events_outcome"),
        (EventFilter(stranger=True), "idx_events_stranger"),
        (EventFilter(stranger=True, camera_id="gate"), "idx_events_stranger"),
        (EventFilter(event_type="ding"), "idx_events_ding"),
        (EventFilter(event_type="motion"), "idx_events_recorded_at"),
    ],
)
@pytest.mark.parametrize("listing", [recent_events, packed_events])
def test_each_list_walks_its_index(
    day: sqlite3.Connection,
    wanted: EventFilter,
    index: str,
    before: tuple[str, int] | None,
    listing: Callable[..., tuple[str, tuple[Any, ...]]],
) -> None:
    """The page's ids come from one index in their order; its rows are looked up by key.

    SQLite orders ids within one and the same recorded_at by itself ("RIGHT PART"); a whole sort
    would read all that the filter finds.
    """
    sql, parameters = listing(wanted, before=before)
    plan = [row[3] for row in day.execute("EXPLAIN QUERY PLAN " + sql, parameters)]
    assert index in plan[1]
    assert not [step for step in plan if "TEMP B-TREE" in step and "RIGHT PART" not in step]
    scans = [step for step in plan if step.startswith("SCAN") and step != "SCAN page"]
    # A list that no filter narrows, or one that its partial index equals, has no key to seek.
    assert all(f"INDEX {index}" in step for step in scans)
    assert not scans or index in {
        "idx_events_recorded_at",
        "idx_events_stranger",
        "idx_events_ding",
    }


def test_one_event_is_looked_up_by_key(day: sqlite3.Connection) -> None:
    """The row by its id, its detections by their event."""
    plan = [row[3] for row in day.execute("EXPLAIN QUERY PLAN " + one_event(1)[0], (1,))]
    assert plan[0].startswith("SEARCH e USING INTEGER PRIMARY KEY")
    assert plan[1].startswith("SEARCH d USING INDEX idx_detections_event_id")
    assert len(plan) == 2


def test_a_label_beside_a_person_is_looked_up_by_event(day: sqlite3.Connection) -> None:
    """Of each of the person's events, not among all detections of the label."""
    sql, parameters = recent_events(EventFilter(person="alice", label="dog"))
    plan = [row[3] for row in day.execute("EXPLAIN QUERY PLAN " + sql, parameters)]
    assert "SEARCH detections USING INDEX idx_detections_event_id (event_id=?)" in plan


def test_persons_are_listed_by_name(day: sqlite3.Connection) -> None:
    """In the order of the name's own index."""
    sql, parameters = persons.listed()
    assert [row[1] for row in day.execute(sql, parameters)] == ["alice", "bob", "carol"]
    (plan,) = day.execute("EXPLAIN QUERY PLAN " + sql, parameters).fetchall()
    assert "sqlite_autoindex_persons_1" in plan[3]
