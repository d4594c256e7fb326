"""verify finds what was altered, taken away or put in among the records, and names the place."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from eventlog import codecs
from eventlog.errors import DatabaseMissing, ForeignDatabase, NotADatabase
from eventlog.facts import Motion, PersonNamed
from eventlog.journal.append import prepare
from eventlog.maintenance.verify.findings import Report
from eventlog.maintenance.verify.log import verify
from eventlog.record import StoredRecord
from tests.support.logs import (
    T0,
    T0_US,
    build_log,
    guards_down,
    places,
    positions,
    put,
    rewrite,
    rows,
    write_head,
    writing,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A sound log of some sixty records."""
    return build_log(tmp_path / "door.db", 20)


# ── what is whole ────────────────────────────────────────────────────────────────────────────


def test_a_sound_log_has_no_findings_and_no_notes(path: Path) -> None:
    """Nothing is found where nothing is wrong, and every record was read."""
    assert verify(path) == Report((), (), len(rows(path)))


def test_an_empty_log_is_sound(tmp_path: Path) -> None:
    """A log without records has nothing that could be wrong."""
    assert verify(build_log(tmp_path / "door.db", 0)).ok


def test_a_log_is_verified_while_its_writer_is_open(tmp_path: Path) -> None:
    """What is in the WAL is read, and nothing of the writer's is disturbed."""
    path = tmp_path / "door.db"
    build_log(path, 5)
    with writing(path) as connection:
        for append in [prepare([PersonNamed(name=f"p{n}")]) for n in range(10)]:
            put(connection, [append])
        write_head(path, connection)
        assert verify(path).ok
        head = put(connection, [prepare([PersonNamed(name="later")])])
        write_head(path, connection)
    assert verify(path).records == head.position


def test_progress_is_told_up_to_the_journals_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A progress bar gets the number of records done and of all records."""
    monkeypatch.setattr("eventlog.journal.progress.EVERY", 10)
    path = build_log(tmp_path / "door.db", 20)
    told: list[tuple[int, int]] = []
    report = verify(path, progress=lambda done, total: told.append((done, total)))
    assert told == [(n, report.records) for n in range(10, report.records + 1, 10)]


def test_batches_leave_no_row_out(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often the cursor is opened again, each row is read once."""
    monkeypatch.setattr("eventlog.maintenance.verify.walk.ROWS_PER_CURSOR", 7)
    assert verify(path) == Report((), (), len(rows(path)))


# ── what no log is ───────────────────────────────────────────────────────────────────────────


def test_a_missing_file_another_programs_and_no_database_are_named_errors(tmp_path: Path) -> None:
    """A question about a file that is not a log is answered by an error, not by findings."""
    with pytest.raises(DatabaseMissing):
        verify(tmp_path / "none.db")
    text = tmp_path / "text.db"
    text.write_bytes(b"This is no database. " * 100)
    with pytest.raises(NotADatabase):
        verify(text)
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE songs (name TEXT)")
    with pytest.raises(ForeignDatabase):
        verify(tmp_path / "other.db")


def test_a_log_whose_header_is_noise_is_found_by_its_head_file(path: Path) -> None:
    """A head file shows that there was a log, so an unreadable file is a finding."""
    path.write_bytes(b"x" * 100 + path.read_bytes()[100:])
    assert places(verify(path)) == {"file"}


# ── rows ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("event_id", 77),
        ("event_id", None),
        ("kind", "dinG"),
        ("version", 2),
        ("appended_at", T0_US + 1),
        ("append_index", 1),
        ("append_size", 99),
        ("key", "other"),
        ("meta", None),
        ("body", b"\x80"),
        ("hash", bytes(32)),
    ],
)
def test_a_changed_column_is_found_at_its_position(path: Path, column: str, value: Any) -> None:
    """Whichever column of a row was changed, the row is named first."""
    position = next(row[0] for row in rows(path) if row[8] is not None)
    with guards_down(path) as connection:
        connection.execute(
            f"UPDATE journal SET append_size = 99, {column} = ? WHERE position = ?",
            (value, position),
        )
    assert positions(verify(path))[0] == position


@pytest.mark.parametrize("gone", [1, 2, 30])
def test_a_row_removed_from_the_middle_is_named(path: Path, gone: int) -> None:
    """A hole is named by the position that is missing, and by nothing else."""
    with guards_down(path) as connection:
        connection.execute("DELETE FROM journal WHERE position = ?", (gone,))
    report = verify(path)
    assert positions(report) == [gone]
    assert f"record {gone} is missing" in report.findings[0].what


def test_several_rows_removed_are_one_hole(path: Path) -> None:
    """The positions that are missing are named as a range."""
    with guards_down(path) as connection:
        connection.execute("DELETE FROM journal WHERE position BETWEEN 10 AND 19")
    report = verify(path)
    assert positions(report) == [10]
    assert "records 10 to 19 are missing" in report.findings[0].what


def test_rows_removed_from_the_end_are_named_by_the_head_file(path: Path) -> None:
    """A shorter journal looks complete; the head file shows the loss."""
    end = len(rows(path))
    with guards_down(path) as connection:
        connection.execute("DELETE FROM journal WHERE position > ?", (end - 3,))
    report = verify(path)
    assert end - 2 in positions(report)
    assert min(positions(report)) >= end - 3
    assert "durable records are gone" in " ".join(f.what for f in report.findings)


def test_two_swapped_rows_are_both_named(path: Path) -> None:
    """Two records that changed places are found at both of them."""
    with guards_down(path) as connection:
        for at, to in ((20, -1), (40, 20), (-1, 40)):
            connection.execute("UPDATE journal SET position = ? WHERE position = ?", (to, at))
    assert {20, 40} <= set(positions(verify(path)))


def test_a_row_put_in_front_of_the_first_is_found(path: Path) -> None:
    """No record has a position before 1."""
    with guards_down(path) as connection:
        connection.execute("UPDATE journal SET position = 0 WHERE position = 7")
    assert set(positions(verify(path))) == {1, 7}


def test_a_page_that_is_read_twice_is_named_where_the_order_breaks(tmp_path: Path) -> None:
    """A flipped bit in a page number can lead to one page twice, and past another."""
    path = build_log(tmp_path / "door.db", 60, project=False)
    with closing(sqlite3.connect(path)) as connection:
        (root,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'journal'"
        ).fetchone()
    data = bytearray(path.read_bytes())
    cells = (root - 1) * 4096 + 12  # of an interior page: pointers to cells of a page number each
    first, second = (int.from_bytes(data[cells + 2 * n : cells + 2 * n + 2]) for n in (0, 1))
    start = (root - 1) * 4096
    data[start + second : start + second + 4] = data[start + first : start + first + 4]
    path.write_bytes(data)
    named = positions(verify(path))
    assert named[0] == named[1] > 1


def test_the_rest_is_checked_behind_a_finding(path: Path) -> None:
    """One damaged record does not hide another."""
    with guards_down(path) as connection:
        connection.execute("UPDATE journal SET body = x'80' WHERE position IN (10, 50)")
        connection.execute("DELETE FROM journal WHERE position = 25")
    assert positions(verify(path)) == [10, 25, 50]


def test_a_page_of_noise_is_a_range_and_the_rest_is_checked(tmp_path: Path) -> None:
    """Positions that SQLite can't reach are named, and reading continues after them."""
    path = build_log(tmp_path / "door.db", 100)
    with guards_down(path) as connection:
        connection.execute("UPDATE journal SET body = x'80' WHERE position = 300")
        (page,) = connection.execute(
            "SELECT pageno FROM dbstat WHERE name = 'journal' AND pagetype = 'leaf'"
            " ORDER BY path LIMIT 1 OFFSET 5"
        ).fetchone()
    data = bytearray(path.read_bytes())
    data[(page - 1) * 4096 : page * 4096] = random.Random(1).randbytes(4096)
    path.write_bytes(data)
    report = verify(path)
    first, second = positions(report)[:2]
    assert "can't be read" in report.findings[0].what
    assert 1 < first < 300
    assert second == 300


def test_a_log_id_that_is_not_the_chains_is_found(path: Path) -> None:
    """The chain begins with the id, so another id starts another chain."""
    with guards_down(path) as connection:
        connection.execute("UPDATE log SET log_id = ?", (bytes(16),))
    report = verify(path)
    assert positions(report) == [1]
    assert "head file" in places(report)


def test_a_log_with_two_ids_is_found(path: Path) -> None:
    """The table `log` has one row, with the number 1."""
    with guards_down(path) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("UPDATE log SET one = 3")
    assert places(verify(path)) >= {"table log"}


def test_a_missing_log_id_is_found(path: Path) -> None:
    """Without the id the records can still be compared with each other."""
    with guards_down(path) as connection:
        connection.execute("DELETE FROM log")
    assert places(verify(path)) == {"table log"}


# ── what the columns say about each other ────────────────────────────────────────────────────


def changed_row(path: Path, position: int, **columns: Any) -> Report:
    """The report on a log one row of which was written otherwise, hashes and all."""

    def change(stored: list[StoredRecord]) -> None:
        stored[position - 1] = stored[position - 1]._replace(**columns)

    rewrite(path, change)
    return verify(path)


def test_a_kind_that_is_not_the_bodys_is_found(path: Path) -> None:
    """Kind and version are in the columns and in the body, and must agree."""
    for columns in ({"kind": "alert_sent"}, {"version": 2}):
        assert 5 in positions(changed_row(path, 5, **columns))


def test_a_format_of_a_later_program_is_found(path: Path) -> None:
    """A row in a format that this program does not know can't be vouched for."""
    report = changed_row(path, 5, format=2)
    assert positions(report) == [5]
    assert "format is 2" in report.findings[0].what


def test_an_append_that_is_not_whole_is_found(tmp_path: Path) -> None:
    """Index and size of appends must describe complete appends, at the journal's end too."""
    made = [prepare([PersonNamed(name=name) for name in "abc"]) for _ in range(3)]
    path = build_log(tmp_path / "door.db", made)
    assert positions(changed_row(path, 5, append_index=2)) == [5, 6]
    path.unlink()
    build_log(path, made)
    rewrite(path, lambda stored: stored.__delitem__(8))
    assert positions(verify(path)) == [8]
    path.unlink()
    build_log(path, made)
    assert positions(changed_row(path, 6, key="late")) == [6]
    path.unlink()
    build_log(path, made)
    assert positions(changed_row(path, 6, append_index=0, append_size=1)) == [6]


def test_events_are_opened_once_and_before_their_facts(tmp_path: Path) -> None:
    """An opener's event is new; other facts belong to an event that was opened."""
    motion = Motion(camera_id="front_door", recorded_at=T0)
    made = [prepare([motion]), prepare([motion]), prepare([PersonNamed(name="a")], event_id=1)]
    path = build_log(tmp_path / "door.db", made, project=False)
    assert verify(path).ok
    assert positions(changed_row(path, 2, event_id=1)) == [2]
    assert positions(changed_row(path, 2, event_id=None)) == [2]
    assert positions(changed_row(path, 2, event_id=2)) == []
    assert positions(changed_row(path, 3, event_id=9)) == [3]


def test_a_kind_of_a_later_program_is_no_finding(path: Path) -> None:
    """An unknown record is undamaged if its hash is right; only its kind must agree."""
    body = codecs.encode_meta({"kind": "silent_camera", "version": 3, "since": 1})
    assert changed_row(path, 5, kind="silent_camera", version=3, body=body).ok
