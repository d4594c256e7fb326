"""A check finds every row of a view that a replay would make otherwise, and writes nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import pytest

from eventlog.errors import DatabaseMissing, ForeignDatabase, JournalHole
from eventlog.facts import UncleanStop
from eventlog.followers import checkpoints, projector
from eventlog.followers import compare as replay_check
from eventlog.followers.compare import Difference, check
from eventlog.journal.append import prepare
from eventlog.projections import VIEWS
from tests.support.logs import appends, build_log, contents, guards_down, put, rewrite, writing
from tests.support.vocabulary import every_kind


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log of some hundred records, its views up to date."""
    return build(tmp_path / "door.db")


def build(path: Path) -> Path:
    """Visits, and every kind of fact, so that each view has a row."""
    return build_log(
        path, [*appends(30), *every_kind(), prepare([UncleanStop(journal_position=7)])]
    )


@contextmanager
def changing(path: Path) -> Iterator[sqlite3.Connection]:
    """Raw SQL on the views."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def test_views_that_follow_from_the_journal_are_found_equal(path: Path) -> None:
    """Nothing is different, and the log is as it was."""
    before = contents(path)
    assert check(path) == []
    assert contents(path) == before


@pytest.mark.parametrize("table", [table for view in VIEWS for table in view.tables])
def test_a_changed_value_is_found_in_every_column(path: Path, table: str) -> None:
    """The table, the row and the column are named; the value is not."""
    with changing(path) as connection:
        names = [row[0] for row in connection.execute(replay_check.COLUMNS, (table,))]
        found = connection.execute(f"SELECT max(id) FROM {table}").fetchone()
    assert found[0] is not None
    for column in [name for name in names if name not in {"id", "event_id", "name"}]:
        update = f"UPDATE {table} SET {column} = ? WHERE id = ?"
        with changing(path) as connection:
            (old,) = connection.execute(
                f"SELECT {column} FROM {table} WHERE id = ?", found
            ).fetchone()
            sealed = column == "sealed" or column.endswith("_sealed")
            new = b"1999" if sealed else "1999" if isinstance(old, str) else 1999
            connection.execute(update, (new, *found))
        assert check(path) == [Difference(table, found[0], column, "a replay makes another value")]
        with changing(path) as connection:
            connection.execute(update, (old, *found))


def test_a_row_that_is_missing_is_found(path: Path) -> None:
    """First, in the middle and last."""
    with changing(path) as connection:
        ids = [row[0] for row in connection.execute("SELECT id FROM detections ORDER BY id")]
        gone = [ids[0], ids[len(ids) // 2], ids[-1]]
        connection.executemany("DELETE FROM detections WHERE id = ?", [(id_,) for id_ in gone])
    assert check(path) == [
        Difference("detections", id_, None, "it is missing, and a replay makes it") for id_ in gone
    ]


def test_a_row_too_many_is_found(path: Path) -> None:
    """Before, between and behind those that follow from the journal."""
    with changing(path) as connection:
        connection.executemany(
            "INSERT INTO persons (id, name, created_at) VALUES (?, ?, '')",
            [(-1, "a"), (10**6, "b")],
        )
    what = "a replay makes no such row"
    assert check(path) == [
        Difference("persons", -1, None, what),
        Difference("persons", 10**6, None, what),
    ]


def test_text_that_is_no_text_is_found(path: Path) -> None:
    """Damage that SQLite hands out as text is compared, not stumbled over."""
    with changing(path) as connection:
        connection.execute("UPDATE events SET camera_id = CAST(x'ff' AS TEXT) WHERE id = 3")
    assert [str(difference) for difference in check(path)] == [
        "events, row 3, column camera_id: a replay makes another value"
    ]


def test_an_index_that_is_missing_is_found_and_the_rows_are_compared(path: Path) -> None:
    """The schema is part of a view."""
    with changing(path) as connection:
        connection.execute("DROP INDEX idx_events_ding")
        connection.execute("UPDATE events SET alert_sent = 7 WHERE id = 3")
    assert [str(difference) for difference in check(path)] == [
        "events: the schema of idx_events_ding is different",
        "events, row 3, column alert_sent: a replay makes another value",
    ]


def test_a_table_that_is_missing_is_found_with_those_that_hang_on_it(path: Path) -> None:
    """No row of theirs can be compared without it."""
    with changing(path) as connection:
        connection.execute("DROP TABLE events")
    found = {difference.table: difference.what for difference in check(path)}
    assert found.pop("events") == "events is missing"
    assert set(found) == {view.name for view in VIEWS if "events" in view.parents}


def test_a_view_of_another_version_is_not_compared(path: Path) -> None:
    """Its rows would all be others, for a good reason."""
    with changing(path) as connection:
        connection.execute("UPDATE checkpoints SET version = 9 WHERE view = 'persons'")
    assert [str(difference) for difference in check(path)] == [
        "persons: version 9 of the view filled it, not 2"
    ]


def test_a_view_without_a_checkpoint_is_found(path: Path) -> None:
    """It is not known how many records it has applied."""
    with changing(path) as connection:
        connection.execute("DELETE FROM checkpoints WHERE view = 'persons'")
    assert [str(difference) for difference in check(path)] == [
        "persons: the view has no checkpoint"
    ]


def test_a_checkpoint_past_the_journal_is_found(path: Path) -> None:
    """A view can't have seen what is not there."""
    with changing(path) as connection:
        connection.execute("UPDATE checkpoints SET position = 10000 WHERE view = 'persons'")
    (difference,) = check(path)
    assert difference.what.startswith("the view is at 10000, and the journal ends at ")


def test_views_are_compared_as_far_as_they_have_come(tmp_path: Path) -> None:
    """Records that are not yet projected are not a difference."""
    path = build_log(tmp_path / "door.db", 20)
    with writing(path) as connection:
        some = [msgspec.structs.replace(append, key=None) for append in appends(20, seed=3)]
        put(connection, some)
        assert check(path) == []
        child = next(view for view in VIEWS if view.name == "detections")
        parent = next(view for view in VIEWS if view.name == "events")
        projector.project_batch(connection, [parent], limit=30)
        assert check(path) == []
        projector.project_batch(connection, [child], limit=11)
        ends = {at.position for at in checkpoints.read(connection).values()}
        assert len(ends) > 1
        assert check(path) == []


def test_a_wrong_table_is_told_in_so_many_differences(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A million wrong rows fill no memory; the next table is compared nevertheless."""
    monkeypatch.setattr(replay_check, "KEPT_PER_TABLE", 5)
    with changing(path) as connection:
        connection.execute("UPDATE events SET alert_sent = 7")
        connection.execute("UPDATE persons SET display_name = 'x'")
    found = [str(difference) for difference in check(path)]
    assert found[5] == "events: and more rows are different"
    assert any(line.startswith("persons") for line in found[6:])


def test_progress_is_told_to_the_last_record(path: Path) -> None:
    """The position that was reached, and the last one."""
    told: list[tuple[int, int]] = []
    check(path, progress=lambda position, end: told.append((position, end)))
    assert told[-1][0] == told[-1][1] > 0


def test_a_hole_in_the_journal_is_an_alarm(path: Path) -> None:
    """No replay can be made of it."""
    with guards_down(path) as connection:
        connection.execute("DELETE FROM journal WHERE position = 20")
    with pytest.raises(JournalHole, match="after 19 comes 21"):
        check(path)


def make_unreadable(path: Path) -> None:
    """Give record 11 an unknown kind; the views still have what it said."""

    def unreadable(rows: list[object]) -> None:
        rows[10] = rows[10]._replace(kind="smoke")  # type: ignore[attr-defined]  # a StoredRecord

    rewrite(path, unreadable)  # type: ignore[arg-type]  # as above


def project_anew(path: Path) -> None:
    """Fill the live views from the first record on."""
    with writing(path) as connection:
        for view in VIEWS:
            connection.executescript("".join(f"DELETE FROM {table};" for table in view.tables))
            checkpoints.reset(connection, view.name, view.version)
        while not projector.project_batch(connection).at_end:
            pass


def test_records_that_cannot_be_read_are_left_out_of_both(path: Path) -> None:
    """The live view has parked them, and so does the replay."""
    make_unreadable(path)
    before = check(path)
    project_anew(path)
    assert before
    assert check(path) == []


def test_what_is_parked_is_held_against_what_a_replay_parks(path: Path) -> None:
    """A record that is not parked any more, one with another reason, and one too many are named."""
    make_unreadable(path)
    project_anew(path)
    with changing(path) as connection:
        connection.execute("DELETE FROM parked WHERE view = 'events'")
        connection.execute("UPDATE parked SET reason = 'Ada' WHERE view = 'persons'")
        connection.execute("INSERT INTO parked VALUES ('unlock_actions', 12, 'no such reason')")
    of = "for the view"
    assert check(path) == [
        Difference("parked", 11, None, f"it is missing, and a replay makes it {of} events"),
        Difference("parked", 11, "reason", f"a replay makes another value {of} persons"),
        Difference("parked", 12, None, f"a replay makes no such row {of} unlock_actions"),
    ]


def test_a_log_without_the_table_of_what_is_parked_is_found(path: Path) -> None:
    """Its views are compared nevertheless."""
    with changing(path) as connection:
        connection.execute("DROP TABLE parked")
        (first,) = connection.execute("SELECT min(id) FROM detections").fetchone()
        connection.execute("DELETE FROM detections WHERE id = ?", (first,))
    assert list(map(str, check(path))) == [
        "parked: the schema of parked is different",
        f"detections, row {first}: it is missing, and a replay makes it",
    ]


@pytest.mark.parametrize("kind", ["missing", "foreign"])
def test_what_is_no_log_is_an_error(tmp_path: Path, kind: str) -> None:
    """The caller gets an error with one sentence."""
    path = tmp_path / "other.db"
    if kind == "foreign":
        with changing(path) as connection:
            connection.execute("CREATE TABLE notes (text)")
    with pytest.raises(DatabaseMissing if kind == "missing" else ForeignDatabase):
        check(path)
