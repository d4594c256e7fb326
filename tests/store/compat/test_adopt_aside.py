"""A plain store becomes a log: what is left alone, refused, set aside or counted on the way."""

from __future__ import annotations

import logging
import sqlite3

import pytest

from eventlog import Detection, Ding, FaceResult, Motion, PersonNamed
from eventlog.errors import ForeignDatabase
from eventlog.followers import view_tables
from eventlog.journal import table as journal
from eventlog.journal.table import SCHEMA
from eventlog.store.compat import adopt
from tests.store.compat.plain_stores import (
    ANNA,
    DOG,
    LOOSE,
    VISIT,
    become_log,
    contents,
    insert,
    legacy,
    names_in,
    plain_store,
    records,
    records_by_event,
    rows_of,
)

CIRCLE = (
    "ALTER TABLE persons ADD COLUMN first_event REFERENCES events(id);"
    "ALTER TABLE events ADD COLUMN person_id REFERENCES persons(id)"
)

# ── what else is in the file ─────────────────────────────────────────────────────────────


def test_further_tables_of_the_pipeline_are_left_alone() -> None:
    """A table that hangs on nothing stays, rows and indexes."""
    with plain_store(":memory:", [VISIT]) as connection:
        connection.executescript(
            "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT);"
            "CREATE INDEX idx_settings_value ON settings (value);"
            "INSERT INTO settings VALUES ('tolerance', '0.6');"
        )
        become_log(connection)
        assert rows_of(connection, "settings") == [{"name": "tolerance", "value": "0.6"}]
        assert "idx_settings_value" in names_in(connection)


@pytest.mark.parametrize(
    ("ddl", "named"),
    [
        ("CREATE TABLE notes (event_id REFERENCES events(id) ON DELETE CASCADE)", "notes"),
        ("CREATE TABLE Notes (person REFERENCES PERSONS(name))", "notes"),
        ("CREATE TABLE unlock_actions (id INTEGER PRIMARY KEY)", "unlock_actions"),
        ("CREATE TABLE Log (line TEXT)", "log"),
        ("CREATE TABLE t (c); CREATE INDEX idx_events_outcome ON t (c)", "idx_events_outcome"),
        ("ALTER TABLE persons ADD COLUMN first_event REFERENCES events(id)", None),
        (CIRCLE, "circle"),
        ("ALTER TABLE events ADD COLUMN before REFERENCES events(id)", None),
        ("ALTER TABLE detections RENAME COLUMN label TO kind", "label"),
        ("DROP TABLE persons; CREATE TABLE persons (id TEXT PRIMARY KEY, name)", "INTEGER"),
        ("DROP TABLE persons; CREATE TABLE persons (name TEXT PRIMARY KEY)", "INTEGER"),
    ],
)
def test_what_an_adoption_would_destroy_or_can_not_read_is_refused_untouched(
    ddl: str, named: str | None
) -> None:
    """Rows that would go with those they hang on, names that a log needs, tables of others."""
    with plain_store(":memory:", [VISIT], [DOG], [ANNA]) as connection:
        connection.executescript(ddl)
        before = contents(connection)
        if named is None:
            become_log(connection)
            assert journal.last_event(connection) == 7
            return
        with pytest.raises(ForeignDatabase, match=named):
            become_log(connection)
        assert contents(connection) == before


# ── what no append can hold ────────────────────────────────────────────────────────────────


def test_detections_of_events_that_are_gone_stay_in_a_table_of_their_own() -> None:
    """A pipeline without foreign keys leaves them behind; no fact can name their event."""
    with plain_store(":memory:", [VISIT], [DOG]) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        insert(connection, "detections", {**DOG, "id": 13, "event_id": 6})
        insert(connection, "detections", {**DOG, "id": 14, "event_id": 8, "label": "cat"})
        connection.execute("PRAGMA foreign_keys = ON")
        become_log(connection)
        assert legacy(connection)["legacy:7"]["detections"] == [12]
        assert rows_of(connection, "legacy_detections") == [
            {**DOG, "id": 13, "event_id": 6},
            {**DOG, "id": 14, "event_id": 8, "label": "cat"},
        ]


def test_a_row_whose_name_no_fact_can_hold_is_kept_whole_and_its_name_in_no_meta() -> None:
    """The visit has no face result: without its name it would be a stranger's."""
    long = "anna" * 20
    person = {**ANNA, "name": long}
    with plain_store(":memory:", [{**VISIT, "person_name": long}], persons=[person]) as connection:
        become_log(connection)
        assert not [r for r in records(connection) if isinstance(r.fact, FaceResult | PersonNamed)]
        assert rows_of(connection, "legacy_events") == [{**VISIT, "person_name": long}]
        assert rows_of(connection, "legacy_persons") == [person]
        assert legacy(connection) == {"legacy:7": {"id": 7}}


def test_a_persons_further_columns_are_as_personal_as_the_name() -> None:
    """No meta has the telephone number; the row is kept completely."""
    with plain_store(":memory:", persons=[ANNA, {**ANNA, "id": 4, "name": "ben"}]) as connection:
        connection.execute("ALTER TABLE persons ADD COLUMN phone TEXT")
        connection.execute("UPDATE persons SET phone = '555' WHERE id = 3")
        become_log(connection)
        assert [r.key for r in records(connection)] == ["legacy:person:3", "legacy:person:4"]
        assert rows_of(connection, "legacy_persons") == [{**ANNA, "phone": "555"}]
        assert legacy(connection)["legacy:person:3"] == {"id": 3}


def test_a_column_that_nobody_knows_is_kept_in_a_table_and_in_no_meta() -> None:
    """It may hold anything, a telephone number or a name: the journal can never lose it again."""
    bad = {**DOG, "id": 13, "label": 5}
    with plain_store(":memory:", [VISIT, {**VISIT, "id": 8}], [DOG, bad], ddl=LOOSE) as connection:
        for table in ("events", "detections"):
            connection.execute(f'ALTER TABLE {table} ADD COLUMN "what else"')
        connection.execute("UPDATE events SET \"what else\" = 'canary' WHERE id = 7")
        connection.execute("UPDATE detections SET \"what else\" = 'canary'")
        become_log(connection)
        (event,) = rows_of(connection, "legacy_events")
        assert event == dict.fromkeys(VISIT) | {"id": 7, "what else": "canary"}
        assert [
            (row["id"], row["label"], row["what else"])
            for row in rows_of(connection, "legacy_detections")
        ] == [(12, None, "canary"), (13, None, "canary")]
        assert not [row for row in journal.read_all(connection) if b"canary" in (row.meta or b"")]
        assert legacy(connection)["legacy:7"]["detection_values"] == [
            {name: value for name, value in bad.items() if value is not None or name == "bbox_y2"}
        ]


def test_a_row_that_is_kept_whole_is_not_kept_twice() -> None:
    """Its further columns are in it."""
    row = {**VISIT, "person_name": "anna" * 20}
    with plain_store(":memory:", [row]) as connection:
        connection.execute("ALTER TABLE events ADD COLUMN more TEXT DEFAULT 'much'")
        become_log(connection)
        assert rows_of(connection, "legacy_events") == [{**row, "more": "much"}]


def test_a_table_that_has_the_name_already_is_not_touched() -> None:
    """What is set aside finds another name."""
    with plain_store(":memory:", persons=[{**ANNA, "name": "x" * 65}]) as connection:
        connection.execute("CREATE TABLE Legacy_Persons (mine)")
        become_log(connection)
        assert rows_of(connection, "legacy_persons") == []
        assert len(rows_of(connection, "legacy_persons_2")) == 1


def test_an_id_that_no_event_can_have_gives_way_to_the_next_one_after_the_highest() -> None:
    """0, below, and so high that no event could follow; the old id stays in key and meta."""
    events = [{**VISIT, "id": i} for i in (-4, 0, 7, 2**63 - 1)]
    detections = [{**DOG, "id": i + 20, "event_id": i, "label": f"of {i}"} for i in (-4, 0, 7)]
    with plain_store(":memory:", events, detections) as connection:
        become_log(connection)
        assert records_by_event(connection) == {7: ["of 7"], 8: ["of -4"], 9: ["of 0"], 10: []}
        assert {key: kept["id"] for key, kept in legacy(connection).items()} == {
            "legacy:7": 7,
            "legacy:-4": -4,
            "legacy:0": 0,
            f"legacy:{2**63 - 1}": 2**63 - 1,
        }


def test_text_that_is_no_utf8_is_kept_as_its_bytes() -> None:
    """SQLite lets any bytes into a column of text."""
    with plain_store(":memory:", [VISIT], [DOG]) as connection:
        connection.execute("UPDATE events SET camera_id = CAST(x'66ff' AS TEXT)")
        become_log(connection)
        assert legacy(connection)["legacy:7"]["values"] == {"camera_id": b"f\xff"}
        opener = records(connection)[0].fact
        assert isinstance(opener, Ding)
        assert opener.camera_id == "unknown"


def test_tables_with_fewer_columns_take_the_contracts_defaults_and_more_are_kept() -> None:
    """An older pipeline's columns, in its own case."""
    ddl = (
        "CREATE TABLE events (ID INTEGER PRIMARY KEY, Recorded_At TEXT, firmware TEXT, night INT);"
        "CREATE TABLE detections (id INTEGER PRIMARY KEY, event_id INT, label, confidence, track);"
        "CREATE TABLE persons (id INTEGER PRIMARY KEY, name TEXT);"
    )
    event = {"id": 1, "recorded_at": "2026-02-25T10:30:00", "firmware": "1.2", "night": None}
    dog = {"id": 5, "event_id": 1, "label": "dog", "confidence": 1, "track": 9}
    with plain_store(":memory:", [event], [dog], [{"id": 1, "name": "ben"}], ddl=ddl) as connection:
        become_log(connection)
        person, opener, detection = records(connection)
        assert person.fact == PersonNamed(name="ben")
        assert isinstance(opener.fact, Motion)
        assert opener.fact.camera_id == "front_door"
        assert opener.appended_at == opener.fact.recorded_at
        assert detection.fact == Detection(label="dog", confidence=1.0)
        assert legacy(connection)["legacy:1"] == {
            "id": 1,
            "detections": [5],
        }
        events = rows_of(connection, "legacy_events", ("firmware", "night"))
        assert events == [{"firmware": "1.2", "night": None}]
        tracks = rows_of(connection, "legacy_detections", ("id", "label", "track"))
        assert tracks == [{"id": 5, "label": None, "track": 9}]


# ── what is said of it ─────────────────────────────────────────────────────────────────────


def test_rows_with_an_exception_are_counted_and_said_once_without_a_value(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An event, a detection, an orphan and a person: four rows, one line, no name in it."""
    events = [{**VISIT, "door_action": "opened"}, {**VISIT, "id": 8}]
    detections = [DOG, {**DOG, "id": 13, "confidence": 1.3}, {**DOG, "id": 14, "event_id": 99}]
    persons = [{**ANNA, "display_name": "Anna" * 20}]
    with plain_store(":memory:", events, detections, persons) as connection:
        plain = adopt.take(connection)
        schema_without_views(connection)
        with caplog.at_level(logging.INFO, logger="eventlog"):
            adopted = adopt.adopt(connection, plain, 0)
        assert (adopted.events, adopted.persons, adopted.exceptions) == (2, 1, 4)
        assert adopted.head == journal.head(connection)
    (line,) = caplog.messages
    assert "4 of its rows" in line
    assert "nna" not in line


def schema_without_views(connection: sqlite3.Connection) -> None:
    """The journal next to the plain tables, as at the start of an adoption."""
    for statement in view_tables.statements(SCHEMA):
        connection.execute(statement)
    journal.make_log_id(connection, bytes(16))


def test_the_contracts_own_tables_need_no_exception(caplog: pytest.LogCaptureFixture) -> None:
    """Rows as the contract has them become facts completely, and the line is not a warning."""
    with (
        plain_store(":memory:", [VISIT], [DOG], [ANNA]) as connection,
        caplog.at_level(logging.INFO, logger="eventlog"),
    ):
        become_log(connection)
    assert [record.levelno for record in caplog.records] == [logging.INFO]
