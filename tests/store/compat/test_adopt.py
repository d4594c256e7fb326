"""A plain store becomes a log: what goes in, under which ids, and what stays untouched."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from eventlog import (
    AlertSent,
    Box,
    Detection,
    Ding,
    EventStore,
    FaceResult,
    PersonNamed,
    ThumbnailSaved,
    UnlockAction,
    codecs,
)
from eventlog.journal import table as journal
from eventlog.storage.connections import APPLICATION_ID, origin
from tests.store.compat.plain_stores import (
    ANNA,
    CONTRACT,
    DETECTION_COLUMNS,
    DOG,
    EVENT_COLUMNS,
    PERSON_COLUMNS,
    VISIT,
    become_log,
    contents,
    legacy,
    names_in,
    plain_store,
    records,
    records_by_event,
    rows_of,
)
from tests.support.dumps import soundness_of

# ── what goes in ───────────────────────────────────────────────────────────────────────────


def test_each_row_of_a_plain_store_becomes_facts_that_say_what_it_said() -> None:
    """A visit is its opener, detections, face, unlock, picture and alert, in one append."""
    with plain_store(":memory:", [VISIT], [DOG], [ANNA]) as connection:
        become_log(connection)
        assert [record.fact for record in records(connection)] == [
            PersonNamed(name="anna", display_name="Anna"),
            Ding(
                camera_id="front_door",
                recorded_at=datetime(2026, 2, 25, 10, 30, tzinfo=UTC),
                recording_id="7012345678901234567",
            ),
            Detection(label="dog", confidence=0.9, box=Box(x1=1.0, y1=2.0, x2=3.0, y2=None)),
            FaceResult(name="anna", distance=0.31, confidence=0.69),
            UnlockAction(
                granted=True,
                door_action="unlocked",
                person="anna",
                confidence=0.69,
                distance=0.31,
            ),
            ThumbnailSaved(path="thumbnails/2026-02-25T10-30-00.jpg"),
            AlertSent(),
        ]


def test_events_keep_their_ids_and_the_times_of_their_rows() -> None:
    """The envelope has the event's id, its key, and created_at as the time of the append."""
    with plain_store(":memory:", [VISIT], [DOG], [ANNA]) as connection:
        become_log(connection)
        person, *visit = records(connection)
        assert (person.event_id, person.key) == (None, "legacy:person:3")
        assert person.appended_at.isoformat() == "2026-03-01T08:00:00+00:00"
        assert {record.event_id for record in visit} == {7}
        assert [record.key for record in visit] == ["legacy:7"] + [None] * 5
        assert {r.appended_at.isoformat() for r in visit} == {"2026-02-25T10:30:04+00:00"}
        assert [row.append_size for row in journal.read_all(connection)] == [1] + [6] * 6


def test_the_old_ids_stand_in_the_meta_and_nothing_else_does() -> None:
    """A row whose values are all in facts leaves only its ids, and no boot of this machine."""
    with plain_store(":memory:", [VISIT], [DOG], [ANNA]) as connection:
        become_log(connection)
        assert legacy(connection) == {
            "legacy:person:3": {"id": 3},
            "legacy:7": {"id": 7, "detections": [12]},
        }
        metas = [row.meta for row in journal.read_all(connection) if row.meta is not None]
        assert [list(codecs.decode_meta(meta)) for meta in metas] == [["legacy"]] * 2


def test_events_go_in_by_their_ids_each_with_its_own_detections() -> None:
    """Batches of rows are cut anywhere; gaps in the ids stay gaps."""
    ids = [*range(1, 1200), *range(3000, 3900)]
    events = [{"id": i, "recorded_at": "2026-02-25T10:30:00"} for i in reversed(ids)]
    detections = [
        {"event_id": i, "label": f"{i}/{n}", "confidence": 0.5}
        for n in range(3)
        for i in ids
        if i % 3 >= n
    ]
    with plain_store(":memory:", events, detections) as connection:
        become_log(connection)
        assert records_by_event(connection) == {
            i: [f"{i}/{n}" for n in range(3) if i % 3 >= n] for i in ids
        }


@pytest.mark.anyio
async def test_a_store_that_opens_a_plain_store_shows_its_rows_and_goes_on_after_them(
    tmp_path: Path,
) -> None:
    """Reads give the old rows back, a person's included; the next event has the next id."""
    path = tmp_path / "events.db"
    with plain_store(path, [VISIT], [DOG], [ANNA]):
        pass
    async with EventStore(str(path), str(tmp_path / "thumbnails")) as store:
        await store.caught_up(7)
        shown = await store.get_event(7)
        assert shown is not None
        assert {column: shown[column] for column in EVENT_COLUMNS} == VISIT
        (dog,) = shown["detections"]
        told = DETECTION_COLUMNS[1:]
        assert {column: dog[column] for column in told} == {column: DOG[column] for column in told}
        assert await store.write_event("garden", "2026-04-01T00:00:00") == 8
    with closing(sqlite3.connect(path)) as connection:
        (person,) = rows_of(connection, "persons", PERSON_COLUMNS[1:])
        assert person == {column: ANNA[column] for column in PERSON_COLUMNS[1:]}
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    assert soundness_of(path) == [("ok",)]


# ── the file ───────────────────────────────────────────────────────────────────────────────


def test_a_plain_store_without_rows_becomes_an_empty_log() -> None:
    """There is nothing to adopt, and the tables still make way."""
    with plain_store(":memory:") as connection:
        become_log(connection)
        assert journal.last_position(connection) == 0
        assert origin(connection, Path("events.db")) == "ours"


def test_nothing_of_the_plain_tables_is_left_under_the_views_names() -> None:
    """Views come up empty with columns of their own, and their sequences start again."""
    with plain_store(":memory:", [VISIT], [DOG], [ANNA]) as connection:
        become_log(connection)
        for table in ("events", "detections", "persons"):
            assert rows_of(connection, table) == []
        assert connection.execute("SELECT * FROM sqlite_sequence").fetchall() == []
        assert not [name for name in names_in(connection) if name.startswith("legacy_")]
        (application_id,) = connection.execute("PRAGMA application_id").fetchone()
        assert application_id == APPLICATION_ID


def test_foreign_keys_without_a_cascade_do_not_hinder() -> None:
    """Children go before those that they hang on."""
    ddl = CONTRACT.replace(" ON DELETE CASCADE", "")
    with plain_store(":memory:", [VISIT], [DOG], [ANNA], ddl=ddl) as connection:
        become_log(connection)
        assert journal.last_event(connection) == 7


def test_a_failure_in_the_middle_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """A disk that runs full on the way undoes everything; with room again it goes through."""
    path = tmp_path / "events.db"
    events = [{**VISIT, "id": i} for i in range(1, 400)]
    with plain_store(path, events, [DOG], [ANNA]) as connection:
        before = contents(connection)
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 20}")
        with pytest.raises(sqlite3.OperationalError, match="full"):
            become_log(connection)
        assert contents(connection) == before
        assert not connection.in_transaction
        connection.execute(f"PRAGMA max_page_count = {pages * 100}")
        become_log(connection)
        assert journal.last_event(connection) == 399


def test_a_second_opening_finds_a_log_and_changes_nothing() -> None:
    """A store is adopted once."""
    with plain_store(":memory:", [VISIT], [DOG], [ANNA]) as connection:
        become_log(connection)
        before = contents(connection)
        become_log(connection)
        assert contents(connection) == before


def test_text_comes_out_of_the_connection_as_before() -> None:
    """How text is read is changed for the time of the adoption only."""
    with plain_store(":memory:", [VISIT]) as connection:
        before = connection.text_factory
        become_log(connection)
        assert connection.text_factory is before
